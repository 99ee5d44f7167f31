package pack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/mutate"
)

// sampleFooter lists a raw, a zstd and three delta blobs with two bases.
func sampleFooter() Footer {
	id := func(name string) blob.ID { return blob.Sum([]byte(name)) }
	f := Footer{Nonce: Nonce{1, 2, 3}, Entries: []blob.Entry{
		{ID: id("a"), Stored: 100, Raw: 100, CRC: 1, Codec: blob.Raw},
		{ID: id("b"), Stored: 50, Raw: 100, CRC: 2, Codec: blob.Zstd},
		{ID: id("c"), Stored: 7, Raw: blob.MaxRaw, CRC: 3, Codec: blob.XOR, Base: id("x")},
		{ID: id("d"), Stored: 1, Raw: 2, CRC: 4, Codec: blob.XOR, Base: id("a")},
		{ID: id("e"), Stored: 8, Raw: 9, CRC: 5, Codec: blob.XOR, Base: id("x")},
	}}
	f.place()
	return f
}

// place gives the entries their offsets, and the footer its size.
func (f *Footer) place() {
	f.Size = headerSize
	for i := range f.Entries {
		f.Entries[i].Offset = uint32(f.Size)
		f.Size += int64(f.Entries[i].Stored)
	}
	f.Size += int64(len(f.AppendTail(nil)))
}

// reseal corrects the checksum of a tail that was tampered with.
func reseal(b []byte) []byte {
	if len(b) >= trailerSize {
		binary.LittleEndian.PutUint32(b[len(b)-12:], tailChecksum(b[:len(b)-12]))
	}
	return b
}

func TestFooterSurvivesItsTail(t *testing.T) {
	for n := 1; n <= 5; n++ {
		f := sampleFooter()
		f.Entries = f.Entries[:n]
		f.place()
		b := f.AppendTail([]byte("before"))
		tail, err := ParseTail(bytes.TrimPrefix(b, []byte("before")))
		check(t, err)
		back := tail.Footer()
		if back.Size != f.Size || back.Nonce != f.Nonce || !slices.Equal(back.Entries, f.Entries) {
			t.Errorf("footer is %+v, want %+v", back, f)
		}
	}
}

func TestCloneHasItsOwnMemory(t *testing.T) {
	b := sampleFooter().AppendTail(nil)
	tail, err := ParseTail(b)
	check(t, err)
	clone := tail.Clone()
	id := clone.ID()
	clear(b)
	if clone.ID() != id || clone.Len() != 5 || clone.BlobID(0) != blob.Sum([]byte("a")) {
		t.Error("the clone changed with the original")
	}
}

// Each footer is one that no Writer makes, with a correct checksum.
func TestTailRefusesFooters(t *testing.T) {
	for _, tt := range []struct {
		name   string
		tamper func(f *Footer)
	}{
		{"no entries", func(f *Footer) { f.Entries = nil; f.place() }},
		{"codec 0", func(f *Footer) { f.Entries[0].Codec = 0 }},
		{"codec 4", func(f *Footer) { f.Entries[0].Codec = 4 }},
		{"no raw bytes", func(f *Footer) { f.Entries[1].Raw = 0 }},
		{"raw bytes above MaxRaw", func(f *Footer) { f.Entries[2].Raw = blob.MaxRaw + 1 }},
		{"raw blob shorter", func(f *Footer) { f.Entries[0].Raw = 101 }},
		{"zstd no smaller", func(f *Footer) { f.Entries[1].Raw = 50 }},
		{"delta no smaller", func(f *Footer) { f.Entries[3].Raw = 1 }},
		{"nothing stored", func(f *Footer) { f.Entries[1].Stored = 0; f.place() }},
		{"delta against itself", func(f *Footer) { f.Entries[3].Base = f.Entries[3].ID }},
		{"delta against nothing", func(f *Footer) { f.Entries[3].Base = blob.ID{} }},
		{"gap before the first", func(f *Footer) { f.Entries[0].Offset++ }},
		{"gap", func(f *Footer) { f.Entries[2].Offset++ }},
		{"overlap", func(f *Footer) { f.Entries[2].Offset-- }},
		{"out of order", func(f *Footer) { slices.Reverse(f.Entries) }},
		{"size too small", func(f *Footer) { f.Size-- }},
		{"size too large", func(f *Footer) { f.Size++ }},
		{"negative size", func(f *Footer) { f.Size = -f.Size }},
		{"size with high bits", func(f *Footer) { f.Size += 1 << 32 }},
		{"above MaxSize", func(f *Footer) {
			for f.Size <= MaxSize {
				f.Entries = append(f.Entries, blob.Entry{Stored: blob.MaxRaw, Raw: blob.MaxRaw, Codec: blob.Raw})
				f.place()
			}
		}},
	} {
		f := sampleFooter()
		tt.tamper(&f)
		if _, err := ParseTail(f.AppendTail(nil)); err == nil {
			t.Errorf("%s passes", tt.name)
		} else {
			wantCorrupt(t, err)
		}
	}
}

