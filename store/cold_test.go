package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/warmstore/warmstore/internal/faults/disktest"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/need"
	"github.com/warmstore/warmstore/store"
)

// cached returns how many bytes of a file are in the page cache.
func cached(t *testing.T, path string) int64 {
	t.Helper()
	f, err := os.Open(path)
	check(t, err)
	defer f.Close()
	n, ok := fsx.Cached(f)
	if !ok {
		need.Lacks(t, "a kernel that says what is cached, Linux 6.5")
	}
	return n
}

// TestReadingMuchLeavesTheCacheAlone reads files of which some were in the page
// cache, and looks which are there afterwards.
func TestReadingMuchLeavesTheCacheAlone(t *testing.T) {
	const size = 6 << 20
	dir := filepath.Join(disktest.New(t, "ext4"), "data")
	for _, tt := range []struct {
		cache int64
		cold  int64 // bytes of the cold files that may be cached afterwards
	}{{1, 64 << 10}, {1 << 30, 2 * size}} {
		s, err := store.Create(t.TempDir(), store.Options{Cache: tt.cache, Workers: 1})
		check(t, err)
		for i, name := range []string{"a", "cold-flowing", "cold-pages", "warm-pages"} {
			data := few(uint64(i), size)
			if name == "cold-flowing" {
				data = data[1:]
			}
			write(t, filepath.Join(dir, name), data)
		}
		for _, name := range []string{"cold-flowing", "cold-pages"} {
			dropCache(t, filepath.Join(dir, name))
		}
		take(t, s, "app", dir, store.SnapshotOptions{})
		cold := cached(t, dir+"/cold-flowing") + cached(t, dir+"/cold-pages")
		if tt.cache == 1 && cold > tt.cold || tt.cache > 1 && cold < tt.cold {
			t.Errorf("%d bytes may be cached: %d of cold files are, want %d", tt.cache, cold, tt.cold)
		}
		if n := cached(t, dir+"/warm-pages"); n != size {
			t.Errorf("%d bytes may be cached: %d of a file are left that was cached", tt.cache, n)
		}
	}
}

// dropCache makes a file durable and drops it from the page cache.
func dropCache(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	check(t, err)
	defer f.Close()
	check(t, f.Sync())
	fsx.DropCache(f, 0, 0)
	if n, ok := fsx.Cached(f); ok && n > 0 {
		t.Fatalf("%d bytes of %s are still cached", n, path)
	}
}
