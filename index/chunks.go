package index

import (
	"encoding/binary"
	"iter"
	"sort"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/pack"
	"github.com/warmstore/warmstore/internal/planted"
)

// Chunks says where every stored chunk is, as of the transaction it was loaded
// in. It takes about 60 bytes of memory a chunk: the footers themselves and a
// hash table of their entries' numbers. It never changes, so any number of
// goroutines may use it.
type Chunks struct {
	ids    []blob.ID   // of the packs, ascending
	tails  []pack.Tail // in the same order
	starts []int       // number of the first entry of each pack
	slots  []uint32    // entry number + 1, by the first bytes of the ID; 0 is free
}

// Chunks loads the locations of all chunks. A damaged record is ErrCorrupt.
func (tx *Tx) Chunks() (*Chunks, error) {
	var packs []Pack
	for p, err := range tx.Packs() {
		if err != nil {
			return nil, err
		}
		packs = append(packs, Pack{ID: p.ID, Tail: p.Tail.Clone()})
	}
	return NewChunks(packs), nil
}

// NewChunks returns the locations of the chunks in packs, which must come by
// ascending ID. It keeps the tails.
func NewChunks(packs []Pack) *Chunks {
	c, n := &Chunks{}, 0
	for _, p := range packs {
		c.ids = append(c.ids, p.ID)
		c.tails = append(c.tails, p.Tail)
		c.starts = append(c.starts, n)
		n += p.Tail.Len()
	}
	c.fill(n)
	return c
}

// fill makes a table that is at most two thirds full, with linear probing. IDs
// are hashes, so their first bytes are a good hash already.
func (c *Chunks) fill(n int) {
	c.slots = make([]uint32, n+n/2+1)
	for p, tail := range c.tails {
		for i := range tail.Len() {
			c.insert(tail.BlobID(i), uint32(c.starts[p]+i+1))
		}
	}
}

// insert adds an entry. A chunk that is stored twice has two.
func (c *Chunks) insert(id blob.ID, number uint32) {
	slot := c.slot(id)
	for c.slots[slot] != 0 {
		slot = c.after(slot)
	}
	c.slots[slot] = number
}

// Find returns where the chunk is stored; ok is false if it is not. Of several
// copies it returns one, always the same. A delta without its base is no copy.
func (c *Chunks) Find(id blob.ID) (loc blob.Location, ok bool) {
	for loc := range c.Copies(id) {
		return loc, true
	}
	return blob.Location{}, false
}

// Copies yields all places where the chunk is stored. A delta without its base is
// none: of what no snapshot needs, gc may drop the base and leave the delta, and a
// pack with the base may be lost.
func (c *Chunks) Copies(id blob.ID) iter.Seq[blob.Location] {
	return func(yield func(blob.Location) bool) {
		for loc := range c.entries(id) {
			if c.Complete(loc.Entry) && !yield(loc) {
				return
			}
		}
	}
}

// Whole yields those places where the chunk is stored as no delta: that may be the
// base of one.
func (c *Chunks) Whole(id blob.ID) iter.Seq[blob.Location] {
	return func(yield func(blob.Location) bool) {
		for loc := range c.entries(id) {
			if !loc.IsDelta() && !yield(loc) {
				return
			}
		}
	}
}

// Complete reports whether the blob can be decoded: whether, if it is a delta, its
// base is stored.
func (c *Chunks) Complete(e blob.Entry) bool {
	if !e.IsDelta() || planted.Bug("delta without its base") {
		return true
	}
	for range c.Whole(e.Base) {
		return true
	}
	return false
}

// entries yields all places that are said to hold the chunk.
func (c *Chunks) entries(id blob.ID) iter.Seq[blob.Location] {
	return func(yield func(blob.Location) bool) {
		for slot := c.slot(id); c.slots[slot] != 0; slot = c.after(slot) {
			p, i := c.entry(c.slots[slot])
			if c.tails[p].BlobID(i) == id && !yield(c.location(p, i)) {
				return
			}
		}
	}
}

func (c *Chunks) location(p, i int) blob.Location {
	return blob.Location{Pack: c.ids[p], Entry: c.tails[p].Entry(i)}
}

// Packs yields every pack with its tail, by ascending ID.
func (c *Chunks) Packs() iter.Seq[Pack] {
	return func(yield func(Pack) bool) {
		for i, id := range c.ids {
			if !yield(Pack{ID: id, Tail: c.tails[i]}) {
				return
			}
		}
	}
}

// Len returns the number of stored blobs.
func (c *Chunks) Len() int {
	if len(c.tails) == 0 {
		return 0
	}
	last := len(c.tails) - 1
	return c.starts[last] + c.tails[last].Len()
}

func (c *Chunks) slot(id blob.ID) int {
	return int(binary.BigEndian.Uint64(id[:]) % uint64(len(c.slots)))
}

func (c *Chunks) after(slot int) int {
	if slot++; slot == len(c.slots) {
		return 0
	}
	return slot
}

// entry returns the pack that holds an entry and the entry's place in it.
func (c *Chunks) entry(number uint32) (p, i int) {
	n := int(number) - 1
	p = sort.SearchInts(c.starts, n+1) - 1
	return p, n - c.starts[p]
}
