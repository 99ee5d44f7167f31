package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/store"
)

// repaired repairs, and fails if a file that was there before is neither where
// it was nor in quarantine.
func repaired(t *testing.T, s *store.Store, root string) *store.RepairReport {
	t.Helper()
	before := contents(t, root)
	r, err := s.Repair(t.Context(), store.RepairOptions{})
	check(t, err)
	after := contents(t, root)
	for sum, path := range before {
		if _, ok := after[sum]; !ok {
			t.Errorf("repair deletes %s", path)
		}
	}
	return r
}

// contents returns the path of each file with data, by the hash of its content.
func contents(t *testing.T, root string) map[[32]byte]string {
	t.Helper()
	found := map[[32]byte]string{}
	check(t, filepath.WalkDir(inStore(root), func(path string, d fs.DirEntry, err error) error {
		if d.IsDir() && d.Name() == "state" {
			return fs.SkipDir // how gc and check ended, which is a cache
		}
		if err != nil || !d.Type().IsRegular() || d.Name() == "reserve" {
			return err
		}
		b, err := os.ReadFile(path)
		found[sha256.Sum256(b)] = path
		return err
	}))
	return found
}

// listed returns all that an index says, as text.
func listed(t *testing.T, root string) (lines []string) {
	t.Helper()
	check(t, index.DB(inStore(root, "index.db")).View(func(tx *index.Tx) error {
		for p, err := range tx.Packs() {
			check(t, err)
			lines = append(lines, fmt.Sprintf("%s %x", p.ID, p.Tail.Bytes()))
		}
		for app, err := range tx.Apps() {
			check(t, err)
			lines = append(lines, fmt.Sprint(app.Name, app.Snapshots))
		}
		return nil
	}))
	return lines
}

// wantWhole fails unless repair calls just these snapshots whole, and none else
// but those lost.
func wantWhole(t *testing.T, r *store.RepairReport, whole, lost []store.ID) {
	t.Helper()
	for _, s := range r.Snapshots {
		if s.Whole && !slices.Contains(whole, s.ID) || !s.Whole && !slices.Contains(lost, s.ID) {
			t.Errorf("snapshot %s of %s is whole: %t (%s)", s.ID.Short(), s.App, s.Whole, s.Cause)
		}
		if s.Whole != (s.Cause == "") {
			t.Errorf("snapshot %s is whole: %t, because %q", s.ID.Short(), s.Whole, s.Cause)
		}
	}
	if len(r.Snapshots) != len(whole)+len(lost) {
		t.Errorf("it speaks of %d snapshots, want %d and %d", len(r.Snapshots), len(whole), len(lost))
	}
}

func TestRepairOfAnUndamagedStoreChangesNothing(t *testing.T) {
	h := newHistory(t)
	before, index := list(t, h.root), listed(t, h.root)
	r := repaired(t, h.s, h.root)
	if r.Rebuilt || r.Damaged > 0 || r.Refilled > 0 || len(r.Moved) > 0 || len(r.Lost()) > 0 {
		t.Errorf("it reports %+v", r)
	}
	before.same(t, list(t, h.root))
	if !slices.Equal(index, listed(t, h.root)) {
		t.Error("the index is another one")
	}
}

// wrecks are ways in which an index is of no use.
var wrecks = map[string]func(t *testing.T, path string){
	"missing": func(t *testing.T, path string) { check(t, os.Remove(path)) },
	"empty":   func(t *testing.T, path string) { check(t, os.Truncate(path, 0)) },
	"zeros": func(t *testing.T, path string) {
		check(t, os.Truncate(path, 0))
		check(t, os.Truncate(path, 32<<10))
	},
	"truncated":  func(t *testing.T, path string) { check(t, os.Truncate(path, 9000)) },
	"text":       func(t *testing.T, path string) { write(t, path, []byte(strings.Repeat("no index\n", 5000))) },
	"both metas": func(t *testing.T, path string) { flipFile(t, path, 30); flipFile(t, path, 4096+30) },
	"a value": func(t *testing.T, path string) {
		b, err := os.ReadFile(path)
		check(t, err)
		for at := 0; ; { // of every page that has it
			i := bytes.Index(b[at:], []byte("WARMPEND"))
			if i < 0 {
				break
			}
			at += i
			b[at] ^= 1
		}
		write(t, path, b)
	},
}

