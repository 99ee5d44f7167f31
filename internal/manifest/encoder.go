package manifest

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/warmstore/warmstore/internal/fsx"
)

// magic begins a manifest; the version follows it.
const (
	magic   = "WARMTREE"
	version = 1
)

// An Encoder writes a manifest. After an error it is dead: all calls return that
// error. It is not safe for concurrent use.
type Encoder struct {
	w     *bufio.Writer
	buf   []byte
	rules rules
	size  int64
	err   error
}

// NewEncoder returns an Encoder that writes to w, in large pieces.
func NewEncoder(w io.Writer) *Encoder {
	return &Encoder{w: bufio.NewWriterSize(w, 1<<16)}
}

// Encode writes the next entry. One that does not fit where it stands is
// ErrCorrupt.
func (e *Encoder) Encode(entry *Entry) error {
	if e.err == nil {
		e.err = e.encode(entry)
	}
	return e.err
}

func (e *Encoder) encode(entry *Entry) error {
	e.buf = e.buf[:0]
	if !e.rules.begun {
		e.buf = append(e.buf, magic...)
		e.buf = binary.AppendUvarint(e.buf, version)
	}
	if err := e.rules.step(entry); err != nil {
		return fmt.Errorf("encode manifest: %w", err)
	}
	e.buf = appendEntry(e.buf, entry)
	e.size += int64(len(e.buf))
	_, err := e.w.Write(e.buf)
	return err
}

// Close writes what is buffered. The root directory must have been closed by
// its End.
func (e *Encoder) Close() error {
	if e.err != nil {
		return e.err
	}
	if !e.rules.done() {
		return fmt.Errorf("encode manifest: %w", corrupt("the root is not closed"))
	}
	return e.w.Flush()
}

// Size returns the bytes encoded so far.
func (e *Encoder) Size() int64 { return e.size }

// The first byte of an entry: the type of an inode, or one of these.
const (
	byteLink = 16
	byteEnd  = 17
)

func appendEntry(b []byte, e *Entry) []byte {
	switch e.Kind {
	case End:
		return append(b, byteEnd)
	case Link:
		b = appendString(append(b, byteLink), e.Name)
		return binary.AppendUvarint(b, e.Group)
	}
	b = appendString(append(b, byte(e.Meta.Type)), e.Name)
	b = appendMeta(b, &e.Meta)
	if e.Meta.Type != fsx.Directory {
		b = binary.AppendUvarint(b, e.Group)
	}
	switch e.Meta.Type {
	case fsx.Regular:
		b = appendContent(b, e)
	case fsx.Symlink:
		b = appendString(b, e.Meta.Target)
	case fsx.CharDevice, fsx.BlockDevice:
		b = binary.AppendUvarint(b, e.Meta.Rdev)
	}
	return b
}

func appendMeta(b []byte, m *fsx.Meta) []byte {
	b = binary.AppendUvarint(b, uint64(m.Mode))
	b = binary.AppendUvarint(b, uint64(m.UID))
	b = binary.AppendUvarint(b, uint64(m.GID))
	b = binary.AppendVarint(b, m.ModTime.Sec)
	b = binary.AppendUvarint(b, uint64(m.ModTime.Nsec))
	b = binary.AppendUvarint(b, uint64(m.Flags))
	b = binary.AppendUvarint(b, uint64(len(m.Xattrs)))
	for _, x := range m.Xattrs {
		b = appendString(b, x.Name)
		b = binary.AppendUvarint(b, uint64(len(x.Value)))
		b = append(b, x.Value...)
	}
	return b
}

func appendContent(b []byte, e *Entry) []byte {
	b = binary.AppendUvarint(b, uint64(e.Size))
	b = binary.AppendUvarint(b, uint64(len(e.Holes)))
	after := int64(0)
	for _, h := range e.Holes {
		b = binary.AppendUvarint(b, uint64(h.Offset-after))
		b = binary.AppendUvarint(b, uint64(h.Length))
		after = h.Offset + h.Length
	}
	b = binary.AppendUvarint(b, uint64(len(e.Pieces)))
	for _, p := range e.Pieces {
		if p.ID.IsZero() {
			b = binary.AppendUvarint(b, uint64(p.Length)<<1|1)
			continue
		}
		b = binary.AppendUvarint(b, uint64(p.Length)<<1)
		b = append(b, p.ID[:]...)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
