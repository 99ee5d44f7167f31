package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/warmstore/warmstore/store"
)

// seeds is how many random trees the round trips are tried on.
const seeds = 3

func TestRestoredTreeIsTheSnapshot(t *testing.T) {
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s, _ := newStore(t)
			f := newForest(t, seed)
			f.grow(30)
			first := list(t, f.root)
			one := take(t, s, "app", f.root, store.SnapshotOptions{})
			f.change()
			second := list(t, f.root)
			two := take(t, s, "app", f.root, store.SnapshotOptions{Keep: 2})
			wantRestored(t, s, "app", one.ID, first)
			wantRestored(t, s, "app", two.ID, second)
			second.same(t, list(t, f.root)) // reading left it as it was
		})
	}
}

func TestRestoreInPlaceUndoesEveryChange(t *testing.T) {
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s, _ := newStore(t)
			f := newForest(t, 100+seed)
			f.grow(30)
			before := list(t, f.root)
			take(t, s, "app", f.root, store.SnapshotOptions{})
			f.change()
			restoreTo(t, s, "app", store.ID{}, f.root)
			before.same(t, list(t, f.root))
		})
	}
}

func TestSameContentIsStoredOnce(t *testing.T) {
	s, _ := newStore(t)
	data := noise(random(1), 3<<20)
	one, two := t.TempDir(), t.TempDir()
	write(t, one+"/a", data)
	write(t, two+"/x/b", data)
	write(t, two+"/x/c", data)
	r := take(t, s, "one", one, store.SnapshotOptions{})
	if r.Stats.BytesStored < int64(len(data)) {
		t.Errorf("the first app stores %d bytes of %d", r.Stats.BytesStored, len(data))
	}
	r = take(t, s, "two", two, store.SnapshotOptions{})
	if r.Stats.BytesNew > 10_000 { // its manifest
		t.Errorf("the second app stores %d bytes anew", r.Stats.BytesNew)
	}
	if want := int64(2 * len(data)); r.Stats.BytesRead != want || r.Record.Bytes() != want {
		t.Errorf("the second app has %d bytes and reads %d, want %d", r.Record.Bytes(), r.Stats.BytesRead, want)
	}
	wantRestored(t, s, "two", store.ID{}, list(t, two))
}

func TestUnchangedVolumeStoresNothing(t *testing.T) {
	s, root := newStore(t)
	f := newForest(t, 7)
	f.grow(30)
	take(t, s, "app", f.root, store.SnapshotOptions{})
	packs := litter(t, root)
	r := take(t, s, "app", f.root, store.SnapshotOptions{Keep: 2})
	if st := r.Stats; st.BytesNew != 0 || st.BytesStored != 0 || st.ChunksNew != 0 || st.ChunksReused == 0 {
		t.Errorf("the second snapshot has %+v", st)
	}
	if now := litter(t, root); len(now) != len(packs)+1 {
		t.Errorf("the store has %q, want one record beside %q", now, packs)
	}
}

func TestVolumesAreOneSnapshot(t *testing.T) {
	s, root := newStore(t)
	a, b := t.TempDir(), t.TempDir()
	write(t, a+"/x", []byte("in a"))
	write(t, b+"/x", []byte("in b"))
	volumes := []store.Volume{{Name: "b", Path: b}, {Name: "a", Path: a}}
	r, err := s.Snapshot(t.Context(), "app", volumes, store.SnapshotOptions{})
	check(t, err)
	if len(r.Record.Volumes) != 2 || r.Record.Volumes[0].Name != "a" || r.Record.Files() != 2 || r.Record.Bytes() != 8 {
		t.Errorf("the record has %+v", r.Record.Volumes)
	}
	before := litter(t, root)
	write(t, a+"/y", []byte("more"))
	check(t, os.RemoveAll(b))
	if _, err = s.Snapshot(t.Context(), "app", volumes, store.SnapshotOptions{}); err == nil {
		t.Error("a snapshot without one of the volumes is taken")
	}
	wantLitter(t, root, before)
	wantLastGood(t, s, "app", r.ID)
}

