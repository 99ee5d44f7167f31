package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/warmstore/warmstore/restore"
	"github.com/warmstore/warmstore/store"
)

// A sweep damages every file of a small store, each byte by a flipped bit and
// each file by truncation, and sees what a restore and a check make of it.
type sweep struct {
	t     *testing.T
	s     *store.Store
	root  string
	files map[string][]byte // of the undamaged store
	wants map[store.ID]listing
	live  string // a directory with an unfinished restore
}

func newSweep(t *testing.T) *sweep {
	w := &sweep{t: t, root: filepath.Join(memory(t), "warm"), files: map[string][]byte{}, wants: map[store.ID]listing{}}
	w.s = open(t, w.root)
	check(t, os.Remove(inStore(w.root, "reserve")))
	dir := memory(t)
	w.live = filepath.Join(dir, "data")
	base := few(1, 900)
	handmade(t, w.root, true, part{raw: base}, part{raw: similar(base), base: base})
	write(t, w.live+"/plain", few(2, 700))
	write(t, w.live+"/text", []byte(strings.Repeat("many lines are alike\n", 100)))
	write(t, w.live+"/delta", similar(base))
	for i := range 2 {
		write(t, w.live+"/changes", few(uint64(3+i), 300))
		w.wants[take(t, w.s, "app", w.live, store.SnapshotOptions{Keep: 2}).ID] = list(t, w.live)
	}
	begin(t, w.s, map[string]string{"data": w.live})
	for _, dir := range []string{"blobs", "snapshots", "restoring", "index.db"} {
		check(t, filepath.WalkDir(inStore(w.root, dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				w.files[path], err = os.ReadFile(path)
			}
			return err
		}))
	}
	return w
}

// undo makes the store what it was.
func (w *sweep) undo() {
	w.t.Helper()
	check(w.t, os.RemoveAll(inStore(w.root, "quarantine")))
	for path, b := range w.files {
		check(w.t, os.WriteFile(path, b, 0o600))
	}
}

// restored restores a snapshot and reports whether it is the right one; that an
// error says that it cannot be had is as good.
func (w *sweep) restored(id store.ID, want listing) (right bool, err error) {
	c, err := w.s.Checkout(context.Background(), "app", id, true)
	if err != nil {
		return false, err
	}
	defer c.Close()
	to := w.live
	opts := restore.Options{Workers: 1, Journal: c}
	check(w.t, os.WriteFile(to+"/plain", []byte("changed"), 0o600))
	if _, err := restore.Run(context.Background(), c, []restore.Target{{Volume: "data", Path: to}}, opts); err != nil {
		return false, err
	}
	return maps.Equal(list(w.t, to), want), nil
}

// A tally counts, of the damages of one kind, those that were tried, that a
// restore went through all the same, and that check found.
type tally struct{ tried, restored, found int }

// hurt damages a file, judges, and undoes it.
func (w *sweep) hurt(path string, damaged []byte, count *tally) {
	w.t.Helper()
	defer w.undo()
	check(w.t, os.WriteFile(path, damaged, 0o600))
	count.tried++
	r, err := w.s.Check(w.t.Context(), store.CheckOptions{ReadData: true})
	if err != nil || len(r.Problems) > 0 {
		count.found++
	}
	survived := true
	for id, want := range w.wants {
		right, err := w.restored(id, want)
		if err == nil && !right {
			w.t.Errorf("%s: wrong bytes are restored", path)
		}
		survived = survived && err == nil
	}
	if survived {
		count.restored++
	}
}

func TestDamageIsNeverRestored(t *testing.T) {
	w := newSweep(t)
	flips, cuts := 12, 4 // of a file
	if os.Getenv("WARMSTORE_FAULTS") == "full" {
		flips, cuts = 1<<30, 1<<30
	}
	tallies := map[string]*tally{}
	for path, good := range w.files {
		kind, _, _ := strings.Cut(strings.TrimPrefix(path, inStore(w.root)+"/"), "/")
		for _, what := range []string{"flip", "cut"} {
			if tallies[kind+" "+what] == nil {
				tallies[kind+" "+what] = &tally{}
			}
		}
		for at := 0; at < len(good); at += 1 + len(good)/flips {
			b := append([]byte(nil), good...)
			b[at] ^= 1 << (at % 8)
			w.hurt(path, b, tallies[kind+" flip"])
		}
		for n := 0; n < len(good); n += 1 + len(good)/cuts {
			w.hurt(path, good[:n], tallies[kind+" cut"])
		}
	}
	for kind, n := range tallies {
		t.Logf("%-15s %6d tried, wrong restores 0, restored all the same %6d, found by check %.1f %%",
			kind, n.tried, n.restored, 100*float64(n.found)/float64(n.tried))
		known := strings.HasPrefix(kind, "index") // its damage heals by itself
		if !known && n.found < n.tried {
			t.Errorf("%s: check overlooks %d of %d", kind, n.tried-n.found, n.tried)
		}
	}
}

