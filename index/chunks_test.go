package index

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/pack"
)

// A crowd is many packs, and where their chunks are.
type crowd struct {
	tails []pack.Tail
	where map[blob.ID][]blob.Location // of each chunk, every place
}

// newCrowd makes packs of random IDs. Of every 10 chunks one begins with the
// same 8 bytes as another, and one is in two packs.
func newCrowd(t testing.TB, rng *rand.Rand, packs, perPack int) crowd {
	t.Helper()
	c := crowd{where: map[blob.ID][]blob.Location{}}
	var last blob.ID
	for range packs {
		var ids []blob.ID
		for range perPack {
			id := randomID(rng)
			switch n := rng.IntN(10); {
			case n == 0:
				copy(id[:8], last[:8])
			case n == 1 && len(c.tails) > 0:
				other := c.tails[rng.IntN(len(c.tails))]
				id = other.BlobID(rng.IntN(other.Len()))
			}
			ids, last = append(ids, id), id
		}
		c.add(tailOf(t, ids...))
	}
	return c
}

func randomID(rng *rand.Rand) (id blob.ID) {
	for i := 0; i < len(id); i += 8 {
		binary.LittleEndian.PutUint64(id[i:], rng.Uint64())
	}
	return id
}

func (c *crowd) add(tail pack.Tail) {
	c.tails = append(c.tails, tail)
	packID := tail.ID()
	for i := range tail.Len() {
		id := tail.BlobID(i)
		c.where[id] = append(c.where[id], blob.Location{Pack: packID, Entry: tail.Entry(i)})
	}
}

func newRand() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func TestFindIsAMap(t *testing.T) {
	rng := newRand()
	model := newCrowd(t, rng, 100, 1000)
	c := loadChunks(t, newDB(t, model.tails, nil))
	if c.Len() != 100_000 {
		t.Errorf("%d blobs", c.Len())
	}
	twice := 0
	for id, want := range model.where {
		loc, ok := c.Find(id)
		if !ok || !slices.Contains(want, loc) {
			t.Fatalf("%s is at %+v, want one of %+v", id, loc, want)
		}
		if len(want) > 1 {
			twice++
		}
		id[20] ^= 1 // begins as a stored chunk does
		if _, ok := c.Find(id); ok != (len(model.where[id]) > 0) {
			t.Fatalf("%s is nowhere, and found", id)
		}
		if _, ok := c.Find(randomID(rng)); ok {
			t.Fatal("a random ID is found")
		}
	}
	if twice < 1000 {
		t.Errorf("only %d chunks are in two packs", twice)
	}
	wantAbsent(t, c, blob.ID{})
}

func wantAbsent(t *testing.T, c *Chunks, id blob.ID) {
	t.Helper()
	if loc, ok := c.Find(id); ok || loc != (blob.Location{}) {
		t.Fatalf("%s, which is nowhere, is at %+v", id, loc)
	}
}

// Of two packs with one chunk the same is always chosen, however they came in.
func TestFindChoosesTheFirstPack(t *testing.T) {
	shared := numbered("chunk", 0)
	a, b := tailOf(t, shared, numbered("chunk", 1)), tailOf(t, numbered("chunk", 2), shared)
	first := slices.MinFunc([]pack.Tail{a, b}, func(a, b pack.Tail) int { return a.ID().Compare(b.ID()) })
	for _, packs := range [][]pack.Tail{{a, b}, {b, a}} {
		c := loadChunks(t, newDB(t, packs, nil))
		if loc, ok := c.Find(shared); !ok || loc.Pack != first.ID() {
			t.Errorf("the chunk is in %s, want %s", loc.Pack, first.ID())
		}
	}
}

// copiesOf returns all places of a chunk, in the order of their packs' IDs.
func (c *crowd) copiesOf(id blob.ID) []blob.Location {
	return slices.SortedStableFunc(slices.Values(c.where[id]), func(a, b blob.Location) int {
		return a.Pack.Compare(b.Pack)
	})
}

func TestCopiesAreAllPlaces(t *testing.T) {
	model := newCrowd(t, newRand(), 20, 200)
	c := loadChunks(t, newDB(t, model.tails, nil))
	for id := range model.where {
		want := model.copiesOf(id)
		if got := slices.Collect(c.Copies(id)); !slices.Equal(got, want) {
			t.Fatalf("%s is at %+v, want %+v", id, got, want)
		}
		if loc, _ := c.Find(id); loc != want[0] {
			t.Fatalf("%s is found at %+v, want %+v", id, loc, want[0])
		}
		for range c.Copies(id) {
			break
		}
	}
	for range c.Copies(numbered("chunk", 1)) {
		t.Error("a chunk that is nowhere has copies")
	}
}

