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

// A golden is a pack that a former program may have written; how a later encoder
// would store its blobs does not matter.
type golden struct {
	path, id string
	samples  []sample
}

func goldens() []golden {
	samples := goldenSamples()
	return []golden{
		{"testdata/v1/golden.pack", "2a6cbed6822f30bdbb97897d806e82eaa923c6de7dce3ac0ad8fbd8f593c1528", samples[:5]},
		{"testdata/v1/patch.pack", "f378f1eecd210563597e69299880043ef12d3dbf5ca93a1838b6daca2dfb9b0e", samples[4:]},
	}
}

func goldenSamples() []sample {
	ramp := make([]byte, 256)
	for i := range ramp {
		ramp[i] = byte(i)
	}
	long := bytes.Repeat([]byte("The quick brown fox jumps over the lazy dog.\n"), 20)
	base := bytes.Repeat(ramp, 4)
	changed := append(bytes.Clone(base), "and more than the base"...)
	copy(changed[100:], "a change")
	moved := append([]byte("Moved. "), changed...)
	all := []sample{
		{raw: ramp, entry: blob.Entry{Codec: blob.Raw}},
		{raw: long, entry: blob.Entry{Codec: blob.Zstd}},
		{raw: changed, base: base, entry: blob.Entry{Codec: blob.XOR, Base: blob.Sum(base)}},
		{raw: changed[:1000], base: base, entry: blob.Entry{Codec: blob.XOR, Base: blob.Sum(base)}},
		{raw: []byte{0}, entry: blob.Entry{Codec: blob.Raw}},
		{raw: moved, base: base, entry: blob.Entry{Codec: blob.Patch, Base: blob.Sum(base)}},
	}
	for i := range all {
		all[i].entry.ID, all[i].entry.Raw = blob.Sum(all[i].raw), uint32(len(all[i].raw))
	}
	return all
}

// write assembles the pack, with a nonce that is not random.
func (g golden) write(t *testing.T) {
	t.Helper()
	c, f := NewCoder(), Footer{Nonce: Nonce{'g', 'o', 'l', 'd', 'e', 'n'}, Size: headerSize}
	file := header()
	for _, s := range g.samples {
		stored, err := s.raw, error(nil)
		switch s.entry.Codec {
		case blob.Zstd:
			stored, _, err = c.Encode(nil, s.raw)
		case blob.XOR:
			stored, err = c.EncodeXOR(nil, s.raw, s.base, len(s.raw))
		case blob.Patch:
			stored, err = c.EncodePatch(nil, s.raw, s.base, len(s.raw))
		}
		check(t, err)
		s.entry.Stored, s.entry.CRC = uint32(len(stored)), Checksum(stored)
		f.Entries = append(f.Entries, s.entry)
		file = append(file, stored...)
	}
	f.place()
	tail := f.AppendTail(nil)
	check(t, os.MkdirAll(filepath.Dir(g.path), 0o755))
	check(t, os.WriteFile(g.path, append(file, tail...), 0o644))
	t.Logf("%s: %s", g.path, blob.Sum(tail))
}

// A pack of version 1 is read forever.
func TestGoldenPacksAreRead(t *testing.T) {
	for _, g := range goldens() {
		if *update {
			g.write(t)
		}
		file, err := os.ReadFile(g.path)
		check(t, err)
		id, err := blob.ParseID(g.id)
		check(t, err)
		dir, _ := newDir(t)
		check(t, os.WriteFile(dir.Path(id), file, 0o400))
		r := openPack(t, dir, id)
		tail, err := r.Tail()
		check(t, err)
		if tail.Len() != len(g.samples) {
			t.Fatalf("%s: %d blobs, want %d", g.path, tail.Len(), len(g.samples))
		}
		for i, s := range g.samples {
			wantSample(t, r, tail.Entry(i), s)
		}
		if again := tail.Footer().AppendTail(nil); !bytes.Equal(again, tail.Bytes()) {
			t.Errorf("%s: its footer is encoded otherwise now", g.path)
		}
	}
}
