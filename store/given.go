package store

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/warmstore/warmstore/internal/manifest"
)

// A Tree is what a volume holds that is not a directory but, say, a tar.
type Tree interface {
	// Walk calls visit with every entry in the order of a manifest, and with the
	// content of each that is a regular file. Entries have no pieces, and are
	// visit's to keep. The content is read by other goroutines, also after visit
	// has returned. An error of visit ends Walk, which may be called again.
	Walk(visit func(e *manifest.Entry, content io.ReaderAt) error) error
}

// given takes a volume that is a Tree.
func (run *session) given(ctx context.Context, v Volume) error {
	before := run.prior(v.Name, nil)
	defer before.close()
	return run.build(ctx, run.newTree(v, nil), before, func(ctx context.Context, w *walk) error {
		return v.Tree.Walk(func(e *manifest.Entry, content io.ReaderAt) error {
			return w.given(ctx, e, content)
		})
	})
}

// given sends the node of an entry of a Tree.
func (w *walk) given(ctx context.Context, e *manifest.Entry, content io.ReaderAt) error {
	n := &node{entry: *e}
	if e.Kind == manifest.End {
		w.before.cursor.Leave()
		return w.send(ctx, n)
	}
	if e.Name == "" { // the root, where the cursor is
		return w.send(ctx, n)
	}
	old := w.before.cursor.Find(e.Name)
	if e.IsDir() {
		w.before.cursor.Enter()
	}
	if !e.IsFile() {
		return w.send(ctx, n)
	}
	if old != nil && old.IsFile() {
		n.before = slices.Clone(old.Pieces)
	}
	return w.later(ctx, n, func() (err error) {
		if n.entry.Pieces, err = w.content(ctx, content, n); err != nil {
			return fmt.Errorf("%q: %w", n.entry.Name, err)
		}
		w.run.progress(1, 0)
		return nil
	})
}
