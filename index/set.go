package index

import (
	"iter"
	"math/bits"
	"slices"
	"sort"

	"github.com/warmstore/warmstore/internal/blob"
)

// A Set is a set of stored blobs: one bit for each that there is. It is not
// safe for concurrent use while it is added to.
type Set struct {
	chunks *Chunks
	bits   []uint64
}

// NewSet returns an empty set of blobs of c.
func (c *Chunks) NewSet() *Set {
	return &Set{chunks: c, bits: make([]uint64, (c.Len()+63)/64)}
}

// Add adds the blob at loc and reports whether it was not in the set before.
// One that is not stored is not added.
func (s *Set) Add(loc blob.Location) bool {
	n, ok := s.number(loc)
	if !ok || s.has(n) {
		return false
	}
	s.add(n)
	return true
}

// Remove removes the blob at loc, if it is in the set.
func (s *Set) Remove(loc blob.Location) {
	if n, ok := s.number(loc); ok {
		s.bits[n/64] &^= 1 << (n % 64)
	}
}

// Has reports whether the blob at loc is in the set.
func (s *Set) Has(loc blob.Location) bool {
	n, ok := s.number(loc)
	return ok && s.has(n)
}

// number returns the number of the blob at loc: entries ascend by offset.
func (s *Set) number(loc blob.Location) (int, bool) {
	p, ok := s.chunks.pack(loc.Pack)
	if !ok {
		return 0, false
	}
	tail := s.chunks.tails[p]
	i := sort.Search(tail.Len(), func(i int) bool { return tail.Offset(i) >= loc.Offset })
	return s.chunks.starts[p] + i, i < tail.Len() && tail.Offset(i) == loc.Offset
}

func (s *Set) add(n int) { s.bits[n/64] |= 1 << (n % 64) }

// Unite adds the blobs of o, which is a set of the same chunks.
func (s *Set) Unite(o *Set) {
	for i, word := range o.bits {
		s.bits[i] |= word
	}
}

// Common returns the blobs that are in o as well, a set of the same chunks.
func (s *Set) Common(o *Set) *Set {
	both := s.chunks.NewSet()
	for i, word := range o.bits {
		both.bits[i] = s.bits[i] & word
	}
	return both
}

// Without returns the blobs that are not in o, a set of the same chunks.
func (s *Set) Without(o *Set) *Set {
	rest := s.chunks.NewSet()
	for i, word := range o.bits {
		rest.bits[i] = s.bits[i] &^ word
	}
	return rest
}

// Len returns the number of blobs in the set.
func (s *Set) Len() (n int) {
	for _, word := range s.bits {
		n += bits.OnesCount64(word)
	}
	return n
}

// Entries yields the entries of pack id's chunks in the set by ascending offset.
func (s *Set) Entries(id blob.ID) iter.Seq[blob.Entry] {
	p, ok := s.chunks.pack(id)
	if !ok {
		return func(func(blob.Entry) bool) {}
	}
	return s.entries(p)
}

func (s *Set) has(n int) bool { return s.bits[n/64]&(1<<(n%64)) != 0 }

// Packs yields the packs that hold chunks of the set, and of each the entries
// of those chunks by ascending offset.
func (s *Set) Packs() iter.Seq2[blob.ID, iter.Seq[blob.Entry]] {
	return func(yield func(blob.ID, iter.Seq[blob.Entry]) bool) {
		for p, id := range s.chunks.ids {
			if s.any(p) && !yield(id, s.entries(p)) {
				return
			}
		}
	}
}

func (c *Chunks) pack(id blob.ID) (p int, ok bool) {
	return slices.BinarySearchFunc(c.ids, id, blob.ID.Compare)
}

func (s *Set) any(p int) bool {
	for range s.entries(p) {
		return true
	}
	return false
}

func (s *Set) entries(p int) iter.Seq[blob.Entry] {
	return func(yield func(blob.Entry) bool) {
		tail, start := s.chunks.tails[p], s.chunks.starts[p]
		for i := range tail.Len() {
			if s.has(start+i) && !yield(tail.Entry(i)) {
				return
			}
		}
	}
}
