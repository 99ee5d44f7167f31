// Package disktest gives tests places to work in: file systems of their own, and
// memory. What a test gets is gone when it ends.
package disktest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/warmstore/warmstore/internal/faults"
	"github.com/warmstore/warmstore/internal/need"
)

// New returns the root of an empty file system: one of those of package faults,
// tmpfs, or overlay, whose upper layer is on ext4. A test that lacks what that
// needs is skipped, and fails in CI.
func New(t *testing.T, kind string) string {
	t.Helper()
	switch kind {
	case "tmpfs":
		return mount(t, kind, "size=64m")
	case "overlay":
		on := New(t, faults.Ext4)
		for _, name := range []string{"lower", "upper", "work"} {
			if err := os.Mkdir(filepath.Join(on, name), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		return mount(t, kind, fmt.Sprintf("lowerdir=%[1]s/lower,upperdir=%[1]s/upper,workdir=%[1]s/work", on))
	}
	need.Tools(t, "losetup", "mkfs."+kind)
	disk, err := faults.NewDisk(kind, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := disk.Close(); err != nil {
			t.Error(err)
		}
	})
	return disk.Root
}

func mount(t *testing.T, kind, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("warmstore-test", dir, kind, 0, options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// Memory returns an empty directory that is fast.
func Memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "warmstore-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
