package store_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/warmstore/warmstore/store"
)

// Where a file is cut does not depend on what it was before: a store that knows its
// past names the same chunks as one that sees it for the first time. And what is the
// same at its beginning is not stored again.
func TestCutsDoNotDependOnThePast(t *testing.T) {
	const size = 5<<20 + 7
	past := noise(random(1), size)
	edited := func(at int, data ...byte) []byte { return slices.Replace(bytes.Clone(past), at, at+1, data...) }
	twice := slices.Concat(past[:1<<20], []byte("x"), past[1<<20+1:4<<20], []byte("y"), past[4<<20+1:])
	blank := edited(3<<20, make([]byte, 1<<20)...)
	for _, tt := range []struct {
		name      string
		past, now []byte
		created   int64 // chunks, at most
	}{
		{"nothing", past, past, 0},
		{"longer", past, slices.Concat(past, noise(random(2), 10)), 2},
		{"much longer", past, slices.Concat(past, past[:2<<20]), 4},
		{"shorter", past, past[:4<<20+1], 1},
		{"first byte", past, edited(0, past[0]+1), 2},
		{"byte in the middle", past, edited(size/2, past[size/2]+1), 3},
		{"two bytes", past, twice, 6},
		{"inserted", past, edited(size/2, 1, 2, 3), 3},
		{"last byte", past, edited(size-1, past[size-1]+1), 1},
		{"after zeros", blank, append(bytes.Clone(blank), 1), 2},
		{"before zeros", blank, slices.Replace(bytes.Clone(blank), 1<<20, 1<<20, 1), 3},
		{"was cut as pages", past[:5<<20], past, 1 << 10},
		{"is cut as pages", past, past[:5<<20], 1 << 10},
		{"was short", past[:3], past, 1 << 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			knowing, _ := newStore(t)
			write(t, dir+"/file", tt.past)
			take(t, knowing, "app", dir, store.SnapshotOptions{})
			write(t, dir+"/file", tt.now)
			got := take(t, knowing, "app", dir, store.SnapshotOptions{})
			unknowing, _ := newStore(t)
			want := take(t, unknowing, "app", dir, store.SnapshotOptions{})
			manifest := got.Record.Volumes[0].Manifest.Chunks
			if anew := want.Record.Volumes[0].Manifest.Chunks; !slices.Equal(manifest, anew) {
				t.Errorf("the manifest is in chunks %v, that of a new store in %v", manifest, anew)
			}
			if n := got.Stats.ChunksNew - int64(len(manifest)); n > tt.created {
				t.Errorf("%d chunks are new, want %d at most", n, tt.created)
			}
			wantSound(t, knowing)
		})
	}
}
