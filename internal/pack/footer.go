package pack

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/warmstore/warmstore/internal/blob"
)

// The layout of a pack, in bytes; FORMAT.md section 3 explains it.
const (
	headerSize  = 16
	entrySize   = 52
	baseSize    = 32
	nonceSize   = 12
	trailerSize = 40

	headerMagic  = "WARMPACK"
	trailerMagic = "WARMPEND"
	version      = 1

	// MaxSize bounds a pack file, so that offsets fit in 32 bits.
	MaxSize = 1 << 31
	// maxEntries bounds a footer: two limits beside each other in one entry
	// (codec and base number) leave 24 bits for the number of a base.
	maxEntries = 1<<24 - 1
)

// castagnoli is the polynomial that processors compute in hardware.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Checksum returns the CRC-32C that footers hold for stored bytes.
func Checksum(stored []byte) uint32 { return crc32.Checksum(stored, castagnoli) }

// A Footer lists the blobs of one pack, by ascending offset.
type Footer struct {
	Entries []blob.Entry
	Size    int64 // of the whole pack file, bytes
	Nonce   Nonce
}

// A Nonce is random, so that no two packs have one ID: whoever wrote a pack
// that was never committed may remove it, whatever other processes write.
type Nonce [nonceSize]byte

func header() []byte {
	h := make([]byte, headerSize)
	copy(h, headerMagic)
	binary.LittleEndian.PutUint16(h[8:], version)
	return h
}

// AppendTail appends the end of the pack file, which is footer and trailer, to
// dst. It panics if the entries are not what DecodeTail accepts.
func (f Footer) AppendTail(dst []byte) []byte {
	start := len(dst)
	numbers := make(map[blob.ID]uint32)
	var bases []blob.ID
	for _, e := range f.Entries {
		var number uint32
		if e.IsDelta() {
			if number = numbers[e.Base]; number == 0 {
				bases = append(bases, e.Base)
				number = uint32(len(bases))
				numbers[e.Base] = number
			}
		}
		dst = appendEntry(dst, e, number)
	}
	for _, id := range bases {
		dst = append(dst, id[:]...)
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(f.Entries)))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(bases)))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(f.Size))
	dst = append(dst, f.Nonce[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, tailChecksum(dst[start:]))
	return append(dst, trailerMagic...)
}

func appendEntry(dst []byte, e blob.Entry, base uint32) []byte {
	dst = append(dst, e.ID[:]...)
	dst = binary.LittleEndian.AppendUint32(dst, e.Offset)
	dst = binary.LittleEndian.AppendUint32(dst, e.Stored)
	dst = binary.LittleEndian.AppendUint32(dst, e.Raw)
	dst = binary.LittleEndian.AppendUint32(dst, e.CRC)
	return binary.LittleEndian.AppendUint32(dst, uint32(e.Codec)|base<<8)
}

// tailChecksum covers the header too, which is the same in every pack of a
// version: so the tail alone proves the version it was written by.
func tailChecksum(tail []byte) uint32 {
	return crc32.Update(crc32.Checksum(header(), castagnoli), castagnoli, tail)
}
