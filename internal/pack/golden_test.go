package pack

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/warmstore/warmstore/internal/blob"
)

var update = flag.Bool("update", false, "write testdata again, which breaks what it is for")

const (
	golden   = "testdata/v1/golden.pack"
	goldenID = "2a6cbed6822f30bdbb97897d806e82eaa923c6de7dce3ac0ad8fbd8f593c1528"
)

// goldenSamples are the blobs of the golden pack; how a later encoder would
// store them does not matter.
func goldenSamples() []sample {
	ramp := make([]byte, 256)
	for i := range ramp {
		ramp[i] = byte(i)
	}
	long := bytes.Repeat([]byte("The quick brown fox jumps over the lazy dog.\n"), 20)
	base := bytes.Repeat(ramp, 4)
	changed := append(bytes.Clone(base), "and more than the base"...)
	copy(changed[100:], "a change")
	all := []sample{
		{raw: ramp, entry: blob.Entry{Codec: blob.Raw}},
		{raw: long, entry: blob.Entry{Codec: blob.Zstd}},
		{raw: changed, base: base, entry: blob.Entry{Codec: blob.Delta, Base: blob.Sum(base)}},
		{raw: changed[:1000], base: base, entry: blob.Entry{Codec: blob.Delta, Base: blob.Sum(base)}},
		{raw: []byte{0}, entry: blob.Entry{Codec: blob.Raw}},
	}
	for i := range all {
		all[i].entry.ID, all[i].entry.Raw = blob.Sum(all[i].raw), uint32(len(all[i].raw))
	}
	return all
}

// writeGolden assembles the golden pack, with a nonce that is not random.
func writeGolden(t *testing.T) {
	t.Helper()
	c, f := NewCoder(), Footer{Nonce: Nonce{'g', 'o', 'l', 'd', 'e', 'n'}, Size: headerSize}
	file := header()
	for _, s := range goldenSamples() {
		stored, err := s.raw, error(nil)
		switch s.entry.Codec {
		case blob.Zstd:
			stored, _, err = c.Encode(nil, s.raw)
		case blob.Delta:
			stored, err = c.EncodeDelta(nil, s.raw, s.base, len(s.raw))
		}
		check(t, err)
		s.entry.Stored, s.entry.CRC = uint32(len(stored)), Checksum(stored)
		f.Entries = append(f.Entries, s.entry)
		file = append(file, stored...)
	}
	f.place()
	tail := f.AppendTail(nil)
	check(t, os.MkdirAll(filepath.Dir(golden), 0o755))
	check(t, os.WriteFile(golden, append(file, tail...), 0o644))
	t.Logf("goldenID = %q", blob.Sum(tail))
}

// A pack of version 1 is read forever.
func TestGoldenPackIsRead(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	file, err := os.ReadFile(golden)
	check(t, err)
	id, err := blob.ParseID(goldenID)
	check(t, err)
	dir, _ := newDir(t)
	check(t, os.WriteFile(dir.Path(id), file, 0o400))
	r := openPack(t, dir, id)
	tail, err := r.Tail()
	check(t, err)
	all := goldenSamples()
	if tail.Len() != len(all) {
		t.Fatalf("%d blobs, want %d", tail.Len(), len(all))
	}
	for i, s := range all {
		wantSample(t, r, tail.Entry(i), s)
	}
	if again := tail.Footer().AppendTail(nil); !bytes.Equal(again, tail.Bytes()) {
		t.Error("its footer is encoded otherwise now")
	}
}
