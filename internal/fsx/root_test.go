package fsx

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func openRoot(t *testing.T, path string) *Root {
	t.Helper()
	r, err := OpenRoot(path, PlaceAt(path))
	check(t, err)
	t.Cleanup(func() { r.Close() })
	check(t, r.Unmoved())
	return r
}

func TestRootThatIsMountedOver(t *testing.T) {
	path := t.TempDir()
	seen := PlaceAt(path)
	r := openRoot(t, path)
	mount(t, "", path)
	wantError(t, r.Unmoved(), ErrReplaced)
	_, err := OpenRoot(path, seen)
	wantError(t, err, ErrReplaced)
	check(t, openRoot(t, path).Unmoved())
}

func TestRootThatIsUnmounted(t *testing.T) {
	path := t.TempDir()
	needRoot(t)
	check(t, unix.Mount("", path, "tmpfs", 0, ""))
	r := openRoot(t, path)
	check(t, unix.Unmount(path, unix.MNT_DETACH))
	wantError(t, r.Unmoved(), ErrReplaced)
}

// The same file system at the same place is another mount: what is open is not
// what others see.
func TestRootThatIsMountedAnew(t *testing.T) {
	path, source := t.TempDir(), t.TempDir()
	mount(t, source, path)
	r := openRoot(t, path)
	check(t, unix.Unmount(path, unix.MNT_DETACH))
	check(t, unix.Mount(source, path, "", unix.MS_BIND, "")) // which mount's cleanup unmounts
	wantError(t, r.Unmoved(), ErrReplaced)
}

func TestRootThatIsRenamedOrRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root")
	check(t, os.Mkdir(path, 0o700))
	r := openRoot(t, path)
	check(t, os.Rename(path, path+" moved"))
	wantError(t, r.Unmoved(), ErrReplaced)
	check(t, os.Mkdir(path, 0o700))
	wantError(t, r.Unmoved(), ErrReplaced)
	check(t, os.Remove(path))
	check(t, os.Symlink(path+" moved", path))
	check(t, r.Unmoved())
	if PlaceAt(path+" none") != (Place{}) {
		t.Error("nothing has a place")
	}
}

func TestRootWithAMountBelow(t *testing.T) {
	for _, name := range []string{"plain", "with space\ttab\nline\\040"} {
		path := t.TempDir()
		below := filepath.Join(path, "dir", name)
		check(t, os.MkdirAll(below, 0o700))
		openRoot(t, path)
		mount(t, "", below)
		_, err := OpenRoot(path, Place{})
		wantError(t, err, ErrMount)
		openRoot(t, below)
	}
}

// A mount that another one hides is not below what hides it.
func TestRootOverAHiddenMount(t *testing.T) {
	path := t.TempDir()
	check(t, os.Mkdir(filepath.Join(path, "below"), 0o700))
	mount(t, "", filepath.Join(path, "below"))
	mount(t, "", path)
	openRoot(t, path)
}
