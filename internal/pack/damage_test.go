package pack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/warmstore/warmstore/internal/blob"
)

// A victim is a published pack whose file a test may damage.
type victim struct {
	dir   Dir
	all   []sample
	tail  Tail
	file  *os.File
	bytes []byte // the whole, undamaged
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	dir, tmp := newDir(t)
	v := &victim{dir: dir, all: samples(t)}
	v.tail = writePack(t, dir, tmp, v.all)
	path := dir.Path(v.tail.ID())
	check(t, os.Chmod(path, 0o600))
	b, err := os.ReadFile(path)
	check(t, err)
	v.bytes = b
	v.file, err = os.OpenFile(path, os.O_RDWR, 0)
	check(t, err)
	t.Cleanup(func() { v.file.Close() })
	return v
}

func (v *victim) write(t *testing.T, at int, b ...byte) {
	t.Helper()
	_, err := v.file.WriteAt(b, int64(at))
	check(t, err)
}

// read opens the pack, and reads its tail.
func (v *victim) read() (*Reader, error) {
	r, err := v.dir.Open(v.tail.ID())
	if err != nil {
		return nil, err
	}
	tail, err := r.Tail()
	if err == nil && !bytes.Equal(tail.Bytes(), v.tail.Bytes()) {
		err = errors.New("another tail passes for the pack's")
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// wantOneDamaged holds that of the blobs the one at offset is damaged, and that
// the others are read.
func (v *victim) wantOneDamaged(t *testing.T, r *Reader, offset int) {
	t.Helper()
	for i, s := range v.all {
		e := v.tail.Entry(i)
		stored, err := r.ReadStored(nil, e)
		if isHit := offset >= int(e.Offset) && offset < int(e.Offset+e.Stored); !isHit {
			check(t, err)
			if !bytes.Equal(stored, s.stored) {
				t.Fatalf("blob %d is other bytes", i)
			}
			continue
		}
		wantCorrupt(t, err)
		var failed *BlobError
		if !errors.As(err, &failed) || failed.Blob != e.ID || failed.Pack != v.tail.ID() ||
			failed.Offset != e.Offset {
			t.Fatalf("blob %d: error is %#v", i, err)
		}
	}
}

func TestEveryFlippedBitIsFound(t *testing.T) {
	v := newVictim(t)
	blobs := len(v.bytes) - len(v.tail.Bytes())
	for at, b := range v.bytes {
		for bit := range 8 {
			v.write(t, at, b^1<<bit)
			r, err := v.read()
			isBlob := at >= headerSize && at < blobs
			switch {
			case isBlob:
				check(t, err)
				v.wantOneDamaged(t, r, at)
				check(t, r.Close())
			case errors.Is(err, ErrVersion) || !errors.Is(err, ErrCorrupt):
				t.Fatalf("bit %d of byte %d: error is %v", bit, at, err)
			}
		}
		v.write(t, at, b)
	}
}

func TestNewerVersionIsNoDamage(t *testing.T) {
	v := newVictim(t)
	for _, version := range []byte{2, 3, 255} {
		// All else of a newer pack may differ, its trailer too.
		check(t, v.file.Truncate(200))
		v.write(t, 8, version)
		_, err := v.read()
		wantError(t, err, ErrVersion)
		wantError(t, err, blob.ErrVersion)
		if errors.Is(err, blob.ErrCorrupt) {
			t.Fatalf("version %d is damage: %v", version, err)
		}
	}
	v.write(t, 8, 0)
	_, err := v.read()
	wantCorrupt(t, err)
}

func TestEveryOtherLengthIsDamage(t *testing.T) {
	v := newVictim(t)
	check(t, v.file.Truncate(int64(len(v.bytes))+1))
	_, err := v.read()
	wantCorrupt(t, err)
	for n := len(v.bytes) - 1; n >= 0; n-- {
		check(t, v.file.Truncate(int64(n)))
		_, err := v.read()
		wantCorrupt(t, err)
	}
}

// The file may shrink after it was opened, or an index may claim too much.
func TestBlobBeyondTheEndIsDamage(t *testing.T) {
	v := newVictim(t)
	r := openPack(t, v.dir, v.tail.ID())
	for _, e := range []blob.Entry{
		{Offset: uint32(len(v.bytes)), Stored: 1}, {Offset: 1<<32 - 1, Stored: 1<<32 - 1},
		{Offset: 16, Stored: 1 << 31},
	} {
		n := allocated(func() {
			_, err := r.ReadStored(nil, e)
			wantCorrupt(t, err)
		})
		if n > 1<<16 {
			t.Errorf("%d bytes at %d: allocates %d bytes", e.Stored, e.Offset, n)
		}
	}
	check(t, v.file.Truncate(20))
	_, err := r.ReadStored(nil, v.tail.Entry(1))
	wantCorrupt(t, err)
}

func TestPackUnderAnotherNameIsDamage(t *testing.T) {
	v := newVictim(t)
	id := blob.Sum([]byte("another"))
	check(t, os.WriteFile(v.dir.Path(id), v.bytes, 0o600))
	_, err := openPack(t, v.dir, id).Tail()
	wantCorrupt(t, err)
}

// Claims of a trailer are held against the file's size before they are believed.
func TestFooterClaimsAllocateNothing(t *testing.T) {
	v := newVictim(t)
	trailer := len(v.bytes) - trailerSize
	for _, claim := range []uint32{0, 1, 6, 1 << 20, 1<<24 - 1, 1<<32 - 1} {
		for _, field := range []int{trailer, trailer + 4} {
			old := v.bytes[field : field+4]
			v.write(t, field, binary.LittleEndian.AppendUint32(nil, claim)...)
			if claim == binary.LittleEndian.Uint32(old) {
				continue
			}
			n := allocated(func() {
				_, err := v.read()
				wantCorrupt(t, err)
			})
			if n > 1<<16 {
				t.Errorf("claim of %d: allocates %d bytes", claim, n)
			}
			v.write(t, field, old...)
		}
	}
}

// Whatever is in place of a pack, opening it is an error and no panic.
func TestStrayFilesAreNoPacks(t *testing.T) {
	dir, _ := newDir(t)
	id := blob.Sum(nil)
	for _, content := range [][]byte{nil, header(), make([]byte, 1000), noise(1, 1000), text(1000)} {
		path := dir.Path(id)
		check(t, os.WriteFile(path, content, 0o600))
		_, err := dir.Open(id)
		wantCorrupt(t, err)
		check(t, os.Remove(path))
	}
	check(t, os.Mkdir(dir.Path(id), 0o700))
	if _, err := dir.Open(id); err == nil {
		t.Error("a directory opens as a pack")
	}
	if filepath.Ext(dir.Path(id)) != ".pack" {
		t.Errorf("path is %q", dir.Path(id))
	}
}