// A delta without its base is no copy, and only what is no delta is a base.
func TestDeltaWithoutItsBaseIsNoCopy(t *testing.T) {
	id, base, other := numbered("chunk", 1), numbered("chunk", 2), numbered("chunk", 3)
	whole := func(id blob.ID) blob.Entry { return blob.Entry{ID: id, Codec: blob.Zstd} }
	delta := func(id, base blob.ID) blob.Entry { return blob.Entry{ID: id, Codec: blob.XOR, Base: base} }
	for _, test := range []struct {
		name           string
		stored         []blob.Entry
		copies, wholes int // of id
	}{
		{"nothing", nil, 0, 0},
		{"whole", []blob.Entry{whole(id)}, 1, 1},
		{"delta and base", []blob.Entry{delta(id, base), whole(base)}, 1, 0},
		{"delta alone", []blob.Entry{delta(id, base), whole(other)}, 0, 0},
		{"base is a delta", []blob.Entry{delta(id, base), delta(base, other), whole(other)}, 0, 0},
		{"base is both", []blob.Entry{delta(id, base), delta(base, other), whole(base)}, 1, 0},
		{"delta alone, and whole", []blob.Entry{delta(id, base), whole(id)}, 1, 1},
		{"two deltas, one alone", []blob.Entry{delta(id, base), delta(id, other), whole(other)}, 1, 0},
	} {
		var packs []pack.Tail
		for i, e := range test.stored {
			packs = append(packs, tailWith(t, uint32(i), e))
		}
		c := loadChunks(t, newDB(t, packs, nil))
		copies, wholes := slices.Collect(c.Copies(id)), slices.Collect(c.Whole(id))
		if len(copies) != test.copies || len(wholes) != test.wholes {
			t.Errorf("%s: %d copies and %d whole, want %d and %d",
				test.name, len(copies), len(wholes), test.copies, test.wholes)
		}
		if loc, ok := c.Find(id); ok != (test.copies > 0) || ok && !c.Complete(loc.Entry) {
			t.Errorf("%s: found %v, %+v", test.name, ok, loc)
		}
	}
}

// tailWith returns the tail of a pack that holds one blob.
func tailWith(t *testing.T, crc uint32, e blob.Entry) pack.Tail {
	t.Helper()
	e.Offset, e.Stored, e.Raw, e.CRC = 16, 100, 200, crc
	f := pack.Footer{Size: 116, Entries: []blob.Entry{e}}
	f.Size += int64(len(f.AppendTail(nil)))
	tail, err := pack.ParseTail(f.AppendTail(nil))
	check(t, err)
	return tail
}

func TestNoPacksHaveNoChunks(t *testing.T) {
	c := loadChunks(t, newDB(t, nil, nil))
	set := c.NewSet()
	nowhere := blob.Location{Pack: numbered("pack", 1)}
	if c.Len() != 0 || set.Add(nowhere) || set.Has(nowhere) || set.Len() != 0 {
		t.Error("an empty index has chunks")
	}
	wantAbsent(t, c, numbered("chunk", 1))
	wantAbsent(t, c, blob.ID{})
	for range set.Packs() {
		t.Error("an empty set has packs")
	}
	for range set.Entries(numbered("pack", 1)) {
		t.Error("no pack has entries")
	}
}

// Of a chunk that is stored twice a set may hold one blob, or both.
func TestSetYieldsExactlyWhatWasAdded(t *testing.T) {
	rng := newRand()
	model := newCrowd(t, rng, 40, 100)
	var all []blob.Location
	for _, locations := range model.where {
		all = append(all, locations...)
	}
	c := loadChunks(t, newDB(t, model.tails, nil))
	for _, share := range []int{0, 1, 50, 100} { // percent
		set, want := c.NewSet(), map[blob.Location]bool{}
		for _, loc := range all {
			if rng.IntN(100) < share {
				want[loc] = true
				if !set.Add(loc) {
					t.Fatalf("%+v was in the set before", loc)
				}
			}
		}
		for _, loc := range all {
			if set.Has(loc) != want[loc] || want[loc] && set.Add(loc) {
				t.Fatalf("%+v: Has is %t", loc, set.Has(loc))
			}
		}
		wantYields(t, set, want)
	}
}

