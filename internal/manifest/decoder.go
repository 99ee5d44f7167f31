package manifest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/warmstore/warmstore/internal/fsx"
)

// A Decoder reads a manifest, one entry at a time. It never allocates by a
// claim it has not seen the bytes of. It is not safe for concurrent use.
type Decoder struct {
	r     reader
	rules rules
	entry Entry
	err   error // the first error, for good
}

// NewDecoder returns a Decoder that reads from r, in large pieces.
func NewDecoder(r io.Reader) *Decoder {
	return &Decoder{r: reader{r: bufio.NewReaderSize(r, 1<<16)}}
}

// Next returns the next entry. It is valid until the following call, and so
// are its slices of holes and pieces. After the End of the root it returns
// io.EOF. What no Encoder writes is ErrCorrupt; other errors are the reader's.
func (d *Decoder) Next() (*Entry, error) {
	if d.err == nil {
		d.err = d.next()
	}
	if d.err != nil {
		return nil, d.err
	}
	return &d.entry, nil
}

func (d *Decoder) next() error {
	if d.rules.done() {
		return d.r.end()
	}
	if !d.rules.begun {
		if err := d.r.header(); err != nil {
			return err
		}
	}
	d.entry = Entry{Holes: d.entry.Holes[:0], Pieces: d.entry.Pieces[:0]}
	d.r.entry(&d.entry)
	if d.r.err != nil {
		return d.r.failure()
	}
	return d.rules.step(&d.entry)
}

// A reader reads the fields of entries. After its first error it reads zeros.
type reader struct {
	r   *bufio.Reader
	err error
}

// failure returns the first error; the end of the input is damage.
func (r *reader) failure() error {
	if errors.Is(r.err, io.EOF) || errors.Is(r.err, io.ErrUnexpectedEOF) {
		return corrupt("it ends early")
	}
	return r.err
}

// header checks the magic alone before the version, so that a newer manifest
// is never called damaged.
func (r *reader) header() error {
	b := r.bytes(uint64(len(magic)))
	if r.err == nil && string(b) != magic {
		return corrupt("it does not begin as one")
	}
	switch v := r.number(math.MaxUint64); {
	case r.err != nil:
		return r.failure()
	case v == 0:
		return corrupt("it has version 0")
	case v != version:
		return fmt.Errorf("%w: version %d", ErrVersion, v)
	}
	return nil
}

// end tells the end of the manifest from bytes after it.
func (r *reader) end() error {
	if _, err := r.r.ReadByte(); err != nil {
		return err
	}
	return corrupt("bytes after the root's end")
}

func (r *reader) entry(e *Entry) {
	kind := r.byte()
	if kind == byteEnd {
		e.Kind = End
		return
	}
	e.Name = r.string(maxName)
	if kind == byteLink {
		e.Kind = Link
		e.Group = r.number(math.MaxUint64)
		return
	}
	e.Kind, e.Meta.Type = Inode, fsx.Type(kind)
	r.meta(&e.Meta)
	if e.Meta.Type != fsx.Directory {
		e.Group = r.number(math.MaxUint64)
	}
	switch e.Meta.Type {
	case fsx.Regular:
		r.content(e)
	case fsx.Symlink:
		e.Meta.Target = r.string(maxTarget)
	case fsx.CharDevice, fsx.BlockDevice:
		e.Meta.Rdev = r.number(math.MaxUint64)
	}
}

// meta reads the metadata that every inode has.
func (r *reader) meta(m *fsx.Meta) {
	m.Mode = uint16(r.number(0o7777))
	m.UID = uint32(r.number(math.MaxUint32))
	m.GID = uint32(r.number(math.MaxUint32))
	m.ModTime.Sec = r.signed()
	m.ModTime.Nsec = uint32(r.number(999_999_999))
	m.Flags = uint32(r.number(math.MaxUint32))
	for n := r.number(maxXattrs); n > 0 && r.err == nil; n-- {
		x := fsx.Xattr{Name: r.string(maxXattrName)}
		x.Value = r.bytes(r.number(maxXattrValue))
		m.Xattrs = append(m.Xattrs, x)
	}
}

// content reads holes and pieces. What cannot be right is refused at once, so
// that bytes worth nothing cost no memory.
func (r *reader) content(e *Entry) {
	e.Size = int64(r.number(math.MaxInt64))
	rest := uint64(e.Size)
	for n := r.number(maxHoles); n > 0 && r.err == nil; n-- {
		gap := r.number(rest)
		length := r.number(rest - gap)
		if length == 0 || gap == 0 && len(e.Holes) > 0 {
			r.fail(corrupt("%q has a hole of %d bytes after %d", e.Name, length, gap))
		}
		e.Holes = append(e.Holes, fsx.Extent{Offset: e.Size - int64(rest-gap), Length: int64(length)})
		rest -= gap + length
	}
	rest = uint64(e.Size)
	for n := r.number(maxPieces); n > 0 && r.err == nil; n-- {
		p := r.piece(rest)
		if last := len(e.Pieces) - 1; last >= 0 && p.ID.IsZero() && e.Pieces[last].ID.IsZero() {
			r.fail(corrupt("%q has zeros after zeros", e.Name))
		}
		e.Pieces = append(e.Pieces, p)
		rest -= uint64(p.Length)
	}
}

// piece reads a piece of a file of which rest bytes are left.
func (r *reader) piece(rest uint64) (p Piece) {
	head := r.number(math.MaxUint64)
	if head>>1 == 0 || head>>1 > rest {
		r.fail(corrupt("piece of %d bytes with %d left", head>>1, rest))
		return p
	}
	p.Length = int64(head >> 1)
	zeros := head&1 == 1
	if !zeros {
		r.fill(p.ID[:])
	}
	if p.ID.IsZero() != zeros {
		r.fail(corrupt("chunk without an ID"))
	}
	return p
}
