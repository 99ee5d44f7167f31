package fsx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRemoveAllKeepsWhatLinksLeadTo(t *testing.T) {
	onEach(t, func(t *testing.T, d *Dir, path string) {
		check(t, os.MkdirAll(filepath.Join(path, "kept/dir"), 0o700))
		check(t, os.MkdirAll(filepath.Join(path, "gone/dir"), 0o700))
		kept := filepath.Join(path, "kept/dir/file")
		check(t, os.WriteFile(kept, nil, 0o600))
		check(t, os.Symlink("../../kept", filepath.Join(path, "gone/dir/link")))
		check(t, os.Link(kept, filepath.Join(path, "gone/hard")))
		check(t, os.Symlink("kept", filepath.Join(path, "top")))
		gone := openDir(t, filepath.Join(path, "gone"))
		check(t, gone.Mknod("pipe", Meta{Type: FIFO}))
		check(t, gone.Mknod("socket", Meta{Type: Socket}))

		check(t, d.RemoveAll("gone"))
		check(t, d.RemoveAll("top"))
		check(t, d.RemoveAll("never was"))
		if _, err := os.Stat(kept); err != nil {
			t.Error(err)
		}
		if _, err := d.Stat("gone"); err == nil {
			t.Error("gone is still there")
		}
	})
}

func TestRemoveAllClearsFlags(t *testing.T) {
	needRoot(t)
	onEach(t, func(t *testing.T, d *Dir, path string) {
		check(t, os.MkdirAll(filepath.Join(path, "tree/dir/sub"), 0o700))
		dir := openDir(t, filepath.Join(path, "tree/dir"))
		tree := openDir(t, filepath.Join(path, "tree"))
		write(t, dir, "fixed", "x")
		write(t, dir, "log", "x")
		check(t, os.Symlink("x", filepath.Join(path, "tree/dir/link")))
		set := func(d *Dir, name string, flag uint32) {
			m := capture(t, d, name)
			m.Flags |= flag
			check(t, d.Apply(name, m))
		}
		set(dir, "fixed", FlagImmutable)
		set(dir, "log", FlagAppend)
		set(dir, "sub", FlagImmutable)
		set(tree, "dir", FlagAppend|FlagImmutable)
		set(d, "tree", FlagAppend)
		wantError(t, dir.Remove("link"), fs.ErrPermission)
		check(t, d.RemoveAll("tree"))
		wantError(t, d.RemoveAll(""), ErrName)
	})
}

func TestRemoveKeepsFullDirectory(t *testing.T) {
	d, path := tempDir(t)
	check(t, os.MkdirAll(filepath.Join(path, "full/sub"), 0o700))
	if err := d.Remove("full"); err == nil {
		t.Error("removed a directory with entries")
	}
	wantError(t, d.Remove("none"), fs.ErrNotExist)
}

func TestRemoveAllOfManyNames(t *testing.T) {
	names := 200_000
	if testing.Short() {
		names = 2_000
	}
	d, _ := memDir(t)
	check(t, d.Mkdir("many"))
	many, err := d.OpenDir("many")
	check(t, err)
	defer many.Close()
	for i := range names {
		check(t, many.Mknod(fmt.Sprint(i), Meta{Type: FIFO}))
	}
	check(t, d.RemoveAll("many"))
}

// A directory that is moved out of the tree while the walk is in it must not
// lead the walk to its new parent.
func TestRemovalNoticesMovedDirectory(t *testing.T) {
	d, path := tempDir(t)
	check(t, os.MkdirAll(filepath.Join(path, "tree/a/b"), 0o700))
	check(t, os.MkdirAll(filepath.Join(path, "victim"), 0o700))
	r := removal{base: d, at: d}
	defer func() { r.move(d) }()
	for _, name := range []string{"tree", "a", "b"} {
		check(t, r.enter(name))
	}
	check(t, os.Rename(filepath.Join(path, "tree/a/b"), filepath.Join(path, "victim/b")))
	wantError(t, r.leave(), ErrMoved)
	stat(t, openDir(t, filepath.Join(path, "victim")), "b")
}

// An attacker swaps a directory with a symlink that leads out, all the time.
// The errors of the calls under attack do not matter, only where they act.
func TestNothingEscapesUnderSwaps(t *testing.T) {
	d, _ := memDir(t)
	victim, outside := memDir(t)
	check(t, os.WriteFile(filepath.Join(outside, "file"), []byte("precious"), 0o600))
	check(t, os.Mkdir(filepath.Join(outside, "sub"), 0o700))
	before := []Identity{stat(t, victim, "file").ID, stat(t, victim, "sub").ID}
	stop, swaps := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for {
			select {
			case <-stop:
				swaps <- n
				return
			default:
				if unix.Renameat2(d.fd, "dir", d.fd, "link", unix.RENAME_EXCHANGE) == nil {
					n++
				}
			}
		}
	}()
	entered, refused := 0, 0
	for range 1000 {
		_ = d.RemoveAll("link")
		_ = d.Mkdir("dir")
		if dir, err := d.OpenDir("dir"); err == nil {
			_ = dir.Mkdir("sub")
			dir.Close()
		}
		_ = d.Symlink(outside, "link")
		_ = d.Apply("dir", Meta{Type: Directory, Mode: 0o755, UID: 1})
		if sub, err := d.OpenPath("dir/sub"); err == nil {
			entered++
			if f, err := sub.Create("planted"); err == nil {
				f.Close()
			}
			sub.Close()
		} else if errors.Is(err, ErrNotDirectory) {
			refused++
		}
		_ = d.RemoveAll("dir")
	}
	close(stop)
	swapped := <-swaps
	t.Logf("%d swaps; entered %d times, refused %d", swapped, entered, refused)
	wantNames(t, outside, "file", "sub")
	wantNames(t, filepath.Join(outside, "sub"))
	after := []Identity{stat(t, victim, "file").ID, stat(t, victim, "sub").ID}
	if !slices.Equal(before, after) || entered == 0 || swapped == 0 {
		t.Errorf("victim is %+v, was %+v", after, before)
	}
}