// Each tail has a correct checksum and says what AppendTail says otherwise.
func TestTailRefusesOtherEncodings(t *testing.T) {
	const bases = 5 * entrySize
	codec := func(entry int) int { return entry*entrySize + 48 }
	for _, tt := range []struct {
		name   string
		tamper func(b []byte) []byte
	}{
		{"base number 0 of a delta", func(b []byte) []byte { b[codec(2)+1] = 0; return b }},
		{"base number of a zstd blob", func(b []byte) []byte { b[codec(1)+1] = 1; return b }},
		{"base number of a raw blob", func(b []byte) []byte { b[codec(0)+3] = 1; return b }},
		{"base number beyond", func(b []byte) []byte { b[codec(4)+1] = 3; return b }},
		{"base numbers not in order", func(b []byte) []byte { b[codec(2)+1], b[codec(3)+1] = 2, 1; return b }},
		{"unused base", func(b []byte) []byte { b[codec(3)+1] = 1; return b }},
		{"base twice", func(b []byte) []byte { copy(b[bases:], b[bases+32:bases+64]); return b }},
		{"base zero", func(b []byte) []byte { clear(b[bases : bases+32]); return b }},
		{"byte before", func(b []byte) []byte { return append([]byte{0}, b...) }},
		{"byte less", func(b []byte) []byte { return b[1:] }},
		{"count less", func(b []byte) []byte { b[len(b)-trailerSize]--; return b }},
		{"count and bases swapped", func(b []byte) []byte {
			b[len(b)-trailerSize], b[len(b)-trailerSize+4] = 2, 5
			return b
		}},
	} {
		b := tt.tamper(sampleFooter().AppendTail(nil))
		if _, err := ParseTail(reseal(b)); err == nil {
			t.Errorf("%s passes", tt.name)
		} else {
			wantCorrupt(t, err)
		}
	}
}

func TestTailClaimsAllocateNothing(t *testing.T) {
	b := sampleFooter().AppendTail(nil)
	for _, claims := range [][2]uint32{{1<<24 - 1, 0}, {1<<24 - 1, 1<<24 - 1}, {1<<32 - 1, 1<<32 - 1}, {5, 5}} {
		binary.LittleEndian.PutUint32(b[len(b)-trailerSize:], claims[0])
		binary.LittleEndian.PutUint32(b[len(b)-trailerSize+4:], claims[1])
		reseal(b)
		n := allocated(func() {
			_, err := ParseTail(b)
			wantCorrupt(t, err)
		})
		if n > 1<<16 {
			t.Errorf("claims %v: allocates %d bytes", claims, n)
		}
	}
}

// What ParseTail accepts is what AppendTail writes.
func FuzzTail(f *testing.F) {
	sample := sampleFooter()
	f.Add(sample.AppendTail(nil))
	f.Add(sample.AppendTail(nil)[entrySize:])
	for n := 1; n < len(sample.Entries); n++ {
		short := sample
		short.Entries = slices.Clone(sample.Entries[:n])
		short.place()
		f.Add(short.AppendTail(nil))
	}
	f.Add([]byte(trailerMagic))
	f.Add(make([]byte, entrySize+trailerSize))
	f.Fuzz(mutate.Often(func(t *testing.T, b []byte) {
		// The checksum would keep out whatever the fuzzer makes.
		for _, b := range [][]byte{b, reseal(bytes.Clone(b))} {
			tail, err := ParseTail(b)
			if err != nil {
				wantCorrupt(t, err)
				continue
			}
			if again := tail.Footer().AppendTail(nil); !bytes.Equal(again, b) {
				t.Fatalf("%d bytes encode again to %d others", len(b), len(again))
			}
			for i := range tail.Len() {
				if e := tail.Entry(i); e.Raw > blob.MaxRaw || e.ID != tail.BlobID(i) {
					t.Fatalf("blob %d: %+v", i, e)
				}
			}
		}
	}))
}

// A header is the one of this version, of a newer one, or none.
func FuzzHeader(f *testing.F) {
	f.Add(header())
	f.Add(append([]byte(headerMagic), 2, 0, 1, 2, 3, 4, 5, 6))
	f.Fuzz(mutate.Often(func(t *testing.T, b []byte) {
		if len(b) != headerSize {
			return
		}
		err := checkHeader(b)
		known := errors.Is(err, ErrCorrupt) || errors.Is(err, ErrVersion)
		if known == bytes.Equal(b, header()) {
			t.Errorf("%x: error is %v", b, err)
		}
	}))
}
