package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/store"
)

// freeBytes is what the file system that has root could still hold.
func freeBytes(t *testing.T, root string) int64 {
	t.Helper()
	var fs unix.Statfs_t
	check(t, unix.Statfs(root, &fs))
	return int64(fs.Bavail) * fs.Bsize
}

// gc collects, which must succeed.
func gc(t *testing.T, s *store.Store, opts store.GCOptions) *store.GCResult {
	t.Helper()
	r, err := s.Collect(t.Context(), opts)
	check(t, err)
	return r
}

func TestGCFreesAtOnceWhatForgetMadeGarbage(t *testing.T) {
	disk := mount(t, 64<<20)
	root := filepath.Join(disk, "warm")
	s := open(t, root)
	a, b := t.TempDir(), t.TempDir()
	write(t, a+"/own", few(1, 6<<20))
	write(t, a+"/shared", few(2, 2<<20))
	write(t, b+"/shared", few(2, 2<<20))
	write(t, b+"/own", few(3, 1<<20))
	take(t, s, "a", a, store.SnapshotOptions{})
	take(t, s, "b", b, store.SnapshotOptions{})
	free, packs := freeBytes(t, disk), packBytes(t, root)
	_, err := s.Forget(t.Context(), "a", store.ID{})
	check(t, err)
	plan := gc(t, s, store.GCOptions{DryRun: true}).Plan
	r := gc(t, s, store.GCOptions{})
	freed := freeBytes(t, disk) - free
	if freed < 6<<20 || freed > 6<<20+64<<10 {
		t.Errorf("%d bytes more are free on disk, want the 6 MiB that only a had", freed)
	}
	if want := packs - packBytes(t, root); r.Freed != want || r.Busy {
		t.Errorf("it says that it freed %d bytes, want %d (busy: %t)", r.Freed, want, r.Busy)
	}
	if d := plan.Frees() - r.Freed; d < -10_000 || d > 10_000 {
		t.Errorf("the plan was to free %d bytes, and %d were", plan.Frees(), r.Freed)
	}
	wantRestored(t, s, "b", store.ID{}, list(t, b))
	wantSound(t, s)
	if r := gc(t, s, store.GCOptions{MinGarbage: 1}); r.Freed != 0 || r.Removed != 0 {
		t.Errorf("a second gc frees %d bytes in %d files", r.Freed, r.Removed)
	}
}

func TestGCKeepsWhatEverySnapshotOfEveryAppNeeds(t *testing.T) {
	s, root := newStore(t)
	type taken struct {
		app  string
		id   store.ID
		want listing
	}
	var all []taken
	for i := range uint64(2) {
		f := newForest(t, 200+i)
		f.grow(6)
		for range 2 {
			f.change()
			app := fmt.Sprint("app", i)
			all = append(all, taken{app, take(t, s, app, f.root, store.SnapshotOptions{Keep: 3}).ID, list(t, f.root)})
		}
	}
	before := packBytes(t, root)
	for i := 0; i < len(all); i += 2 {
		_, err := s.Forget(t.Context(), all[i].app, all[i].id)
		check(t, err)
	}
	gc(t, s, store.GCOptions{MinGarbage: 1})
	if after := packBytes(t, root); after > before { // most of it is bases that deltas need
		t.Errorf("of %d bytes are left %d", before, after)
	}
	wantSound(t, s)
	for i := 1; i < len(all); i += 2 {
		wantRestored(t, s, all[i].app, all[i].id, all[i].want)
	}
}

