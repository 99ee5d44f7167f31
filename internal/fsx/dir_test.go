package fsx

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOpenDirFollowsTrustedPathOnly(t *testing.T) {
	d, path := tempDir(t)
	check(t, d.Mkdir("real"))
	check(t, d.Symlink("real", "link"))
	write(t, d, "file", "")
	openDir(t, filepath.Join(path, "link"))
	_, err := OpenDir(filepath.Join(path, "file"))
	wantError(t, err, ErrNotDirectory)
	for _, name := range []string{"link", "file"} {
		_, err := d.OpenDir(name)
		wantError(t, err, ErrNotDirectory)
	}
	_, err = d.OpenDir("none")
	wantError(t, err, fs.ErrNotExist)
}

func TestOpenPathRefusesEscapes(t *testing.T) {
	d, path := tempDir(t)
	check(t, os.MkdirAll(filepath.Join(path, "a/b/c"), 0o700))
	check(t, os.Symlink("/etc", filepath.Join(path, "a/out")))
	check(t, os.Symlink("b", filepath.Join(path, "a/in")))
	for _, bad := range []string{"..", "a/..", "a/../a", "/a", "a/", "a//b", "./a", "a/.", "a/b\x00"} {
		_, err := d.OpenPath(bad)
		wantError(t, err, ErrName)
	}
	for _, bad := range []string{"a/out", "a/out/ssl", "a/in/c"} {
		_, err := d.OpenPath(bad)
		wantError(t, err, ErrNotDirectory)
	}
	c, err := d.OpenPath("a/b/c")
	check(t, err)
	defer c.Close()
	self, err := c.Self()
	check(t, err)
	b := openDir(t, filepath.Join(path, "a/b"))
	if stat(t, b, "c").ID != self.ID {
		t.Error("a/b/c is another directory")
	}
}

func TestOpenPathSelfHasItsOwnPosition(t *testing.T) {
	d, _ := tempDir(t)
	write(t, d, "one", "")
	for _, path := range []string{"", "."} {
		again, err := d.OpenPath(path)
		check(t, err)
		names, err := again.Names()
		check(t, err)
		if !slices.Equal(names, []string{"one"}) {
			t.Errorf("names are %q", names)
		}
		check(t, again.Close())
	}
}

func TestDeepTree(t *testing.T) {
	onEach(t, func(t *testing.T, d *Dir, _ string) {
		path := deepen(t, d, 3000)
		bottom, err := d.OpenPath(path)
		check(t, err)
		f, _, err := bottom.OpenFile("bottom")
		check(t, err)
		content, err := io.ReadAll(f)
		check(t, err)
		if string(content) != "found" {
			t.Errorf("content is %q", content)
		}
		f.Close()
		bottom.Close()
		check(t, d.RemoveAll("level"))
		if names, err := d.Names(); err != nil || len(names) > 0 {
			t.Errorf("left: %q, %v", names, err)
		}
	})
}

func TestPathOfOneEndlessName(t *testing.T) {
	d, _ := tempDir(t)
	_, err := d.OpenPath(strings.Repeat("x", 10_000))
	wantError(t, err, unix.ENAMETOOLONG)
	_, err = d.OpenPath(strings.Repeat("x/", 4000) + "x")
	wantError(t, err, fs.ErrNotExist)
}

func TestNamesAreCompleteAndSorted(t *testing.T) {
	onEach(t, func(t *testing.T, d *Dir, _ string) {
		want := []string{"\x01", " ", "-rf", "\n", "\xff\xfe", "é", "...", "..a",
			strings.Repeat("n", 255)}
		for i := range 5000 {
			want = append(want, fmt.Sprint(i))
		}
		for _, name := range want {
			check(t, d.Mkdir(name))
		}
		slices.Sort(want)
		for range 2 {
			names, err := d.Names()
			check(t, err)
			if !slices.Equal(names, want) {
				t.Fatalf("%d names, want %d", len(names), len(want))
			}
		}
	})
}

func TestClosedDirFails(t *testing.T) {
	d, err := OpenDir(t.TempDir())
	check(t, err)
	check(t, d.Close())
	_, err = d.Names()
	wantError(t, err, unix.EBADF)
	wantError(t, d.Mkdir("x"), unix.EBADF)
	wantError(t, d.Close(), unix.EBADF)
}

func TestMountsAreRefused(t *testing.T) {
	for _, kind := range []string{"tmpfs", "bind of the same file system"} {
		t.Run(kind, func(t *testing.T) {
			d, path := tempDir(t)
			check(t, os.MkdirAll(filepath.Join(path, "a/b/c"), 0o700))
			write(t, d, "file", "beneath")
			source, file := "", filepath.Join(t.TempDir(), "elsewhere")
			if kind != "tmpfs" {
				source = t.TempDir()
			}
			check(t, os.WriteFile(file, []byte("above"), 0o600))
			mount(t, source, filepath.Join(path, "a/b"))
			mount(t, file, filepath.Join(path, "file"))
			check(t, os.WriteFile(filepath.Join(path, "a/b/precious"), nil, 0o600))

			a, err := d.OpenDir("a")
			check(t, err)
			defer a.Close()
			_, err = a.OpenDir("b")
			wantError(t, err, ErrMount)
			_, err = a.Stat("b")
			wantError(t, err, ErrMount)
			_, err = d.OpenPath("a/b")
			wantError(t, err, ErrMount)
			_, _, err = d.OpenFile("file")
			wantError(t, err, ErrMount)
			wantError(t, d.Apply("file", Meta{Type: Regular}), ErrMount)
			wantError(t, a.Apply("b", Meta{Type: Directory}), ErrMount)
			wantError(t, d.Link(d, "file", "link"), ErrMount)
			wantError(t, d.Remove("file"), ErrMount)
			wantError(t, d.RemoveAll("a"), ErrMount)
			wantError(t, a.Rename("b", "moved"), ErrMount)
			if _, err := os.Stat(filepath.Join(path, "a/b/precious")); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestMountedRootIsTheTree(t *testing.T) {
	path := t.TempDir()
	mount(t, "", path)
	d := openDir(t, path)
	if _, err := d.Self(); err != nil {
		t.Error(err)
	}
	fs, err := d.Filesystem()
	check(t, err)
	if fs.Name != "tmpfs" || fs.Free <= 0 || fs.Total < fs.Free {
		t.Errorf("file system is %+v", fs)
	}
	at, err := FilesystemAt(path)
	check(t, err)
	if at.Magic != fs.Magic || at.Name != fs.Name {
		t.Errorf("%+v by path, %+v by directory", at, fs)
	}
	check(t, d.Syncfs())
}