func TestRebuiltIndexIsTheOriginal(t *testing.T) {
	for name, wreck := range wrecks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHistory(t)
			want := listed(t, h.root)
			wreck(t, inStore(h.root, "index.db"))
			if r := repaired(t, h.s, h.root); !r.Rebuilt || len(r.Lost()) > 0 {
				t.Errorf("rebuilt is %t, lost %v", r.Rebuilt, r.Lost())
			}
			if !slices.Equal(want, listed(t, h.root)) {
				t.Errorf("the index says\n%q\nwant\n%q", listed(t, h.root), want)
			}
			wantSound(t, h.s)
		})
	}
}

// TestDamagedIndexHealsByItself: on snapshot and on restore, with one notice.
func TestDamagedIndexHealsByItself(t *testing.T) {
	for name, wreck := range wrecks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHistory(t)
			var notices []string
			s, err := store.Open(h.root, store.Options{Notice: func(line string) { notices = append(notices, line) }})
			check(t, err)
			want := listed(t, h.root)
			wreck(t, inStore(h.root, "index.db"))
			before := contents(t, h.root)
			wantRestored(t, s, "app", h.second, list(t, h.dir))
			if !slices.Equal(want, listed(t, h.root)) {
				t.Error("the index is another one")
			}
			after := contents(t, h.root)
			for sum, path := range before {
				if _, ok := after[sum]; !ok {
					t.Errorf("%s is gone", path)
				}
			}
			wreck(t, inStore(h.root, "index.db"))
			write(t, h.dir+"/more", []byte("more"))
			r := take(t, s, "app", h.dir, store.SnapshotOptions{Keep: 3})
			if r.Record.Seq != 3 {
				t.Errorf("the snapshot is number %d", r.Record.Seq)
			}
			if ids, err := s.Snapshots("app"); err != nil || !slices.Equal(ids, []store.ID{h.first, h.second, r.ID}) {
				t.Errorf("app has %v (%v)", ids, err)
			}
			if len(notices) != 2 || !strings.Contains(notices[0], "index was damaged") {
				t.Errorf("the notices of two healings are %q", notices)
			}
			wantSound(t, s)
		})
	}
}

func TestRepairRefillsFromTheLiveVolume(t *testing.T) {
	h := newHistory(t)
	flip(t, h.root, "the new file")
	if r := repaired(t, h.s, h.root); r.Damaged != 1 || r.Refilled != 1 || len(r.Moved) != 1 || len(r.Lost()) > 0 {
		t.Errorf("it reports %+v", r)
	} else {
		var ids []store.ID
		for _, s := range r.Snapshots {
			ids = append(ids, s.ID)
		}
		wantWhole(t, r, ids, nil)
	}
	wantRestored(t, h.s, "app", h.second, list(t, h.dir))
	wantSound(t, h.s)
}

// TestRepairLosesOnlyWhatNobodyHas has a volume that has changed since.
func TestRepairLosesOnlyWhatNobodyHas(t *testing.T) {
	h := newHistory(t)
	_, other, err := h.s.LastGood("other")
	check(t, err)
	otherID, _, err := h.s.LastGood("other")
	check(t, err)
	want := list(t, h.dir)
	flip(t, h.root, "the old file")
	flip(t, h.root, "what only the other")
	write(t, other.Volumes[0].Path+"/other", []byte("what only the OTHER app has"))
	r := repaired(t, h.s, h.root)
	wantWhole(t, r, []store.ID{h.second}, []store.ID{h.first, otherID})
	if !slices.Equal(r.Lost(), []string{"other"}) || r.Damaged != 2 || r.Refilled != 0 {
		t.Errorf("lost are %v, %d damaged, %d refilled", r.Lost(), r.Damaged, r.Refilled)
	}
	wantRestored(t, h.s, "app", h.second, want)
	wantSound(t, h.s)
	if _, err := h.s.Checkout(t.Context(), "other", store.ID{}, false); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("of an app without a whole snapshot, the last-good is %v", err)
	}
}

// twice is a store with a chunk that two snapshots at once have stored, in a
// pack each.
func twice(t *testing.T) (s *store.Store, root string, dirs []string) {
	t.Helper()
	s, root = newStore(t)
	dirs = []string{t.TempDir(), t.TempDir()}
	for _, dir := range dirs {
		write(t, dir+"/file", []byte("what both of them store"))
		write(t, dir+"/own", []byte(dir))
	}
	_, err := s.Snapshot(t.Context(), "a", []store.Volume{{Name: "data", Path: dirs[0]}},
		store.SnapshotOptions{Recheck: func(context.Context) error {
			take(t, s, "b", dirs[1], store.SnapshotOptions{})
			return nil
		}})
	check(t, err)
	return s, root, dirs
}

