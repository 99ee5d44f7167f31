package fsx

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestOnlyRegularFilesAreOpened(t *testing.T) {
	needRoot(t)
	d, path := tempDir(t)
	write(t, d, "file", "x")
	check(t, d.Mkdir("dir"))
	check(t, d.Symlink("file", "link"))
	check(t, d.Mknod("pipe", Meta{Type: FIFO}))
	check(t, d.Mknod("socket", Meta{Type: Socket}))
	check(t, d.Mknod("tty", Meta{Type: CharDevice, Rdev: unix.Mkdev(5, 0)}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, name := range []string{"dir", "link", "pipe", "socket", "tty"} {
			_, _, err := d.OpenFile(name)
			_, _, errRW := d.OpenFileRW(name)
			if !errors.Is(err, ErrNotRegular) || !errors.Is(errRW, ErrNotRegular) {
				t.Errorf("%s: errors are %v and %v", name, err, errRW)
			}
		}
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("opening blocks: a fifo was opened")
	}
	// A writer that does not wait finds no reader.
	_, err := unix.Open(filepath.Join(path, "pipe"), unix.O_WRONLY|unix.O_NONBLOCK, 0)
	wantError(t, err, unix.ENXIO)
	for _, m := range []Meta{{Type: Regular}, {Type: Directory}, {Type: Symlink}, {}} {
		wantError(t, d.Mknod("node", m), ErrType)
	}
}

// What is exchanged after it was looked at is not opened: the look is at what is
// held, and that is what is opened.
func TestExchangedFilesAreNotOpened(t *testing.T) {
	needRoot(t)
	d, path := tempDir(t)
	for name, plant := range map[string]func(name string) error{
		"pipe":      func(name string) error { return d.Mknod(name, Meta{Type: FIFO}) },
		"device":    func(name string) error { return d.Mknod(name, Meta{Type: CharDevice, Rdev: unix.Mkdev(5, 0)}) },
		"socket":    func(name string) error { return d.Mknod(name, Meta{Type: Socket}) },
		"symlink":   func(name string) error { return d.Symlink("/etc/passwd", name) },
		"directory": d.Mkdir,
	} {
		write(t, d, name, "original")
		n, err := d.pin(name)
		check(t, err)
		check(t, os.Rename(filepath.Join(path, name), filepath.Join(path, name+" moved")))
		check(t, plant(name))
		fd, err := n.reopen(unix.O_RDONLY)
		check(t, err)
		f := newFile(fd, name)
		if content, err := io.ReadAll(f); string(content) != "original" {
			t.Errorf("%s: read %q, %v", name, content, err)
		}
		f.Close()
		n.release()
		_, _, err = d.OpenFile(name)
		wantError(t, err, ErrNotRegular)
	}
}

func TestReadingLeavesNoTrace(t *testing.T) {
	d, path := tempDir(t)
	write(t, d, "file", "content")
	old := time.Unix(1000, 0)
	check(t, os.Chtimes(filepath.Join(path, "file"), old, time.Now()))
	f, before, err := d.OpenFile("file")
	check(t, err)
	defer f.Close()
	content, err := io.ReadAll(f)
	check(t, err)
	if string(content) != "content" || before.ID.Size != 7 {
		t.Errorf("content is %q, size %d", content, before.ID.Size)
	}
	after, err := StatFile(f)
	check(t, err)
	if before.ID != after.ID || stat(t, d, "file").ID != after.ID {
		t.Errorf("identity is %+v, was %+v", after.ID, before.ID)
	}
	var raw unix.Stat_t
	check(t, unix.Stat(filepath.Join(path, "file"), &raw))
	if raw.Atim.Sec != old.Unix() {
		t.Errorf("access time moved to %v", raw.Atim)
	}
	_, err = f.Write([]byte("x"))
	wantError(t, err, unix.EBADF)
}

func TestCreateIsExclusive(t *testing.T) {
	d, _ := tempDir(t)
	check(t, d.Symlink("nowhere", "link"))
	write(t, d, "a\nb", "old")
	for _, name := range []string{"link", "a\nb"} {
		_, err := d.Create(name)
		wantError(t, err, fs.ErrExist)
	}
	f, s, err := d.OpenFileRW("a\nb")
	check(t, err)
	defer f.Close()
	if f.Name() != `"a\nb"` || s.Mode != 0o600 {
		t.Errorf("name is %s, mode %o", f.Name(), s.Mode)
	}
	_, err = f.WriteAt([]byte("new"), 0)
	check(t, err)
	if changed, err := StatFile(f); err != nil || changed.ID == s.ID {
		t.Errorf("a write left the identity as it was, or %v", err)
	}
	check(t, StartWriteback(f, 0, 0))
}

func TestHoles(t *testing.T) {
	onEach(t, func(t *testing.T, d *Dir, _ string) {
		const page = 64 << 10
		f, err := d.Create("sparse")
		check(t, err)
		defer f.Close()
		wantHoles := func(size int64, want ...Extent) {
			t.Helper()
			got, err := Holes(f, size)
			check(t, err)
			if !slices.Equal(got, want) {
				t.Errorf("holes are %v, want %v", got, want)
			}
		}
		wantHoles(0)
		check(t, f.Truncate(5*page))
		wantHoles(5*page, Extent{0, 5 * page})
		for _, at := range []int64{1, 3} {
			_, err := f.WriteAt(slices.Repeat([]byte{1}, page), at*page)
			check(t, err)
		}
		check(t, f.Sync())
		wantHoles(5*page, Extent{0, page}, Extent{2 * page, page}, Extent{4 * page, page})
		wantHoles(5*page-1, Extent{0, page}, Extent{2 * page, page}, Extent{4 * page, page - 1})
		wantHoles(page, Extent{0, page})

		check(t, PunchHole(f, Extent{page, page}))
		check(t, PunchHole(f, Extent{page, 0}))
		wantHoles(5*page, Extent{0, 3 * page}, Extent{4 * page, page})
		check(t, ZeroRange(f, Extent{3 * page, page}))
		before, err := StatFile(f)
		check(t, err)
		check(t, Allocate(f, Extent{0, 5 * page}))
		after, err := StatFile(f)
		check(t, err)
		if after.ID.Size != 5*page || before.Blocks >= after.Blocks || after.Blocks < 5*page/512 {
			t.Errorf("%d blocks, were %d; size %d", after.Blocks, before.Blocks, after.ID.Size)
		}
		content, err := io.ReadAll(io.NewSectionReader(f, 0, math.MaxInt64))
		check(t, err)
		if len(content) != 5*page || slices.ContainsFunc(content, func(b byte) bool { return b != 0 }) {
			t.Errorf("%d bytes, not all zero", len(content))
		}
	})
}

func TestWriteZeros(t *testing.T) {
	d, _ := tempDir(t)
	f, err := d.Create("file")
	check(t, err)
	defer f.Close()
	const size = 2*zeros + 10
	_, err = f.Write(slices.Repeat([]byte{1}, size))
	check(t, err)
	check(t, WriteZeros(f, Extent{3, size - 5}))
	content, err := io.ReadAll(io.NewSectionReader(f, 0, math.MaxInt64))
	check(t, err)
	for i, b := range content {
		if want := i < 3 || i >= size-2; (b == 1) != want {
			t.Fatalf("byte %d is %d", i, b)
		}
	}
}

func TestTimes(t *testing.T) {
	a, b := Time{-2, 999_999_999}, Time{-1, 0}
	if !a.Before(b) || b.Before(a) || a.Before(a) {
		t.Error("order is wrong")
	}
	for _, c := range []struct {
		t    Time
		d    time.Duration
		want Time
	}{
		{Time{0, 0}, -1, Time{-1, 999_999_999}},
		{Time{-1, 999_999_999}, 1, Time{0, 0}},
		{Time{5, 10}, -2 * time.Second, Time{3, 10}},
		{Time{5, 10}, 1500 * time.Millisecond, Time{6, 500_000_010}},
	} {
		if got := c.t.Add(c.d); got != c.want {
			t.Errorf("%v + %v is %v, want %v", c.t, c.d, got, c.want)
		}
	}
	coarse := CoarseNow()
	now := time.Now()
	precise := Time{now.Unix(), uint32(now.Nanosecond())}
	if precise.Before(coarse) || coarse.Add(Tick+time.Second).Before(precise) {
		t.Errorf("coarse clock is %v at %v", coarse, precise)
	}
}

func TestTypes(t *testing.T) {
	seen := map[string]bool{}
	for typ := Type(0); typ <= BlockDevice+1; typ++ {
		seen[typ.String()] = true
		if valid := typ >= Directory && typ <= BlockDevice; valid && typeOf(typ.format()) != typ {
			t.Errorf("%v comes back as %v", typ, typeOf(typ.format()))
		}
	}
	if len(seen) != int(BlockDevice)+2 || typeOf(0) != 0 {
		t.Errorf("types are called %v", seen)
	}
}
