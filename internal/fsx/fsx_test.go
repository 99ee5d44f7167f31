package fsx

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// missing skips a test for want of something in the environment, but never in
// CI, where a silent skip would pass for a success.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("CI lacks %s", what)
	}
	t.Skipf("SKIPPED, NOT TESTED: needs %s", what)
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "root")
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

// openDir opens path until the test ends.
func openDir(t testing.TB, path string) *Dir {
	t.Helper()
	d, err := OpenDir(path)
	check(t, err)
	t.Cleanup(func() { d.Close() })
	return d
}

// tempDir is an empty directory on ext4, or whatever holds the temp directory.
func tempDir(t testing.TB) (*Dir, string) {
	t.Helper()
	path := t.TempDir()
	return openDir(t, path), path
}

// memDir is an empty directory on tmpfs.
func memDir(t testing.TB) (*Dir, string) {
	t.Helper()
	path, err := os.MkdirTemp("/dev/shm", "fsx")
	if err != nil {
		missing(t, "tmpfs on /dev/shm")
	}
	t.Cleanup(func() { os.RemoveAll(path) })
	return openDir(t, path), path
}

// onEach runs a test on ext4 and on tmpfs.
func onEach(t *testing.T, run func(t *testing.T, d *Dir, path string)) {
	t.Run("disk", func(t *testing.T) {
		d, path := tempDir(t)
		run(t, d, path)
	})
	t.Run("tmpfs", func(t *testing.T) {
		d, path := memDir(t)
		run(t, d, path)
	})
}

func write(t testing.TB, d *Dir, name, content string) {
	t.Helper()
	f, err := d.Create(name)
	check(t, err)
	_, err = io.WriteString(f, content)
	check(t, errors.Join(err, f.Close()))
}

func stat(t testing.TB, d *Dir, name string) Stat {
	t.Helper()
	s, err := d.Stat(name)
	check(t, err)
	return s
}

// capture reads all of the metadata of an entry.
func capture(t testing.TB, d *Dir, name string) Meta {
	t.Helper()
	m := stat(t, d, name).Meta
	var err error
	if m.Type == Symlink {
		m.Target, err = d.Readlink(name)
		check(t, err)
	}
	m.Xattrs, err = d.Xattrs(name)
	check(t, err)
	return m
}

// wantNames fails unless the directory path has exactly these entries.
func wantNames(t testing.TB, path string, want ...string) {
	t.Helper()
	got, err := openDir(t, path).Names()
	check(t, err)
	if !slices.Equal(got, want) {
		t.Errorf("%s has %q, want %q", path, got, want)
	}
}

// mount mounts a tmpfs, or binds source if it is not empty, on target.
func mount(t testing.TB, source, target string) {
	t.Helper()
	needRoot(t)
	kind, flags := "tmpfs", uintptr(0)
	if source != "" {
		kind, flags = "", unix.MS_BIND
	}
	if err := unix.Mount(source, target, kind, flags, ""); err != nil {
		missing(t, "the right to mount: "+err.Error())
	}
	t.Cleanup(func() { check(t, unix.Unmount(target, unix.MNT_DETACH)) })
}

// deepen makes levels nested directories, each named level, and returns the
// path of the last below d.
func deepen(t testing.TB, d *Dir, levels int) string {
	t.Helper()
	at := d
	for range levels {
		check(t, at.Mkdir("level"))
		next, err := at.OpenDir("level")
		check(t, err)
		if at != d {
			at.Close()
		}
		at = next
	}
	write(t, at, "bottom", "found")
	check(t, at.Close())
	return strings.Repeat("level/", levels)[:6*levels-1]
}

// The names that no method may take.
var badNames = []string{"", ".", "..", "/", "a/b", "../a", "/etc", "a/", "a\x00b"}

func TestNamesAreSingleComponents(t *testing.T) {
	d, path := tempDir(t)
	check(t, os.MkdirAll(filepath.Join(path, "a", "b"), 0o700))
	for _, name := range badNames {
		_, statErr := d.Stat(name)
		_, dirErr := d.OpenDir(name)
		_, linkErr := d.Readlink(name)
		_, _, fileErr := d.OpenFile(name)
		_, createErr := d.Create(name)
		errs := []error{
			statErr, dirErr, linkErr, fileErr, createErr, d.Mkdir(name), d.Symlink("x", name),
			d.Mknod(name, Meta{Type: FIFO}), d.Link(d, "a", name), d.Link(d, name, "c"),
			d.Rename("a", name), d.Rename(name, "c"), d.Remove(name), d.RemoveAll(name),
		}
		if name != "" {
			_, err := d.Xattrs(name)
			errs = append(errs, err, d.Apply(name, Meta{}), d.Unprotect(name))
		}
		for i, err := range errs {
			if !errors.Is(err, ErrName) {
				t.Errorf("call %d with %q: error is %v, want ErrName", i, name, err)
			}
		}
	}
}