func TestRepairTakesAnotherCopy(t *testing.T) {
	s, root, dirs := twice(t)
	want := []listing{list(t, dirs[0]), list(t, dirs[1])}
	copies := 0
	for path := range packFiles(t, root) {
		b, err := os.ReadFile(path)
		check(t, err)
		if bytes.Contains(b, []byte("what both")) {
			copies++
		}
	}
	if copies != 2 {
		t.Fatalf("it is stored %d times, so the test tests nothing", copies)
	}
	flip(t, root, "what both") // the copy that is found first
	for _, dir := range dirs {
		check(t, os.RemoveAll(dir))
	}
	r := repaired(t, s, root)
	if r.Damaged != 1 || r.Refilled != 0 || len(r.Lost()) > 0 {
		t.Errorf("it reports %+v", r)
	}
	for i, app := range []string{"a", "b"} {
		wantRestored(t, s, app, store.ID{}, want[i])
	}
	wantSound(t, s)
}

// TestDeltaSurvivesWhenItsBaseIsRefilled has the base in an older snapshot's
// volume, which still has it.
func TestDeltaSurvivesWhenItsBaseIsRefilled(t *testing.T) {
	s, root := newStore(t)
	live, gone := t.TempDir(), t.TempDir()
	base := []byte("the base " + strings.Repeat("0123456789", 300))
	delta := similar(base)
	path, _ := handmade(t, root, true, part{raw: base})
	handmade(t, root, true, part{raw: delta, base: base})
	write(t, live+"/base", base)
	write(t, gone+"/delta", delta)
	take(t, s, "live", live, store.SnapshotOptions{})
	take(t, s, "gone", gone, store.SnapshotOptions{})
	want := list(t, gone)
	check(t, os.RemoveAll(gone))
	flipFile(t, path, 100)
	if r := repaired(t, s, root); len(r.Lost()) > 0 || r.Refilled != 1 {
		t.Errorf("it reports %+v", r)
	}
	wantRestored(t, s, "gone", store.ID{}, want)
	wantSound(t, s)
}

// TestDeltaSurvivesWithAnotherCopyOfItsBase damages the one that is found first.
func TestDeltaSurvivesWithAnotherCopyOfItsBase(t *testing.T) {
	s, root := newStore(t)
	dir := t.TempDir()
	base := few(1, 3000)
	delta := similar(base)
	one, _ := handmade(t, root, true, part{raw: base})
	two, _ := handmade(t, root, true, part{raw: base})
	handmade(t, root, true, part{raw: delta, base: base})
	write(t, dir+"/delta", delta)
	take(t, s, "app", dir, store.SnapshotOptions{})
	want := list(t, dir)
	check(t, os.Remove(dir+"/delta"))
	flipFile(t, min(one, two), 100)
	if r := repaired(t, s, root); len(r.Lost()) > 0 {
		t.Fatalf("it reports %+v", r)
	}
	wantRestored(t, s, "app", store.ID{}, want)
	wantSound(t, s)
}

// TestRepairSavesAPackWhoseFooterAloneIsDamaged: the index has a copy of the
// footer.
func TestRepairSavesAPackWhoseFooterAloneIsDamaged(t *testing.T) {
	h := newHistory(t)
	_, other, err := h.s.LastGood("other")
	check(t, err)
	dir := other.Volumes[0].Path
	want := list(t, dir)
	h.flipEnd(h.alike, 60)
	wantRestored(t, h.s, "other", store.ID{}, want)
	check(t, os.RemoveAll(dir))
	if r := repaired(t, h.s, h.root); len(r.Lost()) > 0 {
		t.Fatalf("restore could, and repair cannot: %+v", r.Snapshots)
	}
	wantRestored(t, h.s, "other", store.ID{}, want)
}

// TestFlippedVersionIsDamage: a bit of a pack's header makes it one of a newer
// version, but its footer proves the version.
func TestFlippedVersionIsDamage(t *testing.T) {
	h := newHistory(t)
	flipFile(t, h.garbage, 9)
	if _, err := h.s.Repair(t.Context(), store.RepairOptions{}); err != nil {
		t.Error(err)
	}
	check(t, os.Remove(inStore(h.root, "index.db")))
	c, err := h.s.Checkout(t.Context(), "app", store.ID{}, false)
	if err != nil {
		t.Fatalf("app, which does not need the pack, cannot be restored: %v", err)
	}
	c.Close()
}