func TestGCRewritesPacksAboveMinGarbageOnly(t *testing.T) {
	s, root := newStore(t)
	dir := t.TempDir()
	needed := map[string]int{} // percent of the pack at this path that is needed
	for i, percent := range []int{0, 20, 50, 70, 90, 100} {
		var parts []part
		for j := range 10 {
			raw := few(uint64(100*i+j), 5000)
			parts = append(parts, part{raw: raw})
			if 10*j < percent {
				write(t, fmt.Sprintf("%s/%d-%d", dir, i, j), raw)
			}
		}
		path, _ := handmade(t, root, true, parts...)
		needed[path] = percent
	}
	r := take(t, s, "app", dir, store.SnapshotOptions{})
	if r.Stats.ChunksNew != 1 { // the manifest
		t.Fatalf("%d chunks are new, so the test tests nothing", r.Stats.ChunksNew)
	}
	for _, limit := range []int{60, 40, 12, 5} {
		plan := gc(t, s, store.GCOptions{MinGarbage: limit, DryRun: true}).Plan
		before := packFiles(t, root)
		gc(t, s, store.GCOptions{MinGarbage: limit})
		after := packFiles(t, root)
		rewritten := 0
		for path := range before {
			_, stays := after[path]
			if percent, ok := needed[path]; ok && stays != (100-percent < limit) {
				t.Errorf("above %d %%: of a pack that is needed to %d %%: stays is %t", limit, percent, stays)
			}
			if !stays {
				rewritten++
			}
		}
		if rewritten != len(plan.Drop)+len(plan.Rewrite) {
			t.Errorf("above %d %%: %d packs are gone, the plan was %+v", limit, rewritten, plan)
		}
	}
	wantRestored(t, s, "app", store.ID{}, list(t, dir))
	wantSound(t, s)
}

// TestGCCopiesAsStored stores what zstd would shrink as it is: compressed anew
// it would be shorter.
func TestGCCopiesAsStored(t *testing.T) {
	s, root := newStore(t)
	dir := t.TempDir()
	plain := []byte(strings.Repeat("the same line\n", 300))
	base := few(2, 6000)
	handmade(t, root, true, part{raw: plain}, part{raw: base}, part{raw: similar(base), base: base},
		part{raw: few(1, 20_000)})
	write(t, dir+"/plain", plain)
	write(t, dir+"/delta", similar(base))
	take(t, s, "app", dir, store.SnapshotOptions{})
	before := entries(t, root)
	if r := gc(t, s, store.GCOptions{}); r.Copied < int64(len(plain)) {
		t.Fatalf("the plan is %+v, copied %d", r.Plan, r.Copied)
	}
	after := entries(t, root)
	for _, raw := range [][]byte{plain, base, similar(base)} {
		was, is := before[blob.Sum(raw)], after[blob.Sum(raw)]
		if was.Pack == is.Pack {
			t.Errorf("chunk %s is not copied", was.ID.Short())
		}
		was.Pack, was.Offset = is.Pack, is.Offset
		if was != is {
			t.Errorf("it was stored as %+v and is now as %+v", was, is)
		}
	}
	wantRestored(t, s, "app", store.ID{}, list(t, dir))
	wantSound(t, s)
}

func TestGCDryRunChangesNothing(t *testing.T) {
	s, root := newStore(t)
	dir := t.TempDir()
	gc(t, s, store.GCOptions{}) // makes its lock
	write(t, dir+"/a", few(1, 1<<20))
	take(t, s, "app", dir, store.SnapshotOptions{})
	write(t, dir+"/a", few(2, 1<<20))
	take(t, s, "app", dir, store.SnapshotOptions{})
	handmade(t, root, false, part{raw: few(3, 100)})
	write(t, inStore(root, "tmp", "left"), []byte("over"))
	before := list(t, root)
	r := gc(t, s, store.GCOptions{DryRun: true, MinGarbage: 1})
	if r.Plan.Frees() < 1<<20 || r.Freed != 0 || r.Removed != 0 {
		t.Errorf("the plan is %+v, the result %+v", r.Plan, r)
	}
	before.same(t, list(t, root))
}

