package pack

import (
	"bytes"
	"encoding/binary"

	"github.com/warmstore/warmstore/internal/blob"
)

// A Tail is the checked end of a pack file, undecoded: 52 bytes a blob. An
// index holds many of them. It may be read by many goroutines at a time.
type Tail struct {
	bytes []byte
	count int
	bases int
}

// ParseTail checks the end of a pack file and returns it as a Tail, which
// keeps b. One set of blobs has one tail: whatever Footer.AppendTail does not
// write is refused with ErrCorrupt.
func ParseTail(b []byte) (Tail, error) {
	if len(b) < trailerSize+entrySize {
		return Tail{}, corrupt("footer of %d bytes is too short", len(b))
	}
	trailer := b[len(b)-trailerSize:]
	count := binary.LittleEndian.Uint32(trailer)
	bases := binary.LittleEndian.Uint32(trailer[4:])
	switch {
	case string(trailer[32:]) != trailerMagic:
		return Tail{}, corrupt("no pack trailer")
	case count == 0 || count > maxEntries || bases > count:
		return Tail{}, corrupt("footer claims %d blobs and %d bases", count, bases)
	case int64(len(b)) != tailSize(count, bases):
		return Tail{}, corrupt("footer of %d bytes for %d blobs and %d bases", len(b), count, bases)
	case binary.LittleEndian.Uint32(trailer[28:]) != tailChecksum(b[:len(b)-12]):
		return Tail{}, corrupt("footer checksum")
	}
	t := Tail{bytes: b, count: int(count), bases: int(bases)}
	return t, t.check()
}

func tailSize(count, bases uint32) int64 {
	return int64(count)*entrySize + int64(bases)*baseSize + trailerSize
}

// check holds the entries against the rules that a checksum cannot hold: a
// correct program wrote this.
func (t Tail) check() error {
	offset, used := uint64(headerSize), 0
	for i := range t.count {
		e, number := t.entry(i)
		if uint64(e.Offset) != offset {
			return corrupt("blob %d at %d, want %d", i, e.Offset, offset)
		}
		if err := checkEntry(e); err != nil {
			return err
		}
		if e.IsDelta() != (number != 0) || number > used+1 || number > t.bases {
			return corrupt("blob %d has base number %d", i, number)
		}
		if number != 0 && t.base(number) == e.ID {
			return corrupt("blob %d is its own base", i)
		}
		used = max(used, number)
		offset += uint64(e.Stored)
	}
	if used != t.bases {
		return corrupt("%d bases, %d used", t.bases, used)
	}
	if t.Size() != int64(offset)+int64(len(t.bytes)) || t.Size() > MaxSize {
		return corrupt("pack of %d bytes claims %d", int64(offset)+int64(len(t.bytes)), t.Size())
	}
	return t.checkBases()
}

func checkEntry(e blob.Entry) error {
	if e.Raw == 0 || e.Raw > blob.MaxRaw {
		return corrupt("blob of %d raw bytes", e.Raw)
	}
	switch e.Codec {
	case blob.Raw:
		if e.Stored != e.Raw {
			return corrupt("%d raw bytes stored as %d", e.Raw, e.Stored)
		}
	case blob.Zstd, blob.XOR, blob.Patch:
		if e.Stored == 0 || e.Stored >= e.Raw {
			return corrupt("%d raw bytes compressed to %d", e.Raw, e.Stored)
		}
	default:
		return corrupt("unknown %v", e.Codec)
	}
	return nil
}

func (t Tail) checkBases() error {
	seen := make(map[blob.ID]bool, t.bases)
	for n := 1; n <= t.bases; n++ {
		id := t.base(n)
		if seen[id] || id.IsZero() {
			return corrupt("base %d is zero or listed twice", n)
		}
		seen[id] = true
	}
	return nil
}

// Len returns the number of blobs.
func (t Tail) Len() int { return t.count }

// Size returns the size of the whole pack file, in bytes.
func (t Tail) Size() int64 {
	return int64(binary.LittleEndian.Uint64(t.trailer()[8:]))
}

func (t Tail) trailer() []byte { return t.bytes[len(t.bytes)-trailerSize:] }

// Stored returns the bytes of all blobs: the pack without header and tail.
func (t Tail) Stored() int64 { return t.Size() - headerSize - int64(len(t.bytes)) }

// ID returns the ID of the pack: the hash of its tail.
func (t Tail) ID() blob.ID { return blob.Sum(t.bytes) }

// Bytes returns the encoded tail. It belongs to t and must not be changed.
func (t Tail) Bytes() []byte { return t.bytes }

// Clone returns a Tail with memory of its own.
func (t Tail) Clone() Tail {
	t.bytes = bytes.Clone(t.bytes)
	return t
}

// BlobID returns the ID of blob i without decoding the rest of its entry.
func (t Tail) BlobID(i int) blob.ID {
	return blob.ID(t.bytes[i*entrySize : i*entrySize+32])
}

// Offset returns where blob i begins in the pack, without decoding the rest of
// its entry.
func (t Tail) Offset(i int) uint32 {
	return binary.LittleEndian.Uint32(t.bytes[i*entrySize+32:])
}

// Entry returns the entry of blob i, from 0 to Len-1.
func (t Tail) Entry(i int) blob.Entry {
	e, number := t.entry(i)
	if number != 0 {
		e.Base = t.base(number)
	}
	return e
}

func (t Tail) entry(i int) (e blob.Entry, base int) {
	b := t.bytes[i*entrySize : (i+1)*entrySize]
	last := binary.LittleEndian.Uint32(b[48:])
	return blob.Entry{
		ID:     blob.ID(b[:32]),
		Offset: binary.LittleEndian.Uint32(b[32:]),
		Stored: binary.LittleEndian.Uint32(b[36:]),
		Raw:    binary.LittleEndian.Uint32(b[40:]),
		CRC:    binary.LittleEndian.Uint32(b[44:]),
		Codec:  blob.Codec(last),
	}, int(last >> 8)
}

func (t Tail) base(number int) blob.ID {
	start := t.count*entrySize + (number-1)*baseSize
	return blob.ID(t.bytes[start : start+baseSize])
}

// Footer decodes the whole tail.
func (t Tail) Footer() Footer {
	f := Footer{Entries: make([]blob.Entry, t.count), Size: t.Size()}
	copy(f.Nonce[:], t.trailer()[16:])
	for i := range f.Entries {
		f.Entries[i] = t.Entry(i)
	}
	return f
}
