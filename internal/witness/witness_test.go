package witness

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
)

// reseal mends the checksum of an encoded header.
func reseal(b []byte) []byte {
	if len(b) == headerSize {
		binary.LittleEndian.PutUint32(b[headerSize-4:], crc32.Checksum(b[:headerSize-4], castagnoli))
	}
	return b
}

// What decodes is what encodes to the same bytes; also if its checksum is right.
func FuzzHeader(f *testing.F) {
	f.Add((&header{}).encode())
	f.Add((&header{snapshot: blob.Sum(nil), dev: 1, mount: 1 << 63, clean: fsx.Time{Sec: -1, Nsec: 7}}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, reseal(bytes.Clone(b))} {
			var h header
			if h.decode(b) && !bytes.Equal(h.encode(), b) {
				t.Errorf("%x encodes again to %x", b, h.encode())
			}
		}
	})
}

// What decodes is what encodes to the same bytes, for this file and no other.
func FuzzRecord(f *testing.F) {
	f.Add(int64(0), make([]byte, recordSize))
	f.Add(int64(1), appendRecord(nil, 1, &fsx.Identity{Ino: 1 << 40, ChangeTime: fsx.Time{Sec: -5, Nsec: 3}}))
	f.Fuzz(func(t *testing.T, number int64, b []byte) {
		if len(b) != recordSize {
			return
		}
		sealed := binary.LittleEndian.AppendUint32(bytes.Clone(b[:recordSize-4]), checksum(number, b[:recordSize-4]))
		for _, b := range [][]byte{b, sealed} {
			id, ok := decodeRecord(b, number)
			if ok && !bytes.Equal(appendRecord(nil, number, &id), b) {
				t.Errorf("%x encodes again to %x", b, appendRecord(nil, number, &id))
			}
			if _, other := decodeRecord(b, number+1); ok && other {
				t.Errorf("%x is the record of two files", b)
			}
		}
	})
}