func TestGCChangesNothingIfARecordOrManifestCannotBeRead(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, root, record string){
		"record flipped": func(t *testing.T, _, record string) { flipFile(t, record, 100) },
		"record empty":   func(t *testing.T, _, record string) { check(t, os.Truncate(record, 0)) },
		"record missing": func(t *testing.T, _, record string) { check(t, os.Remove(record)) },
		"manifest":       func(t *testing.T, root, _ string) { flip(t, root, "a-name-in-it") },
		"pack with the manifest": func(t *testing.T, root, _ string) {
			for path := range packFiles(t, root) {
				if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte("a-name-in-it")) {
					check(t, os.Remove(path))
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, root := newStore(t)
			gc(t, s, store.GCOptions{})
			dir, other := t.TempDir(), t.TempDir()
			write(t, dir+"/a-name-in-it", []byte("x"))
			id := take(t, s, "app", dir, store.SnapshotOptions{}).ID
			write(t, other+"/file", few(1, 1<<20))
			take(t, s, "other", other, store.SnapshotOptions{})
			_, err := s.Forget(t.Context(), "other", store.ID{})
			check(t, err)
			write(t, inStore(root, "tmp", "left"), []byte("over"))
			damage(t, root, inStore(root, "snapshots", id.String()+".json"))
			before := list(t, root)
			for _, opts := range []store.GCOptions{{}, {IfDue: true}} {
				_, err := s.Collect(t.Context(), opts)
				want := "nothing was changed: snapshot " + id.Short()
				if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), want) {
					t.Errorf("%+v: it returns %v", opts, err)
				}
				before.withoutNotes().same(t, list(t, root).withoutNotes())
			}
		})
	}
}

// TestGCKeepsWhatAnUnfinishedRestoreNeeds has a mark of a snapshot that the
// index does not list any more: a crash left the record.
func TestGCKeepsWhatAnUnfinishedRestoreNeeds(t *testing.T) {
	s, root := newStore(t)
	dir := t.TempDir()
	write(t, dir+"/file", few(1, 1<<20))
	id := take(t, s, "app", dir, store.SnapshotOptions{}).ID
	want := list(t, dir)
	finish := begin(t, s, map[string]string{"data": dir})
	editIndex(t, root, func(tx *index.Tx) error { return tx.PutApp("app", nil) })
	gc(t, s, store.GCOptions{MinGarbage: 1})
	editIndex(t, root, func(tx *index.Tx) error { return tx.PutApp("app", []blob.ID{id}) })
	wantRestored(t, s, "app", id, want)
	wantSound(t, s)
	finish()
	_, err := s.Forget(t.Context(), "app", id)
	check(t, err)
	gc(t, s, store.GCOptions{MinGarbage: 1})
	if n := packBytes(t, root); n != 0 {
		t.Errorf("it is finished and forgotten, and %d bytes are left", n)
	}
}

func TestGCSweepsWhatCrashesLeaveAndNothingElse(t *testing.T) {
	for _, opts := range []store.GCOptions{{}, {IfDue: true}} {
		s, root := newStore(t)
		dir := t.TempDir()
		write(t, dir+"/file", few(1, 100_000))
		take(t, s, "app", dir, store.SnapshotOptions{})
		gc(t, s, opts)
		before := litter(t, root)
		handmade(t, root, false, part{raw: few(2, 100)})
		write(t, inStore(root, "tmp", "pack-123"), []byte("half"))
		write(t, inStore(root, "snapshots", blob.Sum(nil).String()+".json"), []byte("{}"))
		strays := []string{inStore(root, "blobs", "00", "notes.txt"), inStore(root, "snapshots", "notes.txt")}
		for _, path := range strays {
			write(t, path, []byte("mine"))
		}
		gc(t, s, opts)
		for _, path := range strays {
			check(t, os.Remove(path)) // it is still there
		}
		wantLitter(t, root, before)
		wantRestored(t, s, "app", store.ID{}, list(t, dir))
	}
}

// TestGCLeavesASnapshotInProgressAlone stops one when its packs are durable and
// nothing lists them.
func TestGCLeavesASnapshotInProgressAlone(t *testing.T) {
	t.Parallel()
	st := newStage(t, newRoot(t), 1<<20)
	before := list(t, st.dir)
	var during []string
	err := st.snapshot(t.Context(), store.SnapshotOptions{Recheck: func(ctx context.Context) error {
		during = litter(t, st.root)
		// With 100 there is nothing to do but to sweep.
		for _, opts := range []store.GCOptions{{IfDue: true}, {MinGarbage: 1}, {IfDue: true, MinGarbage: 100}} {
			r, err := st.s.Collect(ctx, opts)
			check(t, err)
			if !r.Busy || r.Removed > 0 {
				t.Errorf("%+v: busy is %t, %d files are removed", opts, r.Busy, r.Removed)
			}
		}
		wantLitter(t, st.root, during)
		return nil
	}})
	check(t, err)
	if len(during) < len(st.before)+1 {
		t.Errorf("it was stopped with %q there, so the test tests nothing", during)
	}
	wantRestored(t, st.s, "app", store.ID{}, before)
	gc(t, st.s, store.GCOptions{MinGarbage: 1})
	wantSound(t, st.s)
}

