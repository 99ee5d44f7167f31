package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/warmstore/warmstore/store"
)

// TestFailedForgetBringsNoOlderSnapshotBack: the record of the older one of two
// cannot be unlinked. If that of the newer one were, the older one would come
// back alone, as the last-good.
func TestFailedForgetBringsNoOlderSnapshotBack(t *testing.T) {
	root := filepath.Join(t.TempDir(), "warm") // where files have flags
	s := open(t, root)
	dir := t.TempDir()
	write(t, dir+"/file", few(1, 500))
	older := take(t, s, "app", dir, store.SnapshotOptions{}).ID
	write(t, dir+"/file", few(2, 500))
	newer := take(t, s, "app", dir, store.SnapshotOptions{Keep: 2}).ID
	record := inStore(root, "snapshots", older.String()+".json")
	protect(t, record, unix.STATX_ATTR_IMMUTABLE)
	_, err := s.Forget(t.Context(), "app", store.ID{})
	protect(t, record, 0)
	if err == nil {
		t.Error("forget could not unlink a record, and says that it did")
	}
	c, err := s.Checkout(t.Context(), "app", store.ID{}, false)
	check(t, err)
	c.Close()
	wantLastGood(t, s, "app", newer)
	wantSound(t, s)
}

// protect makes a file's flags these.
func protect(t *testing.T, path string, flags int) {
	t.Helper()
	f, err := os.Open(path)
	check(t, err)
	defer f.Close()
	check(t, unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flags))
	if flags != 0 {
		t.Cleanup(func() { protect(t, path, 0) })
	}
}
