// Package tarball writes a volume as a tar that GNU tar and bsdtar restore with
// all that the volume had, and reads what these two write.
package tarball

import (
	"context"
	"fmt"
	"io"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
)

// Write writes the tree of an encoded manifest to w as a tar in the pax format,
// whose bytes depend on the tree alone. It returns the paths of what no tar can
// hold and this one does not: sockets. Memory is that of one chunk, one entry,
// and the path of each inode that has several names.
func Write(ctx context.Context, w io.Writer, encoded io.Reader, load manifest.Loader) (omitted []string, err error) {
	t := &writer{out: w, links: make(map[uint64]first)}
	t.content = func(e *manifest.Entry, data []fsx.Extent) error {
		return manifest.WriteContent(ctx, t, load, e.Pieces, data)
	}
	err = t.tree(encoded)
	return t.omitted, err
}

// Size returns how many bytes Write will write.
func Size(encoded io.Reader) (int64, error) {
	t := &writer{out: io.Discard, links: make(map[uint64]first)}
	t.content = func(_ *manifest.Entry, data []fsx.Extent) error {
		t.size += total(data)
		return nil
	}
	err := t.tree(encoded)
	return t.size, err
}

// A writer writes one tar.
type writer struct {
	out     io.Writer
	size    int64 // written so far
	at      manifest.Path
	links   map[uint64]first
	omitted []string
	content func(e *manifest.Entry, data []fsx.Extent) error
}

// first is the first name of an inode that has several, and what is repeated
// with the others.
type first struct {
	path string
	meta fsx.Meta
}

// Write writes to the tar and counts.
func (t *writer) Write(p []byte) (int, error) {
	n, err := t.out.Write(p)
	t.size += int64(n)
	return n, err
}

func (t *writer) tree(encoded io.Reader) error {
	dec := manifest.NewDecoder(encoded)
	for {
		e, err := dec.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		t.at.Step(e)
		if e.Kind == manifest.End {
			continue
		}
		if err := t.entry(e); err != nil {
			return fmt.Errorf("%q: %w", t.at.String(), err)
		}
	}
	return t.end()
}

// end writes what ends a tar.
func (t *writer) end() error {
	_, err := t.Write(make([]byte, 2*blockSize))
	return err
}

func (t *writer) entry(e *manifest.Entry) error {
	path := t.path(e)
	if e.Kind == manifest.Link {
		to, ok := t.links[e.Group]
		if !ok { // a socket, which was left out
			t.omitted = append(t.omitted, t.at.String())
			return nil
		}
		return t.header(newHeader(path, to.path, typeLink, &to.meta))
	}
	kind, ok := typeOf(e.Meta.Type)
	if !ok {
		t.omitted = append(t.omitted, t.at.String())
		return nil
	}
	if e.Group != 0 {
		to := first{path: path, meta: e.Meta}
		to.meta.Xattrs, to.meta.Flags = nil, 0
		t.links[e.Group] = to
	}
	h := newHeader(path, e.Meta.Target, kind, &e.Meta)
	if e.IsFile() {
		return t.file(h, e)
	}
	return t.header(h)
}

// path returns the name of the latest entry as tar -C DIR . has it.
func (t *writer) path(e *manifest.Entry) string {
	path := t.at.String()
	if path != "." {
		path = "./" + path
	}
	if e.IsDir() {
		path += "/"
	}
	return path
}

func typeOf(t fsx.Type) (kind byte, ok bool) {
	switch t {
	case fsx.Directory:
		return typeDirectory, true
	case fsx.Regular:
		return typeRegular, true
	case fsx.Symlink:
		return typeSymlink, true
	case fsx.FIFO:
		return typeFIFO, true
	case fsx.CharDevice:
		return typeCharDev, true
	case fsx.BlockDevice:
		return typeBlockDev, true
	}
	return 0, false
}

func newHeader(path, link string, kind byte, m *fsx.Meta) *header {
	h := &header{
		name: path, link: link, kind: kind, mode: m.Mode, uid: m.UID, gid: m.GID, mtime: m.ModTime,
		xattrs: m.Xattrs, flags: m.Flags,
	}
	if kind == typeCharDev || kind == typeBlockDev {
		h.major, h.minor = m.Device()
	}
	return h
}

// file writes a regular file, with a map of its holes if it has any.
func (t *writer) file(h *header, e *manifest.Entry) error {
	data, text := []fsx.Extent{{Length: e.Size}}, []byte(nil)
	if len(e.Holes) > 0 {
		data, text = sparseMap(e.Size, e.Holes)
		h.sparse, h.realSize = true, e.Size
	}
	h.size = int64(len(text)) + total(data)
	if err := t.header(h); err != nil {
		return err
	}
	if _, err := t.Write(text); err != nil {
		return err
	}
	if err := t.content(e, data); err != nil {
		return err
	}
	return t.pad(h.size)
}

// pad fills the last block of content of size bytes.
func (t *writer) pad(size int64) error {
	_, err := t.Write(make([]byte, padding(size)))
	return err
}

// header writes the header of an entry.
func (t *writer) header(h *header) error {
	var r records
	r.describe(h)
	if r.Len() > maxRecords {
		return fmt.Errorf("attributes of %d bytes, of which a tar holds %d", r.Len(), maxRecords)
	}
	if r.Len() > 0 {
		if err := t.records(r.String()); err != nil {
			return err
		}
	}
	_, err := t.Write(h.block()[:])
	return err
}

// records writes the records of the header that follows.
func (t *writer) records(text string) error {
	h := header{name: "PaxHeaders", mode: 0o644, size: int64(len(text)), kind: typePAX}
	if _, err := t.Write(h.block()[:]); err != nil {
		return err
	}
	if _, err := io.WriteString(t, text); err != nil {
		return err
	}
	return t.pad(h.size)
}
