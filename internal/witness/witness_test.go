package witness

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"path/filepath"
	"testing"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/mutate"
)

// reseal mends the checksum of an encoded header.
func reseal(b []byte) []byte {
	if len(b) == headerSize {
		binary.LittleEndian.PutUint32(b[headerSize-4:], crc32.Checksum(b[:headerSize-4], castagnoli))
	}
	return b
}

// A file is the same if all of it looks the same and it last changed before what
// was on disk for certain, whatever the clock has done since.
func TestSame(t *testing.T) {
	at := func(sec int64) fsx.Time { return fsx.Time{Sec: sec, Nsec: 5} }
	snapshot, clean := blob.Sum([]byte("snapshot")), at(1000)
	root := fsx.Identity{Dev: 7, Mount: 8}
	file := fsx.Identity{Dev: 7, Mount: 8, Ino: 9, Size: 10, ModTime: at(2000), ChangeTime: at(900), BirthTime: at(800)}
	racy, future := file, file
	racy.ChangeTime, future.ChangeTime = clean, at(5000)
	path := filepath.Join(t.TempDir(), "witness")
	w, err := Create(t.TempDir())
	check(t, err)
	for i, id := range []*fsx.Identity{&file, &racy, &future} {
		w.Put(int64(i), id)
	}
	check(t, w.Publish(path, snapshot, root, clean))
	r := Open(path, snapshot, root)
	defer r.Close()
	for _, tt := range []struct {
		name   string
		number int64
		now    func(id *fsx.Identity)
		want   bool
	}{
		{"unchanged", 0, func(*fsx.Identity) {}, true},
		{"another number", 3, func(*fsx.Identity) {}, false},
		{"changed", 0, func(id *fsx.Identity) { id.ChangeTime = at(950) }, false},
		{"changed by a clock that went back", 0, func(id *fsx.Identity) { id.ChangeTime = at(100) }, false},
		{"changed within the second", 0, func(id *fsx.Identity) { id.ChangeTime.Nsec-- }, false},
		{"changed when it became clean", 1, func(id *fsx.Identity) { *id = racy }, false},
		{"changed before the clock went back", 2, func(id *fsx.Identity) { *id = future }, false},
		{"of another modification time", 0, func(id *fsx.Identity) { id.ModTime = at(2001) }, false},
		{"of another size", 0, func(id *fsx.Identity) { id.Size++ }, false},
		{"another inode", 0, func(id *fsx.Identity) { id.Ino++ }, false},
		{"an inode that was used again", 0, func(id *fsx.Identity) { id.BirthTime = at(801) }, false},
		{"on another device", 0, func(id *fsx.Identity) { id.Dev++ }, false},
		{"on another mount", 0, func(id *fsx.Identity) { id.Mount++ }, false},
	} {
		now := file
		tt.now(&now)
		if got := r.Same(tt.number, 10, at(2000), &now); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
	for name, other := range map[string]*Reader{
		"snapshot": Open(path, blob.Sum(nil), root),
		"device":   Open(path, snapshot, fsx.Identity{Dev: 6, Mount: 8}),
		"mount":    Open(path, snapshot, fsx.Identity{Dev: 7, Mount: 9}),
	} {
		if other != nil {
			t.Errorf("it is the witness of another %s", name)
		}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What decodes is what encodes to the same bytes; also if its checksum is right.
func FuzzHeader(f *testing.F) {
	f.Add((&header{}).encode())
	f.Add((&header{snapshot: blob.Sum(nil), dev: 1, mount: 1 << 63, clean: fsx.Time{Sec: -1, Nsec: 7}}).encode())
	f.Fuzz(mutate.Often(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, reseal(bytes.Clone(b))} {
			var h header
			if h.decode(b) && !bytes.Equal(h.encode(), b) {
				t.Errorf("%x encodes again to %x", b, h.encode())
			}
		}
	}))
}

// What decodes is what encodes to the same bytes, for this file and no other.
func FuzzRecord(f *testing.F) {
	f.Add(int64(0), make([]byte, recordSize))
	f.Add(int64(1), appendRecord(nil, 1, &fsx.Identity{Ino: 1 << 40, ChangeTime: fsx.Time{Sec: -5, Nsec: 3}}))
	f.Fuzz(mutate.Often(func(t *testing.T, number int64, b []byte) {
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
	}))
}
