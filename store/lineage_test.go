package store_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/warmstore/warmstore/store"
)

// dump returns rows of a table as a dump has them; those that change says differ from
// those of other nights.
func dump(rows int, night uint64, change func(row int) bool) []byte {
	var out bytes.Buffer
	for row := range rows {
		seed := uint64(row)
		if change(row) {
			seed += night << 32
		}
		r := rand.New(rand.NewPCG(seed, 1))
		fmt.Fprintf(&out, "INSERT INTO event VALUES (%d, '%x', '%x', %d);\n", row, r.Uint64(), r.Uint64(), r.IntN(100))
	}
	return out.Bytes()
}

// A dump that is made anew costs what changed in it, though nearly every chunk of
// it changed and all are at other offsets.
func TestDumpCostsWhatChanged(t *testing.T) {
	const rows = 60_000
	s, _ := newStore(t)
	dir := t.TempDir()
	write(t, dir+"/dump.sql", dump(rows, 0, func(int) bool { return false }))
	first := take(t, s, "app", dir, store.SnapshotOptions{}).Stats
	var last []byte
	for night, before := range [][]byte{nil, []byte("-- a comment\n"), noise(random(2), 300_000)} {
		last = append(before, dump(rows, uint64(night+1), func(row int) bool { return row%200 == night })...)
		write(t, dir+"/dump.sql", last)
		r := take(t, s, "app", dir, store.SnapshotOptions{}).Stats
		if r.ChunksNew < first.ChunksNew*3/4 {
			t.Fatalf("night %d: %d new chunks, first %d: too few to tell", night, r.ChunksNew, first.ChunksNew)
		}
		if cost := r.BytesStored - int64(len(before)); cost > first.BytesStored/10 {
			t.Errorf("night %d: one row in 200 changed, which cost %d bytes of %d", night, cost, first.BytesStored)
		}
	}
	to := t.TempDir()
	restoreTo(t, s, "app", store.ID{}, to)
	if got, err := os.ReadFile(to + "/dump.sql"); err != nil || !bytes.Equal(got, last) {
		t.Errorf("restored as %d other bytes (%v)", len(got), err)
	}
	wantSound(t, s)
}

// What moved within a page is found, although the page is where it was.
func TestPageThatIsTidiedUpCostsLittle(t *testing.T) {
	const page, moved = 8 << 10, 3 << 10
	s, _ := newStore(t)
	dir, pages := t.TempDir(), noise(random(1), 2<<20)
	write(t, dir+"/pages", pages)
	take(t, s, "app", dir, store.SnapshotOptions{})
	for at := 0; at < len(pages); at += page {
		copy(pages[at+16:], bytes.Clone(pages[at:at+moved]))
	}
	write(t, dir+"/pages", pages)
	r := take(t, s, "app", dir, store.SnapshotOptions{})
	if cost := r.Stats.BytesStored; cost > int64(len(pages)/20) {
		t.Errorf("it costs %d bytes of %d", cost, len(pages))
	}
	wantSound(t, s)
}