// TestRepairReportsADamagedRecord: an app whose only record cannot be
// read has lost its last-good.
func TestRepairReportsADamagedRecord(t *testing.T) {
	h := newHistory(t)
	id, _, err := h.s.LastGood("other")
	check(t, err)
	flipFile(t, h.record(id), 50)
	if r := repaired(t, h.s, h.root); !slices.Equal(r.Lost(), []string{"other"}) {
		t.Errorf("lost are %v, of %+v", r.Lost(), r.Snapshots)
	}
}

// TestLeftoverDoesNotBecomeTheLastGood: a snapshot that was killed right before
// its commit leaves a record; the one that is taken next is the newer one.
func TestLeftoverDoesNotBecomeTheLastGood(t *testing.T) {
	for try := range 8 { // until the leftover's ID is the higher one
		h := newHistory(t)
		committed, err := os.ReadFile(inStore(h.root, "index.db"))
		check(t, err)
		write(t, h.dir+"/new", []byte("stale"))
		stale := take(t, h.s, "app", h.dir, store.SnapshotOptions{Keep: 3, Version: fmt.Sprint("stale", try)}).ID
		write(t, inStore(h.root, "index.db"), committed)
		write(t, h.dir+"/new", []byte("fresh"))
		fresh := take(t, h.s, "app", h.dir, store.SnapshotOptions{Keep: 3}).ID
		if bytes.Compare(stale[:], fresh[:]) < 0 {
			continue
		}
		check(t, os.Remove(inStore(h.root, "index.db")))
		wantRestored(t, h.s, "app", store.ID{}, list(t, h.dir))
		wantLastGood(t, h.s, "app", fresh)
		wantSound(t, h.s)
		return
	}
	t.Fatal("it never was")
}

// TestIndexOfAnotherStoreIsReplaced: it is whole, but lists packs that are not
// here, and a new snapshot would refer to what is in them.
func TestIndexOfAnotherStoreIsReplaced(t *testing.T) {
	h, foreign := newHistory(t), newHistory(t)
	shared := few(5, 5000)
	write(t, foreign.dir+"/shared", shared)
	take(t, foreign.s, "app", foreign.dir, store.SnapshotOptions{})
	b, err := os.ReadFile(inStore(foreign.root, "index.db"))
	check(t, err)
	write(t, inStore(h.root, "index.db"), b)
	r, err := h.s.Check(t.Context(), store.CheckOptions{})
	check(t, err)
	said := func(p store.Problem) bool { return strings.Contains(p.Text, "that of another store") }
	if !slices.ContainsFunc(r.Problems, said) {
		t.Errorf("check does not say that the index is another store's: %v", r.Problems)
	}
	notices := 0
	s, err := store.Open(h.root, store.Options{Notice: func(string) { notices++ }})
	check(t, err)
	dir := t.TempDir()
	write(t, dir+"/shared", shared)
	take(t, s, "third", dir, store.SnapshotOptions{})
	wantSound(t, s)
	if notices != 1 {
		t.Errorf("there are %d notices", notices)
	}
	c, err := s.Checkout(t.Context(), "app", h.second, false)
	if err != nil {
		t.Fatalf("what was taken here cannot be restored any more: %v", err)
	}
	c.Close()
}

// TestOlderIndexLosesNothing puts an older copy of the index back: the newest
// record, which that does not list, is no garbage.
func TestOlderIndexLosesNothing(t *testing.T) {
	h := newHistory(t)
	older, err := os.ReadFile(inStore(h.root, "index.db"))
	check(t, err)
	write(t, h.dir+"/newest", binary.LittleEndian.AppendUint64(nil, 12345))
	newest := take(t, h.s, "app", h.dir, store.SnapshotOptions{Keep: 3}).ID
	record, err := os.ReadFile(h.record(newest))
	check(t, err)
	write(t, inStore(h.root, "index.db"), older)
	r, err := h.s.Check(t.Context(), store.CheckOptions{})
	check(t, err)
	want := []store.Unlisted{{App: "app", Snapshot: newest}}
	if !slices.Equal(r.Unlisted, want) || len(r.Problems) > 0 {
		t.Errorf("check says that %v is not listed, want %v; problems: %v", r.Unlisted, want, r.Problems)
	}
	gc(t, h.s, store.GCOptions{DryRun: true})
	gc(t, h.s, store.GCOptions{IfDue: true}) // as the command does after any snapshot
	gc(t, h.s, store.GCOptions{MinGarbage: 1})
	wantLastGood(t, h.s, "app", newest)
	wantRestored(t, h.s, "app", store.ID{}, list(t, h.dir))
	if _, ok := contents(t, h.root)[sha256.Sum256(record)]; !ok {
		t.Errorf("the record of the newest snapshot %s is deleted", blob.ID(newest).Short())
	}
}
