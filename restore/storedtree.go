package restore

import (
	"context"
	"slices"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
)

// A storedTree is a manifest that is compared with another one.
type storedTree struct {
	dec   *manifest.Decoder
	links map[uint64]pairing // by the group of the manifest that is wanted
}

// A pairing says which group of inodes a group is in the other manifest, and how
// its first name differs.
type pairing struct {
	group uint64
	kind  ChangeKind
}

func newStoredTree(dec *manifest.Decoder) *storedTree {
	return &storedTree{dec: dec, links: make(map[uint64]pairing)}
}

func (t *storedTree) next() (item, error) {
	e, err := t.dec.Next()
	if err != nil {
		return item{}, err
	}
	return item{name: e.Name, end: e.Kind == manifest.End, dir: e.IsDir(), entry: e}, nil
}

func (t *storedTree) compare(_ context.Context, e *manifest.Entry, it item, n *node) error {
	have := it.entry
	switch {
	case e.Kind == manifest.Link && have.Kind == manifest.Link:
		n.Kind = Changed
		if to, known := t.links[e.Group]; known && to.group == have.Group {
			n.Kind = to.kind // as its first name
		}
	case e.Kind == manifest.Link:
		n.Kind = Changed
	case have.Kind == manifest.Link, have.Meta.Type != e.Meta.Type, e.Group == 0 && have.Group != 0:
		n.Kind, n.Bytes = Changed, contentBytes(e)
	default:
		n.Kind, n.Bytes = compareEntries(e, have)
		if e.Group != 0 {
			t.links[e.Group] = pairing{have.Group, n.Kind}
		}
	}
	return nil
}

// compareEntries compares two inodes of one type.
func compareEntries(e, have *manifest.Entry) (ChangeKind, int64) {
	bytes := differing(e.Pieces, have.Pieces)
	switch {
	case bytes > 0, e.Size != have.Size, e.Meta.Rdev != have.Meta.Rdev, e.Meta.Target != have.Meta.Target:
		if e.Group != 0 && have.Group != 0 {
			bytes = contentBytes(e) // it is replaced
		}
		return Changed, bytes
	case !e.Meta.Equal(have.Meta), !slices.Equal(e.Holes, have.Holes):
		if e.Group != 0 && have.Group != 0 {
			bytes = contentBytes(e)
		}
		return Metadata, bytes
	}
	return 0, 0
}

// differing returns the bytes of the chunks of want that are not at the same
// place in have, and of its runs of zeros where have has chunks.
func differing(want, have []manifest.Piece) (n int64) {
	var offset, at int64 // of the first piece of want, and of have
	for _, p := range want {
		for len(have) > 0 && at+have[0].Length <= offset {
			at += have[0].Length
			have = have[1:]
		}
		switch {
		case p.ID.IsZero():
			n += stored(have, fsx.Extent{Offset: offset - at, Length: p.Length})
		case len(have) == 0 || at != offset || have[0] != p:
			n += p.Length
		}
		offset += p.Length
	}
	return n
}

// stored returns how many bytes of a range, counted from the first piece on, are
// in chunks.
func stored(pieces []manifest.Piece, e fsx.Extent) (n int64) {
	at := int64(0)
	for _, p := range pieces {
		if at >= e.Offset+e.Length {
			break
		}
		if !p.ID.IsZero() {
			n += max(0, min(at+p.Length, e.Offset+e.Length)-max(at, e.Offset))
		}
		at += p.Length
	}
	return n
}
