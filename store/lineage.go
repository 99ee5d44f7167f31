package store

import (
	"slices"
	"sort"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/manifest"
)

// An ancestor is a chunk of the previous snapshot that a chunk may have come from;
// zero if there is none.
type ancestor struct {
	id      blob.ID
	aligned bool // it was as long, and at the same offset
}

// A basis is what a file consisted of in the previous snapshot, from an offset
// on.
type basis struct {
	offset int64
	pieces []manifest.Piece
}

// from moves forward to offset and returns the basis from there.
func (b *basis) from(offset int64) basis {
	for len(b.pieces) > 0 && b.offset+b.pieces[0].Length <= offset {
		b.offset += b.pieces[0].Length
		b.pieces = b.pieces[1:]
	}
	return *b
}

// of returns the chunk that was at offset, whatever is there now. Offsets must
// ascend.
func (b *basis) of(_ blob.ID, offset, n int64) ancestor {
	b.from(offset)
	if len(b.pieces) == 0 {
		return ancestor{}
	}
	p := b.pieces[0]
	return ancestor{id: p.ID, aligned: b.offset == offset && p.Length == n}
}

// A lineage is what a stream that is cut by its content consisted of in the previous
// snapshot. It does not change, and all who read the stream share it.
type lineage struct {
	pieces []manifest.Piece
	starts []int64 // of the pieces
	byID   []int32 // numbers of the pieces, by their IDs
}

func newLineage(pieces []manifest.Piece) *lineage {
	l := &lineage{pieces: pieces, starts: make([]int64, len(pieces)), byID: make([]int32, len(pieces))}
	var offset int64
	for i, p := range pieces {
		l.starts[i], l.byID[i] = offset, int32(i)
		offset += p.Length
	}
	slices.SortFunc(l.byID, func(a, b int32) int { return pieces[a].ID.Compare(pieces[b].ID) })
	return l
}

// start returns the offset that a chunk had.
func (l *lineage) start(id blob.ID) (offset int64, ok bool) {
	i, ok := slices.BinarySearchFunc(l.byID, id, func(n int32, id blob.ID) int {
		return l.pieces[n].ID.Compare(id)
	})
	if !ok || id.IsZero() {
		return 0, false
	}
	return l.starts[l.byID[i]], true
}

// at returns the chunk that held the byte at offset.
func (l *lineage) at(offset int64) blob.ID {
	i := l.number(offset)
	if i < 0 || offset >= l.starts[i]+l.pieces[i].Length {
		return blob.ID{}
	}
	return l.pieces[i].ID
}

// number returns the number of the last piece that starts at offset or before.
func (l *lineage) number(offset int64) int {
	return sort.Search(len(l.starts), func(i int) bool { return l.starts[i] > offset }) - 1
}

// A follower goes through new chunks of a stream in their order. Each chunk that was
// there before tells how far the ones around it have moved since.
type follower struct {
	*lineage
	shift int64 // from an offset now to the one before
}

// follow returns a follower of the pieces, which are there from offset on.
func (l *lineage) follow(offset int64, pieces []manifest.Piece) *follower {
	f := &follower{lineage: l}
	for at, p := offset, pieces; len(p) > 0; at, p = at+p[0].Length, p[1:] {
		if start, ok := l.start(p[0].ID); ok {
			f.shift = start - at
			return f
		}
	}
	for at, p := offset, pieces; len(p) > 1; at, p = at+p[0].Length, p[1:] {
		if start, ok := l.resembling(at, p[0].Length, p[1].Length); ok {
			f.shift = start - at
			break
		}
	}
	return f
}

const (
	// reach is how many pieces away from where they are now those are looked for that
	// pieces resemble.
	reach = 1024
	// resemblance is how many times as long as a piece is the difference in length
	// from one that it resembles, at most.
	resemblance = 256
)

// resembling returns the offset of the nearest two pieces that were as long, about,
// as two are now. Where a stream is cut depends on a few bytes before the cut, so
// that most cuts stay where they were in the content although every piece changed.
func (l *lineage) resembling(offset, first, second int64) (start int64, ok bool) {
	near := func(i int) bool {
		return i >= 0 && i+1 < len(l.pieces) &&
			alike(l.pieces[i].Length, first) && alike(l.pieces[i+1].Length, second)
	}
	here := l.number(offset)
	for d := range reach {
		for _, i := range [2]int{here - d, here + d} {
			if near(i) {
				return l.starts[i], true
			}
		}
	}
	return 0, false
}

func alike(before, now int64) bool {
	return max(before-now, now-before) <= now/resemblance
}

// of returns the chunk itself if it was there before, else the one that was where
// its middle is.
func (f *follower) of(id blob.ID, offset, n int64) ancestor {
	if start, ok := f.start(id); ok {
		f.shift = start - offset
		return ancestor{id: id}
	}
	return ancestor{id: f.at(offset + f.shift + n/2)}
}
