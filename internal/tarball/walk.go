package tarball

import (
	"fmt"
	"io"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
)

// Walk calls visit with every entry in the order of a manifest, and with the
// content of each that is a regular file, which is safe for concurrent use.
// Entries have no pieces, and are visit's to keep.
func (t *Tree) Walk(visit func(e *manifest.Entry, content io.ReaderAt) error) error {
	w := &walk{tree: t, visit: visit, groups: make(map[int32]uint64)}
	return w.node(0)
}

// A walk goes through a tree.
type walk struct {
	tree   *Tree
	visit  func(e *manifest.Entry, content io.ReaderAt) error
	groups map[int32]uint64 // of inodes with several names that came
}

// node visits a node and all below it.
func (w *walk) node(at int32) error {
	n := &w.tree.nodes[at]
	if group, ok := w.groups[n.inode]; ok {
		return w.visit(&manifest.Entry{Kind: manifest.Link, Name: n.name, Group: group}, nil)
	}
	e, content, err := w.entry(n)
	if err != nil {
		return fmt.Errorf("%q: %w", w.tree.path(at), err)
	}
	if err := w.visit(e, content); err != nil || !n.isDir {
		return err
	}
	first, _ := w.tree.find(place{parent: at})
	for _, child := range w.tree.order[first:] {
		if w.tree.nodes[child].parent != at {
			break
		}
		if err := w.node(child); err != nil {
			return err
		}
	}
	return w.visit(&manifest.Entry{Kind: manifest.End}, nil)
}

// entry returns the entry of an inode by its first name.
func (w *walk) entry(n *node) (*manifest.Entry, io.ReaderAt, error) {
	inode := &w.tree.nodes[n.inode]
	head, err := w.tree.element(inode.offset)
	if err != nil {
		return nil, nil, err
	}
	if head == nil {
		return nil, nil, invalid("the tar has changed")
	}
	e := &manifest.Entry{Kind: manifest.Inode, Name: n.name}
	if e.Meta, err = head.meta(); err != nil {
		return nil, nil, err
	}
	if inode.names > 1 {
		e.Group = uint64(len(w.groups)) + 1
		w.groups[n.inode] = e.Group
	}
	if e.Meta.Type != fsx.Regular {
		return e, nil, nil
	}
	e.Size, e.Holes = head.Size, head.holes(head.Size)
	return e, w.tree.content(&head.layout, head.Size), nil
}