func TestGCGivesWayToARestore(t *testing.T) {
	t.Parallel()
	s, root := newStore(t)
	dir := t.TempDir()
	write(t, dir+"/file", few(1, 10_000))
	take(t, s, "app", dir, store.SnapshotOptions{})
	for i := range uint64(100) {
		handmade(t, root, true, part{raw: few(10+i, 100)})
	}
	var done atomic.Bool
	go func() {
		defer done.Store(true)
		gc(t, s, store.GCOptions{})
	}()
	served, slowest := 0, time.Duration(0)
	for !done.Load() {
		begun := time.Now()
		c, err := s.Checkout(t.Context(), "app", store.ID{}, false)
		check(t, err)
		slowest = max(slowest, time.Since(begun))
		c.Close()
		served++
		time.Sleep(time.Millisecond) // or gc never has its turn
	}
	t.Logf("%d restores were served while gc ran, the slowest after %v", served, slowest)
	if served < 1 || slowest > 3*time.Second {
		t.Errorf("%d restores were served, the slowest after %v", served, slowest)
	}
}

// TestGCDoesNotQueueInFrontOfARestore has a restore that lasts, for which gc
// waits: a second one does not wait for gc.
func TestGCDoesNotQueueInFrontOfARestore(t *testing.T) {
	t.Parallel()
	s, root := newStore(t)
	dir := t.TempDir()
	take(t, s, "app", dir, store.SnapshotOptions{})
	path, _ := handmade(t, root, true, part{raw: few(1, 100)})
	first, err := s.Checkout(t.Context(), "app", store.ID{}, false)
	check(t, err)
	result := make(chan *store.GCResult)
	go func() { result <- gc(t, s, store.GCOptions{}) }()
	time.Sleep(200 * time.Millisecond)
	begun := time.Now()
	second, err := s.Checkout(t.Context(), "app", store.ID{}, true)
	check(t, err)
	if d := time.Since(begun); d > 3*time.Second {
		t.Errorf("the second one is served after %v", d)
	}
	if r := <-result; !r.Busy {
		t.Error("it is not said that gc could not do all")
	}
	check(t, unix.Access(path, unix.F_OK))
	first.Close()
	second.Close()
	if r := gc(t, s, store.GCOptions{}); r.Busy || len(packFiles(t, root)) != 1 {
		t.Errorf("alone it is busy: %t, and leaves %d packs", r.Busy, len(packFiles(t, root)))
	}
}

func TestGCKeepsTheBasesOfLiveDeltas(t *testing.T) {
	s, root := newStore(t)
	dir := t.TempDir()
	base, other := few(1, 6000), few(2, 6000)
	handmade(t, root, true, part{raw: base}, part{raw: few(3, 50_000)}) // mostly garbage: is rewritten
	handmade(t, root, true, part{raw: other})
	handmade(t, root, true, part{raw: similar(base), base: base}, part{raw: similar(other), base: other})
	write(t, dir+"/a", similar(base))
	write(t, dir+"/b", similar(other))
	if r := take(t, s, "app", dir, store.SnapshotOptions{}); r.Stats.ChunksNew != 1 {
		t.Fatalf("%d chunks are new, so the test tests nothing", r.Stats.ChunksNew)
	}
	if r := gc(t, s, store.GCOptions{MinGarbage: 1}); r.Freed < 49_000 {
		t.Errorf("%d bytes are freed by %+v", r.Freed, r.Plan)
	}
	wantRestored(t, s, "app", store.ID{}, list(t, dir))
	wantSound(t, s)
	check(t, os.Remove(dir+"/b"))
	take(t, s, "app", dir, store.SnapshotOptions{})
	gc(t, s, store.GCOptions{MinGarbage: 1})
	left := entries(t, root)
	if _, ok := left[blob.Sum(other)]; ok {
		t.Error("a base is kept that no delta needs")
	}
	if _, ok := left[blob.Sum(base)]; !ok {
		t.Error("a base is gone that a delta needs")
	}
	wantRestored(t, s, "app", store.ID{}, list(t, dir))
}

