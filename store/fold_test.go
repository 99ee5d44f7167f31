package store_test

import (
	"bytes"
	"testing"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/store"
)

// deltaCount returns how many blobs are deltas.
func deltaCount(t *testing.T, root string) (n int) {
	t.Helper()
	check(t, index.DB(inStore(root, "index.db")).View(func(tx *index.Tx) error {
		for p, err := range tx.Packs() {
			check(t, err)
			for i := range p.Tail.Len() {
				if p.Tail.Entry(i).IsDelta() {
					n++
				}
			}
		}
		return nil
	}))
	return n
}

// repaged returns pages of which the first percent of every 64 KiB is new.
func repaged(pages []byte, seed uint64, percent int) []byte {
	pages = bytes.Clone(pages)
	for at := 0; at < len(pages); at += 64 << 10 {
		copy(pages[at:], few(1<<60+seed<<32+uint64(at), percent*(64<<10)/100))
	}
	return pages
}

func TestGCStoresWholeWhatIsAloneInNeedingItsBase(t *testing.T) {
	const chunks = 32
	for _, tt := range []struct {
		name       string
		percents   []int // of every chunk, that each snapshot after the first changes
		keep       int
		minGarbage int
		deltas     int // that are left
	}{
		{"large deltas", []int{45}, 1, 0, 0},
		{"small deltas", []int{10}, 1, 0, chunks},
		{"small deltas, when every byte counts", []int{10}, 1, 1, 0},
		{"bases that a snapshot names", []int{45}, 2, 1, chunks},
		{"bases of two deltas each", []int{45, 44}, 2, 1, 2 * chunks},
		{"the second of two deltas", []int{45, 44}, 1, 1, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, root := newStore(t)
			dir, pages := t.TempDir(), few(1, chunks<<16)
			write(t, dir+"/pages", pages)
			take(t, s, "app", dir, store.SnapshotOptions{})
			for i, percent := range tt.percents {
				write(t, dir+"/pages", repaged(pages, uint64(i), percent))
				take(t, s, "app", dir, store.SnapshotOptions{Keep: tt.keep})
			}
			if n := deltaCount(t, root); n < chunks {
				t.Fatalf("%d deltas before gc", n)
			}
			before := packBytes(t, root)
			r := gc(t, s, store.GCOptions{MinGarbage: tt.minGarbage})
			if n := deltaCount(t, root); n != tt.deltas || r.Folded > 0 != (n == 0) {
				t.Errorf("%d deltas are left, want %d; gc says that it folded %d", n, tt.deltas, r.Folded)
			}
			wantFreed(t, root, before, r)
			wantSound(t, s)
			wantRestored(t, s, "app", store.ID{}, list(t, dir))
			if tt.deltas == 0 {
				wantMinimal(t, root, dir)
			}
			if again := gc(t, s, store.GCOptions{MinGarbage: tt.minGarbage}); again.Folded+again.Removed > 0 {
				t.Errorf("a second gc folds %d deltas and removes %d files", again.Folded, again.Removed)
			}
		})
	}
}

// wantFreed fails unless gc freed what it says of the bytes of all packs, and what
// it planned.
func wantFreed(t *testing.T, root string, before int64, r *store.GCResult) {
	t.Helper()
	if after := packBytes(t, root); before-after != r.Freed || r.Freed < r.Plan.Frees() {
		t.Errorf("of %d bytes are left %d; gc freed %d, of %d planned", before, after, r.Freed, r.Plan.Frees())
	}
}

// wantMinimal fails unless the store takes what one would that has never had
// anything else than this directory.
func wantMinimal(t *testing.T, root, dir string) {
	t.Helper()
	s, other := newStore(t)
	take(t, s, "app", dir, store.SnapshotOptions{})
	if got, want := packBytes(t, root), packBytes(t, other); got > want+want/100 {
		t.Errorf("the packs have %d bytes, want %d", got, want)
	}
}

// TestFoldingIsWorthIt folds in a store of many packs, of which only some are to be
// rewritten, in whatever order their random names have.
func TestFoldingIsWorthIt(t *testing.T) {
	for seed := range uint64(6) {
		s, root := newStore(t)
		dir := t.TempDir()
		var parts [][]part
		for i := range uint64(6) {
			base := few(100*seed+i, 64<<10)
			changed := repaged(base, 100*seed+i, 20+5*int(i))
			parts = append(parts, []part{{raw: base}, {raw: few(seed+50+i, 5000)}})
			parts = append(parts, []part{{raw: changed, base: base}, {raw: few(seed+70+i, 30_000)}})
			write(t, dir+"/"+string(rune('a'+i)), changed)
			write(t, dir+"/kept-"+string(rune('a'+i)), few(seed+70+i, 30_000))
		}
		for _, p := range parts {
			handmade(t, root, true, p...)
		}
		take(t, s, "app", dir, store.SnapshotOptions{})
		want := list(t, dir)
		for _, minGarbage := range []int{60, 30, 1} {
			before := packBytes(t, root)
			r := gc(t, s, store.GCOptions{MinGarbage: minGarbage})
			wantFreed(t, root, before, r)
			wantSound(t, s)
			wantRestored(t, s, "app", store.ID{}, want)
		}
		if n := deltaCount(t, root); n != 0 {
			t.Errorf("%d deltas are left", n)
		}
	}
}
