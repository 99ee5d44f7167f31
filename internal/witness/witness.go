// Package witness remembers how the files of a volume looked to stat when a
// snapshot or a restore left them, so that those that still look so need not
// be read. It is a cache: without it everything is read, and damage to it is
// taken for files that changed. FORMAT.md section 9 is the layout, and why a
// file that looks the same is the same.
package witness

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
)

// The layout, in bytes.
const (
	headerSize = 80
	recordSize = 40

	magic   = "WARMWITN"
	version = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A header says what the records of a witness are about.
type header struct {
	snapshot   blob.ID // whose manifest numbers the files
	dev, mount uint64  // where the volume was
	clean      fsx.Time
}

func (h *header) encode() []byte {
	b := make([]byte, 0, headerSize)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint64(b, version)
	b = append(b, h.snapshot[:]...)
	b = binary.LittleEndian.AppendUint64(b, h.dev)
	b = binary.LittleEndian.AppendUint64(b, h.mount)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.clean.Sec))
	b = binary.LittleEndian.AppendUint32(b, h.clean.Nsec)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// decode reads what encode wrote, and returns false for anything else.
func (h *header) decode(b []byte) bool {
	if len(b) != headerSize || string(b[:8]) != magic || binary.LittleEndian.Uint64(b[8:]) != version {
		return false
	}
	h.snapshot = blob.ID(b[16:48])
	h.dev = binary.LittleEndian.Uint64(b[48:])
	h.mount = binary.LittleEndian.Uint64(b[56:])
	h.clean = fsx.Time{Sec: int64(binary.LittleEndian.Uint64(b[64:])), Nsec: binary.LittleEndian.Uint32(b[72:])}
	return binary.LittleEndian.Uint32(b[76:]) == crc32.Checksum(b[:76], castagnoli)
}

// appendRecord appends the record of file number. Size and modification time
// are in the manifest.
func appendRecord(b []byte, number int64, id *fsx.Identity) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint64(b, id.Ino)
	b = binary.LittleEndian.AppendUint64(b, uint64(id.ChangeTime.Sec))
	b = binary.LittleEndian.AppendUint64(b, uint64(id.BirthTime.Sec))
	b = binary.LittleEndian.AppendUint32(b, id.ChangeTime.Nsec)
	b = binary.LittleEndian.AppendUint32(b, id.BirthTime.Nsec)
	b = binary.LittleEndian.AppendUint32(b, 0)
	return binary.LittleEndian.AppendUint32(b, checksum(number, b[start:]))
}

// decodeRecord reads what appendRecord wrote for file number; of the Identity
// it fills in what a record has. It returns false for anything else.
func decodeRecord(b []byte, number int64) (id fsx.Identity, ok bool) {
	id = fsx.Identity{
		Ino:        binary.LittleEndian.Uint64(b),
		ChangeTime: fsx.Time{Sec: int64(binary.LittleEndian.Uint64(b[8:])), Nsec: binary.LittleEndian.Uint32(b[24:])},
		BirthTime:  fsx.Time{Sec: int64(binary.LittleEndian.Uint64(b[16:])), Nsec: binary.LittleEndian.Uint32(b[28:])},
	}
	reserved, sum := binary.LittleEndian.Uint32(b[32:]), binary.LittleEndian.Uint32(b[36:])
	return id, reserved == 0 && sum == checksum(number, b[:36])
}

// checksum covers the file's number too, so that no record is taken for
// another's.
func checksum(number int64, fields []byte) uint32 {
	n := binary.LittleEndian.AppendUint64(make([]byte, 0, 8), uint64(number))
	return crc32.Update(crc32.Checksum(n, castagnoli), castagnoli, fields)
}
