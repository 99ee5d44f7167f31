package manifest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
)

// countEntries decodes b without keeping anything.
func countEntries(r io.Reader) (n int, err error) {
	for dec := NewDecoder(r); ; n++ {
		if _, err := dec.Next(); err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return n, err
		}
	}
}

func TestLargeDirectoryDecodesInBoundedMemory(t *testing.T) {
	const names = 200_000
	b := bytesOf(func(put func(Entry)) {
		put(directory(""))
		for i := range names {
			put(file(fmt.Sprintf("%06d", i)))
		}
		put(end())
	})
	var n int
	var err error
	bytes := allocated(func() { n, err = countEntries(bytes.NewReader(b)) })
	check(t, err)
	if n != names+2 {
		t.Errorf("%d entries", n)
	}
	// The names are allocated, one after the other, and little else.
	if limit := int64(names*32 + 1<<20); bytes > limit {
		t.Errorf("allocates %d bytes, at most %d are in order", bytes, limit)
	}
}

func TestDeepDirectoriesDecodeInBoundedMemory(t *testing.T) {
	enc := bytesOf(func(put func(Entry)) {
		put(directory(""))
		for range maxDepth - 1 {
			put(directory("d"))
		}
		for range maxDepth {
			put(end())
		}
	})
	var n int
	var err error
	bytes := allocated(func() { n, err = countEntries(bytes.NewReader(enc)) })
	check(t, err)
	if n != 2*maxDepth {
		t.Errorf("%d entries", n)
	}
	if bytes > 16<<20 {
		t.Errorf("allocates %d bytes", bytes)
	}
}

// bytesOf appends entries as the encoder does, whatever the rules say.
func bytesOf(f func(put func(Entry))) []byte {
	b := binary.AppendUvarint([]byte(magic), version)
	f(func(e Entry) { b = appendEntry(b, &e) })
	return b
}

// prefix begins a manifest whose next field is one that make appended last.
func prefix(fields func(b []byte) []byte) []byte {
	return fields(bytesOf(func(put func(Entry)) { put(directory("")) }))
}

// inodeFields appends an inode named "f" up to the number of its attributes.
func inodeFields(b []byte, kind fsx.Type) []byte {
	b = append(b, byte(kind), 1, 'f')
	return append(b, 0, 0, 0, 0, 0, 0) // mode, user, group, time, time, flags
}

// A claim costs no memory until the bytes that it is about have come.
func TestClaimsAllocateNothing(t *testing.T) {
	fields := map[string]func(b []byte) []byte{
		"name": func(b []byte) []byte { return append(b, byte(fsx.Regular)) },
		"link": func(b []byte) []byte { return append(b, byteLink) },
		"xattrs": func(b []byte) []byte {
			return inodeFields(b, fsx.FIFO)
		},
		"xattr name":  func(b []byte) []byte { return append(inodeFields(b, fsx.FIFO), 1) },
		"xattr value": func(b []byte) []byte { return append(inodeFields(b, fsx.FIFO), 1, 1, 'x') },
		"target":      func(b []byte) []byte { return append(inodeFields(b, fsx.Symlink), 0, 0) },
		"size":        func(b []byte) []byte { return append(inodeFields(b, fsx.Regular), 0, 0) },
		"holes":       func(b []byte) []byte { return append(inodeFields(b, fsx.Regular), 0, 0, 100) },
		"pieces":      func(b []byte) []byte { return append(inodeFields(b, fsx.Regular), 0, 0, 100, 0) },
		"piece":       func(b []byte) []byte { return append(inodeFields(b, fsx.Regular), 0, 0, 100, 0, 1) },
	}
	for name, field := range fields {
		for _, claim := range []uint64{100, 1 << 16, 1 << 22, 1 << 24, 1 << 40, 1<<63 - 1, 1<<64 - 1} {
			b := binary.AppendUvarint(prefix(field), claim)
			for _, rest := range []int{0, 50} {
				b := append(b, make([]byte, rest)...)
				var err error
				n := allocated(func() { _, err = countEntries(bytes.NewReader(b)) })
				if err == nil {
					t.Errorf("%s of %d passes", name, claim)
					continue
				}
				wantCorrupt(t, err)
				// The decoder's buffer, and the longest string.
				if n > 64<<10+64<<10+8<<10 {
					t.Errorf("%s of %d: allocates %d bytes", name, claim, n)
				}
			}
		}
	}
}

// A byte of a damaged manifest may not cost many times itself in memory: of
// pieces that no rule allows, 4 MiB would cost a gigabyte.
func TestWorthlessPiecesAllocateLittle(t *testing.T) {
	b := prefix(func(b []byte) []byte { return append(inodeFields(b, fsx.Regular), 0, 0, 100, 0) })
	b = binary.AppendUvarint(b, maxPieces)
	b = append(b, bytes.Repeat([]byte{1}, 1<<18)...) // runs of no zeros
	var err error
	n := allocated(func() { _, err = countEntries(bytes.NewReader(b)) })
	wantCorrupt(t, err)
	if n > int64(16*len(b)) {
		t.Errorf("%d bytes of input cost %d bytes of memory", len(b), n)
	}
}

// What is written can be read: the encoder holds to the decoder's limits.
func TestEncoderHoldsToTheLimits(t *testing.T) {
	withXattrs := func(n, name, value int) Entry {
		e := file("f")
		for i := range n {
			x := fsx.Xattr{Name: fmt.Sprintf("%0*d", name, i), Value: make([]byte, value)}
			e.Meta.Xattrs = append(e.Meta.Xattrs, x)
		}
		return e
	}
	large := slices.Repeat([]Piece{{ID: blob.ID{1}, Length: 1}}, maxPieces+1)
	for _, tt := range []struct {
		name  string
		entry Entry
		fits  bool
	}{
		{"largest attribute", withXattrs(1, 255, maxXattrValue), true},
		{"attribute too large", withXattrs(1, 255, maxXattrValue+1), false},
		{"attribute's name too long", withXattrs(1, 256, 1), false},
		{"most attributes", withXattrs(maxXattrs, 5, 0), true},
		{"too many attributes", withXattrs(maxXattrs+1, 5, 0), false},
		{"too many pieces", file("f", large...), false},
	} {
		if tt.fits {
			_, err := countEntries(bytes.NewReader(mustEncode(t, []Entry{directory(""), tt.entry, end()})))
			check(t, err)
			continue
		}
		enc, root := NewEncoder(io.Discard), directory("")
		check(t, enc.Encode(&root))
		if err := enc.Encode(&tt.entry); err == nil {
			t.Errorf("%s is encoded, but not decoded", tt.name)
		} else {
			wantCorrupt(t, err)
		}
	}
}