func TestSetRefusesWhatIsNotStored(t *testing.T) {
	tail := tailOf(t, numbered("chunk", 1), numbered("chunk", 2))
	set := loadChunks(t, newDB(t, []pack.Tail{tail}, nil)).NewSet()
	for _, offset := range []uint32{0, 15, 17, 115, 117, 216, 1<<32 - 1} {
		loc := blob.Location{Pack: tail.ID(), Entry: blob.Entry{Offset: offset}}
		if set.Add(loc) || set.Has(loc) {
			t.Errorf("there is a blob at %d", offset)
		}
	}
	loc := blob.Location{Pack: numbered("pack", 1), Entry: tail.Entry(0)}
	if set.Add(loc) || set.Has(loc) || set.Len() != 0 {
		t.Error("a pack that is not there has blobs")
	}
}

// wantYields holds that the set yields each wanted blob once, packs and offsets
// ascending.
func wantYields(t *testing.T, set *Set, want map[blob.Location]bool) {
	t.Helper()
	left := len(want)
	if set.Len() != left {
		t.Fatalf("%d blobs, want %d", set.Len(), left)
	}
	var last blob.ID
	for id, entries := range set.Packs() {
		if id.Compare(last) <= 0 {
			t.Fatalf("pack %s after %s", id, last)
		}
		last = id
		all := slices.Collect(entries)
		if !slices.Equal(all, slices.Collect(set.Entries(id))) || len(all) == 0 {
			t.Fatalf("pack %s: %d entries, and others of Entries", id, len(all))
		}
		offset := uint32(0)
		for _, e := range all {
			if !want[blob.Location{Pack: id, Entry: e}] || e.Offset <= offset {
				t.Fatalf("%s is yielded at %s, %+v, after offset %d", e.ID, id, e, offset)
			}
			offset = e.Offset
			left--
		}
	}
	if left != 0 {
		t.Fatalf("%d of %d blobs are not yielded", left, len(want))
	}
}

func TestSetsCanBeLeft(t *testing.T) {
	model := newCrowd(t, newRand(), 3, 10)
	set := loadChunks(t, newDB(t, model.tails, nil)).NewSet()
	for _, locations := range model.where {
		set.Add(locations[0])
	}
	n := 0
	for _, entries := range set.Packs() {
		for range entries {
			n++
			break
		}
		break
	}
	for range set.chunks.Packs() {
		n++
		break
	}
	if n != 2 {
		t.Errorf("%d steps", n)
	}
}

// Chunks keep no memory of the transaction that they were loaded in.
func TestChunksOutliveTheirTransaction(t *testing.T) {
	model := newCrowd(t, newRand(), 20, 50)
	db := newDB(t, model.tails, nil)
	c := loadChunks(t, db)
	check(t, db.Update(func(tx *Tx) error {
		for _, tail := range model.tails {
			if err := tx.DropPack(tail.ID()); err != nil {
				return err
			}
		}
		return nil
	}))
	for id, want := range model.where {
		if loc, ok := c.Find(id); !ok || !slices.Contains(want, loc) {
			t.Fatalf("%s is at %+v", id, loc)
		}
	}
}

func TestSetsTogether(t *testing.T) {
	rng := newRand()
	model := newCrowd(t, rng, 10, 50)
	c := loadChunks(t, newDB(t, model.tails, nil))
	a, b, united := c.NewSet(), c.NewSet(), c.NewSet()
	either, both, onlyA := map[blob.Location]bool{}, map[blob.Location]bool{}, map[blob.Location]bool{}
	for _, locations := range model.where {
		for _, loc := range locations {
			inA, inB := rng.IntN(2) == 0 && a.Add(loc), rng.IntN(3) == 0 && b.Add(loc)
			if inA || inB {
				either[loc] = true
			}
			if inA && inB {
				both[loc] = true
			}
			if inA && !inB {
				onlyA[loc] = true
			}
		}
	}
	wantYields(t, a.Common(b), both)
	wantYields(t, a.Without(b), onlyA)
	united.Unite(a)
	united.Unite(b)
	wantYields(t, united, either)
}
