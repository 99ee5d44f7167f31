package store

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/fsx"
)

// TestReserveIsForAFullDisk has a transaction that finds the disk full once.
func TestReserveIsForAFullDisk(t *testing.T) {
	s, err := Create(memory(t), Options{})
	must(t, err)
	tries := 0
	reserved, err := s.updateFreeing(func(*index.Tx) error {
		if tries++; tries == 1 {
			return syscall.ENOSPC
		}
		_, err := os.Stat(s.path("reserve"))
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the second time the reserve is still there: %v", err)
		}
		return nil
	})
	if !reserved || err != nil || tries != 2 {
		t.Errorf("the reserve is used: %t, after %d tries: %v", reserved, tries, err)
	}
	if _, err := s.updateFreeing(func(*index.Tx) error { return syscall.ENOSPC }); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("without it, a full disk is %v", err)
	}
	must(t, collect(GCOptions{})(t.Context(), s))
	info, err := os.Stat(s.path("reserve"))
	must(t, err)
	if n := info.Sys().(*syscall.Stat_t).Blocks * 512; n < reserveLeast {
		t.Errorf("gc makes it again with %d bytes", n)
	}
}

// TestReserveGrowsWithTheIndex has an index of each size, and none.
func TestReserveGrowsWithTheIndex(t *testing.T) {
	s, err := Create(memory(t), Options{})
	must(t, err)
	for _, size := range []struct{ index, want int64 }{
		{1 << 20, 2 << 20}, {9 << 20, 9 << 20}, {8 << 20, 9 << 20}, {100 << 20, 16 << 20},
	} {
		occupy(t, string(s.index), size.index)
		must(t, s.keepReserve())
		held, err := s.reserved()
		must(t, err)
		if held != size.want {
			t.Errorf("for an index of %d bytes %d are held, want %d", size.index, held, size.want)
		}
	}
	must(t, os.Remove(string(s.index)))
	must(t, s.keepReserve())
}

// occupy makes a file occupy so many bytes, of which it need not be as long.
func occupy(t *testing.T, path string, bytes int64) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0)
	must(t, err)
	must(t, fsx.Allocate(f, fsx.Extent{Length: bytes}))
	must(t, f.Close())
}

// TestSnapshotMakesTheReserveAgain takes one after the reserve was used up, and one
// that must not write.
func TestSnapshotMakesTheReserveAgain(t *testing.T) {
	s, err := Create(memory(t), Options{})
	must(t, err)
	volumes := []Volume{{Name: "data", Path: t.TempDir()}}
	for _, dry := range []bool{true, false} {
		s.releaseReserve()
		_, err := s.Snapshot(t.Context(), "app", volumes, SnapshotOptions{DryRun: dry})
		must(t, err)
		held, err := s.reserved()
		must(t, err)
		if dry != (held == 0) {
			t.Errorf("dry run %t: the reserve is %d bytes", dry, held)
		}
	}
}
