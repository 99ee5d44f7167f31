package store_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/warmstore/warmstore/internal/manifest"
	"github.com/warmstore/warmstore/store"
)

// What gc leaves of old snapshots must not be taken for a chunk that is stored: the
// base of a delta that nothing needed may be gone.
func TestContentComesBackAfterItsBaseIsGone(t *testing.T) {
	s, root := newStore(t)
	dir, pages := t.TempDir(), few(1, 1<<20)
	states := [][]byte{pages, repaged(pages, 1, 5), few(2, 1<<20)}
	for i, state := range append(states, states[1]) {
		write(t, dir+"/pages", state)
		if i == 1 { // in one pack with the deltas, so that it is hardly garbage
			write(t, dir+"/stays", few(3, 4<<20))
		}
		take(t, s, "app", dir, store.SnapshotOptions{Keep: 1})
		if i == 2 {
			gc(t, s, store.GCOptions{})
			if n := deltaCount(t, root); n < 16 {
				t.Fatalf("%d deltas are left, want the pages that are garbage, too", n)
			}
		}
		wantSound(t, s)
	}
	wantContent(t, s, "pages", states[1])
}

// A delta is made against a chunk that is stored whole, and reads that one even if
// another snapshot, which had begun before, stores it as a delta of its own.
func TestBaseIsTheCopyThatIsWhole(t *testing.T) {
	for n := range uint64(8) { // which copy is found first is chance
		s, root := newStore(t)
		base := few(n, 64<<10)
		first, last := similar(base), bytes.Clone(base)
		copy(last[1000:], "another change")
		takeAs := func(app string, tree store.Tree) {
			_, err := s.Snapshot(t.Context(), app, []store.Volume{{Name: "data", Path: "/a.tar", Tree: tree}},
				store.SnapshotOptions{Keep: 1})
			check(t, err)
		}
		takeAs("late", given{file("pages", first)})
		takeAs("late", meanwhile{given{file("pages", base)}, func() {
			takeAs("app", given{file("pages", base)})
			takeAs("app", given{file("pages", last)})
		}})
		if got := deltaCount(t, root); got != 2 {
			t.Fatalf("%d deltas, want one of each app", got)
		}
		for range 2 {
			wantSound(t, s)
			wantContent(t, s, "pages", last)
			gc(t, s, store.GCOptions{MinGarbage: 1})
		}
	}
}

// A base that is lost with its pack, and found in a volume, gives its deltas back.
func TestDeltaIsReadAgainWhenItsBaseIsBack(t *testing.T) {
	s, root := newStore(t)
	dir, pages := t.TempDir(), few(1, 1<<20)
	changed := repaged(pages, 1, 5)
	write(t, dir+"/pages", pages)
	write(t, dir+"/copy", pages)
	take(t, s, "app", dir, store.SnapshotOptions{Keep: 2})
	first, err := filepath.Glob(inStore(root, "blobs/*/*"))
	check(t, err)
	write(t, dir+"/pages", changed)
	take(t, s, "app", dir, store.SnapshotOptions{Keep: 2})
	check(t, os.Remove(dir+"/pages"))
	for _, path := range first {
		check(t, os.Remove(path))
	}
	r, err := s.Repair(t.Context(), store.RepairOptions{})
	check(t, err)
	for _, snap := range r.Snapshots[1:] { // the manifest of the first is lost
		if !snap.Whole {
			t.Errorf("snapshot %s: %s", snap.ID.Short(), snap.Cause)
		}
	}
	wantSound(t, s)
	wantContent(t, s, "pages", changed)
}

// meanwhile is a Tree during whose walk something else happens.
type meanwhile struct {
	given
	do func()
}

func (m meanwhile) Walk(visit func(e *manifest.Entry, content io.ReaderAt) error) error {
	m.do()
	return m.given.Walk(visit)
}

// wantContent fails unless the last-good of app has a file with this content.
func wantContent(t *testing.T, s *store.Store, name string, want []byte) {
	t.Helper()
	to := t.TempDir()
	restoreTo(t, s, "app", store.ID{}, to)
	if got, err := os.ReadFile(to + "/" + name); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is restored as %d other bytes (%v)", name, len(got), err)
	}
}
