package pack

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/warmstore/warmstore/internal/blob"
)

// newWriter starts a pack of one small blob.
func newWriter(t *testing.T, tmp string) *Writer {
	t.Helper()
	w, err := Create(tmp)
	check(t, err)
	appendNoise(t, w, 100)
	return w
}

func appendNoise(t *testing.T, w *Writer, n int) {
	t.Helper()
	check(t, w.Append(noiseEntry(n), noise(1, n)))
}

func noiseEntry(n int) blob.Entry {
	return blob.Entry{ID: blob.Sum(noise(1, n)), Raw: uint32(n), Codec: blob.Raw}
}

// fillDisk gives the Writer a file on a disk without space.
func fillDisk(t *testing.T, w *Writer) {
	t.Helper()
	name := w.file.Name()
	check(t, w.file.Close())
	fd, err := unix.Open("/dev/full", unix.O_WRONLY|unix.O_CLOEXEC, 0)
	check(t, err)
	w.file = os.NewFile(uintptr(fd), name)
}

// wantDead holds that w does nothing but repeat its first error.
func wantDead(t *testing.T, w *Writer, dir Dir, cause error) {
	t.Helper()
	for range 2 {
		err := w.Append(noiseEntry(10), noise(1, 10))
		wantError(t, err, ErrBroken)
		wantError(t, err, cause)
		_, err = w.Finish(dir)
		wantError(t, err, ErrBroken)
		wantError(t, err, cause)
		w.Abort()
	}
	for f := range dir.List() {
		t.Errorf("a dead writer published %s", f.Path)
	}
}

func TestWriterIsDeadAfterFullDiskInAppend(t *testing.T) {
	dir, tmp := newDir(t)
	w := newWriter(t, tmp)
	fillDisk(t, w)
	err := w.Append(noiseEntry(bufferSize), noise(1, bufferSize))
	wantError(t, err, unix.ENOSPC)
	if errors.Is(err, ErrBroken) {
		t.Errorf("the first error %v is ErrBroken", err)
	}
	wantDead(t, w, dir, unix.ENOSPC)
	wantEmpty(t, tmp)
}

func TestWriterIsDeadAfterFullDiskInFinish(t *testing.T) {
	dir, tmp := newDir(t)
	w := newWriter(t, tmp)
	fillDisk(t, w)
	_, err := w.Finish(dir)
	wantError(t, err, unix.ENOSPC)
	wantDead(t, w, dir, unix.ENOSPC)
	wantEmpty(t, tmp)
}

func TestWriterIsDeadAfterClosedFile(t *testing.T) {
	dir, tmp := newDir(t)
	w := newWriter(t, tmp)
	check(t, w.file.Close())
	_, err := w.Finish(dir)
	wantError(t, err, fs.ErrClosed)
	wantDead(t, w, dir, fs.ErrClosed)
	wantEmpty(t, tmp)
}

// A pipe takes writes but cannot be synced.
func TestWriterIsDeadAfterFailedSync(t *testing.T) {
	dir, tmp := newDir(t)
	w := newWriter(t, tmp)
	name := w.file.Name()
	check(t, w.file.Close())
	var fds [2]int
	check(t, unix.Pipe2(fds[:], unix.O_CLOEXEC))
	t.Cleanup(func() { unix.Close(fds[0]) })
	w.file = os.NewFile(uintptr(fds[1]), name)
	_, err := w.Finish(dir)
	wantError(t, err, unix.EINVAL)
	wantDead(t, w, dir, unix.EINVAL)
	wantEmpty(t, tmp)
}

func TestWriterIsDeadWhereNoShardIs(t *testing.T) {
	_, tmp := newDir(t)
	w := newWriter(t, tmp)
	_, err := w.Finish(Dir(filepath.Join(tmp, "none")))
	wantError(t, err, fs.ErrNotExist)
	dir, _ := newDir(t)
	wantDead(t, w, dir, fs.ErrNotExist)
	wantEmpty(t, tmp)
}

func TestEmptyPackIsRefused(t *testing.T) {
	dir, tmp := newDir(t)
	w, err := Create(tmp)
	check(t, err)
	_, err = w.Finish(dir)
	wantError(t, err, ErrCorrupt)
	wantDead(t, w, dir, ErrCorrupt)
	wantEmpty(t, tmp)
}

// What a footer may not hold is found before the pack is published.
func TestWrongEntriesAreRefused(t *testing.T) {
	dir, tmp := newDir(t)
	for _, tt := range []struct {
		name   string
		entry  blob.Entry
		stored []byte
	}{
		{"no codec", blob.Entry{Raw: 10}, noise(1, 10)},
		{"unknown codec", blob.Entry{Raw: 10, Codec: 4}, noise(1, 10)},
		{"raw of another length", blob.Entry{Raw: 11, Codec: blob.Raw}, noise(1, 10)},
		{"empty", blob.Entry{Codec: blob.Raw}, nil},
		{"zstd no smaller", blob.Entry{Raw: 10, Codec: blob.Zstd}, noise(1, 10)},
		{"zstd of nothing", blob.Entry{Raw: 10, Codec: blob.Zstd}, nil},
		{"delta without base", blob.Entry{Raw: 11, Codec: blob.XOR}, noise(1, 10)},
		{"delta against itself", blob.Entry{ID: blob.Sum(nil), Base: blob.Sum(nil), Raw: 11, Codec: blob.XOR},
			noise(1, 10)},
		{"above MaxRaw", blob.Entry{Raw: blob.MaxRaw + 1, Codec: blob.Zstd}, noise(1, 10)},
	} {
		w := newWriter(t, tmp)
		check(t, w.Append(tt.entry, tt.stored))
		if _, err := w.Finish(dir); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: error is %v", tt.name, err)
		}
		wantDead(t, w, dir, ErrCorrupt)
	}
	wantEmpty(t, tmp)
}

func TestAbortRemovesTheTemp(t *testing.T) {
	dir, tmp := newDir(t)
	w := newWriter(t, tmp)
	appendNoise(t, w, bufferSize)
	w.Abort()
	wantEmpty(t, tmp)
	wantDead(t, w, dir, ErrBroken)
}

func TestWriterIsDeadAfterFinish(t *testing.T) {
	dir, tmp := newDir(t)
	w := newWriter(t, tmp)
	tail, err := w.Finish(dir)
	check(t, err)
	wantError(t, w.Append(noiseEntry(10), noise(1, 10)), ErrBroken)
	_, err = w.Finish(dir)
	wantError(t, err, ErrBroken)
	w.Abort()
	openPack(t, dir, tail.ID())
}

func TestWriterCounts(t *testing.T) {
	dir, tmp := newDir(t)
	w, err := Create(tmp)
	check(t, err)
	if w.Size() != headerSize || w.Len() != 0 {
		t.Errorf("a new pack has %d bytes and %d blobs", w.Size(), w.Len())
	}
	appendNoise(t, w, 100)
	appendNoise(t, w, bufferSize+5)
	if w.Size() != headerSize+100+bufferSize+5 || w.Len() != 2 {
		t.Errorf("the pack has %d bytes and %d blobs", w.Size(), w.Len())
	}
	tail, err := w.Finish(dir)
	check(t, err)
	if tail.Size() != w.Size() {
		t.Errorf("the tail says %d bytes, the writer %d", tail.Size(), w.Size())
	}
}

func TestCreateNeedsItsDirectory(t *testing.T) {
	_, err := Create(filepath.Join(t.TempDir(), "none"))
	wantError(t, err, fs.ErrNotExist)
}
