package store_test

import (
	"errors"
	"os"
	"testing"

	"github.com/warmstore/warmstore/internal/exclude"
	"github.com/warmstore/warmstore/restore"
	"github.com/warmstore/warmstore/store"
)

// TestExcludedIsNeitherReadNorRestored has an excluded file that is far larger than
// the store's disk, and one that has another name, which is not excluded.
func TestExcludedIsNeitherReadNorRestored(t *testing.T) {
	st := newTight(t, 2<<30)
	write(t, st.dir+"/kept", few(1, 500))
	write(t, st.dir+"/cache/deep/file", few(2, 500))
	check(t, os.Link(st.dir+"/cache/deep/file", st.dir+"/linked"))
	opts := store.SnapshotOptions{Exclude: exclude.Patterns{"cache", "database"}}
	volumes := []store.Volume{{Name: "data", Path: st.dir}}
	_, err := st.s.Snapshot(t.Context(), "app", volumes, opts)
	check(t, err)
	write(t, st.dir+"/kept", few(3, 500))
	write(t, st.dir+"/linked", few(4, 500)) // and so what is excluded, too
	write(t, st.dir+"/extra", nil)
	c, err := st.s.Checkout(t.Context(), "app", store.ID{}, true)
	check(t, err)
	defer c.Close()
	targets := []restore.Target{{Volume: "data", Path: st.dir}}
	_, err = restore.Run(t.Context(), c, targets, restore.Options{Journal: c})
	check(t, err)
	for name, want := range map[string][]byte{
		"/kept": few(1, 500), "/linked": few(2, 500), "/cache/deep/file": few(4, 500),
	} {
		if got, err := os.ReadFile(st.dir + name); err != nil || string(got) != string(want) {
			t.Errorf("%s is not what it should be: %v", name, err)
		}
	}
	if _, err := os.Stat(st.dir + "/extra"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what is not excluded stays: %v", err)
	}
	if info, err := os.Stat(st.dir + "/database"); err != nil || info.Size() != 2<<30 {
		t.Errorf("the excluded file is another: %v", err)
	}
}

func TestBadPatternIsErrInvalid(t *testing.T) {
	s, _ := newStore(t)
	volumes := []store.Volume{{Name: "data", Path: t.TempDir()}}
	_, err := s.Snapshot(t.Context(), "app", volumes, store.SnapshotOptions{Exclude: exclude.Patterns{"[a"}})
	if !errors.Is(err, store.ErrInvalid) || !errors.Is(err, exclude.ErrPattern) {
		t.Errorf("error is %v", err)
	}
}
