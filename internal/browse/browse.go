// Package browse looks into the volumes of a snapshot without restoring them:
// what a directory holds, and what is in a file. A manifest is read as a stream,
// so that memory does not depend on the size of the volume.
package browse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"strings"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
)

// ErrAbsent means that a volume has nothing of the path that was asked for.
var ErrAbsent = errors.New("no such file or directory in the snapshot")

// A Source is a snapshot.
type Source interface {
	// Manifest returns the encoded manifest of a volume.
	Manifest(volume string) (io.Reader, error)
	manifest.Loader
}

// List yields what is in the directory at a path of a volume, by ascending
// bytes of the name, and with recursive all that is below it. Of anything else
// it yields that alone. An error ends it; no such path is ErrAbsent. Items are
// the caller's.
func List(src Source, volume, at string, recursive bool) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		w, e, err := find(src, volume, at)
		if err == nil && !e.IsDir() {
			yield(w.item(e), nil)
			return
		}
		for depth := 1; err == nil; {
			if e, err = w.next(); err != nil {
				break
			}
			if e.Kind == manifest.End {
				if depth--; depth == 0 {
					return
				}
				continue
			}
			if !yield(w.item(e), nil) {
				return
			}
			if e.IsDir() && recursive {
				depth++
			} else if e.IsDir() {
				err = w.skip()
			}
		}
		yield(nil, err)
	}
}

// Copy writes the content of the regular file at a path of a volume to out, its
// holes as zeros. What is no regular file is fsx.ErrNotRegular.
func Copy(ctx context.Context, out io.Writer, src Source, volume, at string) error {
	w, e, err := find(src, volume, at)
	if err != nil {
		return err
	}
	item := w.item(e)
	if item.Meta.Type != fsx.Regular {
		return fmt.Errorf("%q is a %v: %w", item.Path, item.Meta.Type, fsx.ErrNotRegular)
	}
	if e.Kind == manifest.Link { // whose content came with the first name
		if _, e, err = find(src, volume, item.First); err != nil {
			return err
		}
	}
	return manifest.WriteContent(ctx, out, src, e.Pieces, []fsx.Extent{{Length: e.Size}})
}

// find reads a manifest up to the entry at a path.
func find(src Source, volume, at string) (*walk, *manifest.Entry, error) {
	encoded, err := src.Manifest(volume)
	if err != nil {
		return nil, nil, err
	}
	w := &walk{dec: manifest.NewDecoder(encoded), links: make(map[uint64]*Item)}
	e, err := w.next() // the root
	for name := range components(at) {
		if err != nil {
			break
		}
		if !e.IsDir() {
			item := w.item(e)
			return nil, nil, fmt.Errorf("%q is a %v: %w", item.Path, item.Meta.Type, fsx.ErrNotDirectory)
		}
		if e, err = w.child(name); err == nil && e == nil {
			err = fmt.Errorf("%w: %q of volume %s", ErrAbsent, at, volume)
		}
	}
	return w, e, err
}

// components yields the names on the way to a path, which is taken from the
// root of the volume whether it begins with a slash or not.
func components(at string) iter.Seq[string] {
	clean := path.Clean("/" + at)[1:]
	if clean == "" {
		return func(func(string) bool) {}
	}
	return strings.SplitSeq(clean, "/")
}

// A walk goes through a manifest, and knows the first names of the inodes that
// have several.
type walk struct {
	dec   *manifest.Decoder
	at    manifest.Path
	links map[uint64]*Item
}

func (w *walk) next() (*manifest.Entry, error) {
	e, err := w.dec.Next()
	if err != nil {
		return nil, err
	}
	w.at.Step(e)
	if e.Kind == manifest.Inode && e.Group != 0 {
		w.links[e.Group] = w.item(e)
	}
	return e, nil
}

// child returns the entry of this name in the directory that was just entered,
// nil if there is none.
func (w *walk) child(name string) (*manifest.Entry, error) {
	for {
		e, err := w.next()
		switch {
		case err != nil:
			return nil, err
		case e.Kind == manifest.End || e.Name > name:
			return nil, nil
		case e.Name == name:
			return e, nil
		case e.IsDir():
			if err := w.skip(); err != nil {
				return nil, err
			}
		}
	}
}

// skip passes the rest of a directory, everything below it included.
func (w *walk) skip() error {
	for depth := 1; depth > 0; {
		e, err := w.next()
		switch {
		case err != nil:
			return err
		case e.Kind == manifest.End:
			depth--
		case e.IsDir():
			depth++
		}
	}
	return nil
}

// item describes the latest entry.
func (w *walk) item(e *manifest.Entry) *Item {
	if e.Kind == manifest.Link {
		item := *w.links[e.Group]
		item.Path, item.First = w.at.String(), item.Path
		return &item
	}
	return &Item{Path: w.at.String(), Meta: e.Meta, Size: e.Size}
}