func TestGCByItselfCollectsFromAThresholdOn(t *testing.T) {
	s, root := newStore(t)
	dir := t.TempDir()
	for i := range 10 {
		write(t, fmt.Sprint(dir, "/", i), few(uint64(i), 100_000))
	}
	take(t, s, "app", dir, store.SnapshotOptions{})
	gc(t, s, store.GCOptions{IfDue: true})
	for changed, due := range []bool{false, false, true} { // garbage of 0, 9 and 17 percent
		if changed > 0 {
			write(t, fmt.Sprint(dir, "/", changed), few(uint64(100+changed), 100_000))
			take(t, s, "app", dir, store.SnapshotOptions{})
		}
		before := packBytes(t, root)
		write(t, inStore(root, "tmp", "left"), []byte("over"))
		r := gc(t, s, store.GCOptions{IfDue: true})
		if freed := packBytes(t, root) < before-50_000; freed != due || r.Busy {
			t.Errorf("with %d of 10 files changed it frees: %t, want %t (busy: %t)", changed, freed, due, r.Busy)
		}
		if _, err := os.Stat(inStore(root, "tmp", "left")); err == nil {
			t.Errorf("with %d of 10 files changed it does not sweep", changed)
		}
	}
	wantRestored(t, s, "app", store.ID{}, list(t, dir))
}

func TestGCByItselfWaitsForNobody(t *testing.T) {
	s, root := newStore(t)
	take(t, s, "app", t.TempDir(), store.SnapshotOptions{})
	path, _ := handmade(t, root, true, part{raw: few(1, 100_000)})
	reader, err := s.Checkout(t.Context(), "app", store.ID{}, false)
	check(t, err)
	defer reader.Close()
	begun := time.Now()
	r := gc(t, s, store.GCOptions{IfDue: true})
	if d := time.Since(begun); !r.Busy || d > 900*time.Millisecond {
		t.Errorf("while others use the store, it is busy: %t, and takes %v", r.Busy, d)
	}
	check(t, unix.Access(path, unix.F_OK))
}

// TestGCByItselfCountsAnewAfterForget: the guess whether it is due counts what
// was stored since the last time, which says nothing of what was forgotten.
func TestGCByItselfCountsAnewAfterForget(t *testing.T) {
	s, root := newStore(t)
	dir := t.TempDir()
	take(t, s, "small", dir, store.SnapshotOptions{})
	write(t, dir+"/file", few(1, 4<<20))
	take(t, s, "large", dir, store.SnapshotOptions{})
	gc(t, s, store.GCOptions{IfDue: true}) // as the command does after a snapshot
	_, err := s.Forget(t.Context(), "large", store.ID{})
	check(t, err)
	gc(t, s, store.GCOptions{IfDue: true}) // as it does after forget
	if n := packBytes(t, root); n > 1<<20 {
		t.Errorf("nearly all is garbage, and %d bytes are still there", n)
	}
}

// TestGCLeavesPacksWithoutGarbage: header and footer of a pack are no garbage,
// however small its blobs.
func TestGCLeavesPacksWithoutGarbage(t *testing.T) {
	s, root := newStore(t)
	dir := t.TempDir()
	write(t, dir+"/file", []byte("hello"))
	take(t, s, "app", dir, store.SnapshotOptions{})
	before := packFiles(t, root)
	for range 3 {
		r := gc(t, s, store.GCOptions{})
		if len(r.Plan.Rewrite) > 0 || r.Plan.Garbage() > 0 {
			t.Errorf("nothing is garbage, and the plan is %+v: %d %%", r.Plan, r.Plan.Garbage())
		}
	}
	if after := packFiles(t, root); !maps.Equal(before, after) {
		t.Errorf("there are packs %v, want %v", after, before)
	}
}
