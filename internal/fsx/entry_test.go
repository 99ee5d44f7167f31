package fsx

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// What has other names keeps the flags that were in the way of one of them.
func TestProtectedInodesKeepTheirFlags(t *testing.T) {
	needRoot(t)
	onEach(t, func(t *testing.T, d *Dir, path string) {
		unprotect(t, d)
		for _, flags := range []uint32{FlagImmutable, FlagAppend, FlagImmutable | FlagAppend} {
			write(t, d, "kept", "kept")
			for _, name := range []string{"renamed over", "removed", "removed with all"} {
				check(t, d.Link(d, "kept", name))
			}
			protected := capture(t, d, "kept")
			protected.Flags = flags
			check(t, d.Apply("kept", protected))
			if err := os.Link(filepath.Join(path, "kept"), filepath.Join(path, "plain")); err == nil {
				t.Fatal("the flags forbid nothing")
			}
			check(t, d.Link(d, "kept", "linked"))
			write(t, d, "new", "new")
			check(t, d.Apply("new", protected))
			check(t, d.Rename("new", "renamed over"))
			if s := stat(t, d, "renamed over"); s.Flags != flags || s.Links != 1 {
				t.Errorf("of flags %#x are left %#x of what was renamed", flags, s.Flags)
			}
			check(t, d.Remove("removed"))
			check(t, d.RemoveAll("removed with all"))
			s := stat(t, d, "kept")
			if s.Flags != flags || s.Links != 2 {
				t.Errorf("of flags %#x are left %#x, and %d links", flags, s.Flags, s.Links)
			}
			check(t, d.Remove("kept"))
			check(t, d.Remove("linked"))
			check(t, d.Remove("renamed over"))
		}
	})
}

func TestForcedTellsOtherReasons(t *testing.T) {
	d, _ := tempDir(t)
	check(t, d.Mkdir("dir"))
	wantError(t, d.Link(d, "dir", "link"), fs.ErrPermission) // a directory has one name
	wantError(t, d.Remove("none"), fs.ErrNotExist)
}
