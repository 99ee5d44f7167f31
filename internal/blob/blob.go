// Package blob is the vocabulary that the other packages share: what names a
// chunk, and where and how its bytes are stored. FORMAT.md gives the encodings.
package blob

import (
	"bytes"
	"encoding/hex"
	"fmt"

	"github.com/zeebo/blake3"
)

// MaxRaw bounds the raw bytes of one chunk. It bounds what one decoder may
// allocate; the largest chunk size the chunker chooses is half of it.
const MaxRaw = 8 << 20 // bytes

// An ID names a chunk: the BLAKE3-256 of its raw bytes. The zero ID names
// nothing.
type ID [32]byte

// Sum returns the ID of raw.
func Sum(raw []byte) ID { return blake3.Sum256(raw) }

// ParseID reads the 64 hexadecimal digits that String writes.
func ParseID(s string) (ID, error) {
	var id ID
	if hex.DecodedLen(len(s)) != len(id) {
		return ID{}, fmt.Errorf("parse ID %q: want %d hexadecimal digits", s, hex.EncodedLen(len(id)))
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, fmt.Errorf("parse ID %q: %w", s, err)
	}
	if id.String() != s {
		return ID{}, fmt.Errorf("parse ID %q: want lower-case digits", s)
	}
	return id, nil
}

// String returns id as 64 lower-case hexadecimal digits.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Short returns the first 12 digits of id, enough to tell a person.
func (id ID) Short() string { return hex.EncodeToString(id[:6]) }

// Compare orders IDs by their bytes.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// IsZero reports whether id names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// MarshalText makes an ID its String in JSON.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	*id = parsed
	return err
}

// A Codec says how a blob's stored bytes become the chunk's raw bytes. Zero is
// invalid, so that zeroed bytes on disk are never a blob.
type Codec uint8

// The codecs, as footers store them.
const (
	Raw   Codec = 1 // the raw bytes themselves
	Zstd  Codec = 2 // one zstd frame
	XOR   Codec = 3 // one zstd frame of the raw bytes XOR the base chunk's
	Patch Codec = 4 // one zstd frame whose dictionary is the base chunk's raw bytes
)

// String returns the codec's name.
func (c Codec) String() string {
	switch c {
	case Raw:
		return "raw"
	case Zstd:
		return "zstd"
	case XOR:
		return "xor"
	case Patch:
		return "patch"
	}
	return fmt.Sprintf("codec %d", uint8(c))
}

// An Entry describes one blob within its pack, as the pack's footer does.
type Entry struct {
	ID     ID
	Offset uint32 // of the stored bytes, from the start of the pack
	Stored uint32 // bytes in the pack
	Raw    uint32 // bytes of the chunk, 1 to MaxRaw
	CRC    uint32 // CRC-32C of the stored bytes
	Codec  Codec
	Base   ID // of a delta, the chunk it was made against; else zero
}

// IsDelta reports whether the blob is a delta: it is decoded with its base.
func (e Entry) IsDelta() bool { return e.Codec == XOR || e.Codec == Patch }

// A Location is an Entry and the pack that holds it.
type Location struct {
	Pack ID
	Entry
}