func TestKeepDropsTheOldestAndTheirRecords(t *testing.T) {
	s, root := newStore(t)
	dir := t.TempDir()
	var ids []store.ID
	for i := range 4 {
		write(t, dir+"/file", fmt.Append(nil, i))
		ids = append(ids, take(t, s, "app", dir, store.SnapshotOptions{Keep: 3}).ID)
	}
	kept, err := s.Snapshots("app")
	check(t, err)
	if !slices.Equal(kept, ids[1:]) {
		t.Errorf("of %v are kept %v, want the last three", ids, kept)
	}
	records, err := filepath.Glob(filepath.Join(root, store.Dir, "snapshots", "*"))
	check(t, err)
	isFirst := func(r string) bool { return strings.Contains(r, ids[0].String()) }
	if len(records) != 3 || slices.ContainsFunc(records, isFirst) {
		t.Errorf("there are the records %q", records)
	}
	r := take(t, s, "app", dir, store.SnapshotOptions{})
	if kept, err = s.Snapshots("app"); err != nil || !slices.Equal(kept, []store.ID{r.ID}) || r.Record.Seq != 5 {
		t.Errorf("without Keep %v are kept (%v), the newest is number %d", kept, err, r.Record.Seq)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	s, root := newStore(t)
	dir := t.TempDir()
	write(t, dir+"/file", noise(random(1), 2<<20))
	take(t, s, "app", dir, store.SnapshotOptions{})
	write(t, dir+"/more", noise(random(2), 2<<20))
	for _, app := range []string{"app", "new"} {
		before := list(t, root)
		r := take(t, s, app, dir, store.SnapshotOptions{DryRun: true})
		if !r.ID.IsZero() || r.Record.Bytes() != 4<<20 || r.Stats.BytesNew < 2<<20 {
			t.Errorf("%s: a dry run returns %v, %d bytes, %+v", app, r.ID, r.Record.Bytes(), r.Stats)
		}
		after := list(t, root)
		// The lock of an app is a file that stays, and is all there is to it.
		delete(after, "/"+store.Dir+"/lock/apps/new.lock")
		before["/"+store.Dir+"/lock/apps"] = after["/"+store.Dir+"/lock/apps"]
		before.same(t, after)
	}
	if ids, err := s.Snapshots("new"); err != nil || len(ids) > 0 {
		t.Errorf("a dry run is listed: %v, %v", ids, err)
	}
}

func TestDamagedManifestIsReadAnew(t *testing.T) {
	s, root := newStore(t)
	dir := t.TempDir()
	write(t, dir+"/a-name-in-it", noise(random(1), 2<<20))
	take(t, s, "app", dir, store.SnapshotOptions{})
	flip(t, root, "a-name-in-it")
	write(t, dir+"/more", []byte("more"))
	r := take(t, s, "app", dir, store.SnapshotOptions{})
	if len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "volume data") {
		t.Errorf("the warnings are %q, want one of volume data", r.Warnings)
	}
	if want := int64(2<<20 + 4); r.Stats.BytesRead != want {
		t.Errorf("%d bytes are read, want %d", r.Stats.BytesRead, want)
	}
	wantRestored(t, s, "app", store.ID{}, list(t, dir))
}

// flip changes a bit of the pack that has text, where that begins.
func flip(t *testing.T, root, text string) {
	t.Helper()
	packs, err := filepath.Glob(filepath.Join(root, store.Dir, "blobs", "*", "*.pack"))
	check(t, err)
	for _, path := range packs {
		b, err := os.ReadFile(path)
		check(t, err)
		if i := strings.Index(string(b), text); i >= 0 {
			b[i] ^= 1
			check(t, os.WriteFile(path, b, 0))
			return
		}
	}
	t.Fatalf("none of %d packs has %q", len(packs), text)
}