// TestDamagedWitnessCostsTimeOnly has a file that changed since and two that did
// not: with any damage to the witness the snapshot is the one that reads all.
func TestDamagedWitnessCostsTimeOnly(t *testing.T) {
	s, root := newStore(t)
	dir := t.TempDir()
	for i, name := range []string{"/changes", "/same", "/alike"} {
		write(t, dir+name, few(uint64(i), 500))
	}
	time.Sleep(30 * time.Millisecond) // so that they look settled
	take(t, s, "app", dir, store.SnapshotOptions{})
	write(t, dir+"/changes", few(9, 500))
	want := take(t, s, "app", dir, store.SnapshotOptions{DryRun: true, Rehash: true}).Record.Volumes[0].Manifest
	path := inStore(root, "witness", "app", "data")
	good, err := os.ReadFile(path)
	check(t, err)
	tried, slower := 0, 0
	try := func(damaged []byte) {
		check(t, os.WriteFile(path, damaged, 0o600))
		r := take(t, s, "app", dir, store.SnapshotOptions{DryRun: true})
		if tried++; !slices.Equal(r.Record.Volumes[0].Manifest.Chunks, want.Chunks) {
			t.Errorf("after damage %d the snapshot is another", tried)
		}
		if r.Stats.BytesRead > 500 {
			slower++
		}
	}
	if try(good); slower > 0 {
		t.Fatal("undamaged, the witness is not used: the test tests nothing")
	}
	const used = 80 + 3*40 // bytes of a header and three records; zeros follow
	for at := range used {
		b := slices.Clone(good)
		b[at] ^= 1 << (at % 8)
		try(b)
		try(good[:at])
	}
	t.Logf("%-15s %6d tried, wrong snapshots 0, slower %d", "witness", tried, slower)
	if slower == 0 {
		t.Error("no damage was noticed")
	}
}

// TestIndexOfAPageIsHealed: bbolt has errors of its own for files so short.
func TestIndexOfAPageIsHealed(t *testing.T) {
	h := newHistory(t)
	for _, size := range []int64{1, 4095, 4096, 8191} {
		check(t, os.Truncate(inStore(h.root, "index.db"), size))
		c, err := h.s.Checkout(t.Context(), "app", store.ID{}, false)
		if err != nil {
			t.Errorf("of %d bytes: %v", size, err)
			continue
		}
		c.Close()
	}
}

// TestFlippedMarkBlocks: with another inode number or path in it a snapshot could
// be taken of what is half restored.
func TestFlippedMarkBlocks(t *testing.T) {
	s, root := newStore(t)
	dir := t.TempDir()
	take(t, s, "app", dir, store.SnapshotOptions{})
	begin(t, s, map[string]string{"data": dir})
	mark := inStore(root, "restoring", "app.json")
	good, err := os.ReadFile(mark)
	check(t, err)
	missed := 0
	for at := range good {
		b := append([]byte(nil), good...)
		b[at] ^= 1
		check(t, os.WriteFile(mark, b, 0o600))
		volumes := []store.Volume{{Name: "data", Path: dir}}
		_, err := s.Snapshot(t.Context(), "app", volumes, store.SnapshotOptions{DryRun: true})
		if err == nil {
			missed++
		}
	}
	if missed > 0 {
		t.Errorf("after %d of %d flips a snapshot is taken of what is half restored", missed, len(good))
	}
}

// TestDamagedMarkCanBeRepaired: it blocks the app, and gc for all, until repair
// moves it away.
func TestDamagedMarkCanBeRepaired(t *testing.T) {
	h := newHistory(t)
	write(t, inStore(h.root, "restoring", "app.json"), []byte("{"))
	if _, err := h.s.Repair(t.Context(), store.RepairOptions{}); err != nil {
		t.Errorf("repair: %v", err)
	}
	c, err := h.s.Checkout(t.Context(), "app", store.ID{}, true)
	check(t, err)
	targets := []restore.Target{{Volume: "data", Path: t.TempDir()}}
	if _, err := restore.Run(t.Context(), c, targets, restore.Options{Journal: c}); err != nil {
		t.Errorf("restore: %v", err)
	}
	c.Close()
	if _, err := h.s.Collect(t.Context(), store.GCOptions{}); errors.Is(err, store.ErrCorrupt) {
		t.Errorf("gc: %v", err)
	}
}

// TestForgetAndGCFreeAFullDisk fills the disk to the last byte, beside a small index
// and one that is larger than the least reserve.
func TestForgetAndGCFreeAFullDisk(t *testing.T) {
	for _, files := range []int{1, 50_000} {
		t.Run(fmt.Sprint(files), func(t *testing.T) { forgetOnAFullDisk(t, files) })
	}
}

func forgetOnAFullDisk(t *testing.T, files int) {
	disk := mount(t, 96<<20)
	root := filepath.Join(disk, "warm")
	s := open(t, root)
	gone, kept := t.TempDir(), t.TempDir()
	write(t, kept+"/shared", few(2, 2<<20))
	write(t, gone+"/shared", few(2, 2<<20))
	write(t, gone+"/own", few(1, 6<<20))
	for i := range files {
		write(t, fmt.Sprint(gone, "/", i), fmt.Append(nil, i))
	}
	take(t, s, "kept", kept, store.SnapshotOptions{})
	take(t, s, "gone", gone, store.SnapshotOptions{})
	fill(t, disk, 0)
	if n := freeBytes(t, disk); n != 0 {
		t.Fatalf("%d bytes are free, so the test tests nothing", n)
	}
	_, err := s.Forget(t.Context(), "gone", store.ID{})
	check(t, err)
	r := gc(t, s, store.GCOptions{})
	if free := freeBytes(t, disk); free < 5<<20 || r.Freed < 5<<20 {
		t.Errorf("%d bytes are free, gc says it freed %d", free, r.Freed)
	}
	wantRestored(t, s, "kept", store.ID{}, list(t, kept))
	wantSound(t, s)
	check(t, os.Remove(filepath.Join(disk, "ballast")))
	gc(t, s, store.GCOptions{})
	var st unix.Stat_t
	check(t, unix.Stat(inStore(root, "reserve"), &st))
	if st.Blocks*512 < 2<<20 {
		t.Errorf("the reserve is %d bytes when there is space again", st.Blocks*512)
	}
}
