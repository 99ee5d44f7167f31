package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/mutate"
)

// A forest draws valid trees.
type forest struct {
	t       *rapid.T
	names   *rapid.Generator[string]
	depth   int // of directories, at most
	groups  uint64
	entries []Entry
}

// weirdNames are all that Linux allows, most of it no text.
func weirdNames() *rapid.Generator[string] {
	raw := rapid.Map(rapid.SliceOfN(rapid.Byte(), 1, 255), func(b []byte) string {
		name := strings.NewReplacer("/", "\\", "\x00", "\x01").Replace(string(b))
		if name == "." || name == ".." {
			name += "x"
		}
		return name
	})
	return rapid.OneOf(rapid.StringMatching(`[a-c]{1,3}`), raw,
		rapid.SampledFrom([]string{"...", "-rf", " ", "\n", "\xff", "é", "e\u0301", strings.Repeat("\xfe", 255)}))
}

// drawTree returns the entries of a valid tree.
func drawTree(t *rapid.T, names *rapid.Generator[string]) []Entry {
	f := &forest{t: t, names: names, depth: 4}
	f.directory("", f.depth)
	return f.entries
}

func (f *forest) directory(name string, depth int) {
	e := Entry{Kind: Inode, Name: name, Meta: f.meta(fsx.Directory)}
	f.entries = append(f.entries, e)
	names := rapid.SliceOfNDistinct(f.names, 0, 6, rapid.ID).Draw(f.t, "names")
	slices.Sort(names)
	for _, name := range names {
		switch kind := rapid.IntRange(0, 9).Draw(f.t, "kind"); {
		case kind < 3 && depth > 0:
			f.directory(name, depth-1)
		case kind == 3 && f.groups > 0:
			group := rapid.Uint64Range(1, f.groups).Draw(f.t, "group")
			f.entries = append(f.entries, link(name, group))
		default:
			f.inode(name)
		}
	}
	f.entries = append(f.entries, end())
}

func (f *forest) inode(name string) {
	kind := rapid.SampledFrom([]fsx.Type{
		fsx.Regular, fsx.Regular, fsx.Symlink, fsx.FIFO, fsx.Socket, fsx.CharDevice, fsx.BlockDevice,
	}).Draw(f.t, "type")
	e := Entry{Kind: Inode, Name: name, Meta: f.meta(kind)}
	if rapid.IntRange(0, 3).Draw(f.t, "linked") == 0 {
		f.groups++
		e.Group = f.groups
	}
	if kind == fsx.Regular {
		f.content(&e)
	}
	f.entries = append(f.entries, e)
}

func (f *forest) meta(kind fsx.Type) fsx.Meta {
	m := fsx.Meta{
		Type: kind,
		Mode: rapid.Uint16Range(0, 0o7777).Draw(f.t, "mode"),
		UID:  rapid.Uint32().Draw(f.t, "uid"),
		GID:  rapid.Uint32().Draw(f.t, "gid"),
		ModTime: fsx.Time{
			Sec: rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{
				math.MinInt64, -1, 0, 1, 1 << 32, math.MaxInt64,
			})).Draw(f.t, "seconds"),
			Nsec: rapid.Uint32Range(0, 999_999_999).Draw(f.t, "nanoseconds"),
		},
	}
	switch kind {
	case fsx.Directory, fsx.Regular:
		m.Flags = rapid.Uint32().Draw(f.t, "flags") & keptFlags
	case fsx.Symlink:
		m.Target = strings.Repeat(f.names.Draw(f.t, "target"), rapid.IntRange(1, 16).Draw(f.t, "times"))
	case fsx.CharDevice, fsx.BlockDevice:
		m.Rdev = rapid.Uint64().Draw(f.t, "device")
	}
	names := rapid.SliceOfNDistinct(f.names, 0, 3, rapid.ID).Draw(f.t, "attributes")
	slices.Sort(names)
	for _, name := range names {
		value := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(f.t, "value")
		m.Xattrs = append(m.Xattrs, fsx.Xattr{Name: name, Value: value})
	}
	return m
}

func (f *forest) content(e *Entry) {
	for range rapid.IntRange(0, 5).Draw(f.t, "pieces") {
		p := Piece{Length: rapid.Int64Range(1, blob.MaxRaw).Draw(f.t, "length")}
		if rapid.Bool().Draw(f.t, "zeros") {
			p.Length = rapid.Int64Range(1, 1<<50).Draw(f.t, "zeros' length")
		} else {
			p.ID = blob.Sum([]byte{rapid.Byte().Draw(f.t, "chunk")})
		}
		e.Pieces = AppendPiece(e.Pieces, p)
		e.Size += p.Length
	}
	if e.Size == 0 {
		return
	}
	edges := rapid.SliceOfNDistinct(rapid.Int64Range(0, e.Size), 0, 6, rapid.ID).Draw(f.t, "edges of holes")
	slices.Sort(edges)
	for len(edges) >= 2 {
		e.Holes = append(e.Holes, fsx.Extent{Offset: edges[0], Length: edges[1] - edges[0]})
		edges = edges[2:]
	}
}

func TestRandomTreesSurvive(t *testing.T) {
	total := 0
	rapid.Check(t, func(t *rapid.T) {
		entries := drawTree(t, weirdNames())
		total += len(entries)
		b, err := encode(entries)
		if err != nil {
			t.Fatal(err)
		}
		back, err := decode(b)
		if err != nil || !slices.EqualFunc(back, entries, equal) {
			t.Fatalf("decodes to %+v: %v", back, err)
		}
		again, err := encode(back)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("encodes to other bytes: %v", err)
		}
	})
	if total < 500 {
		t.Errorf("%d entries: that tests little", total)
	}
}

// What is not refused is what an encoder writes.
func FuzzDecode(f *testing.F) {
	whole := mustEncode(f, sampleTree())
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(mustEncode(f, []Entry{directory(""), end()}))
	f.Add(mustEncode(f, []Entry{directory(""), file("a", chunk("a", 1), Piece{Length: 1}), end()}))
	f.Add(bytesOf(func(put func(Entry)) {
		for _, e := range []Entry{directory(""), file("b"), link("a", 1), file("a", Piece{}), end(), end()} {
			put(e)
		}
	}))
	f.Add([]byte(magic + "\x02"))
	f.Add(prefix(func(b []byte) []byte { return append(inodeFields(b, fsx.Regular), 0, 0, 0xff, 0xff, 0xff, 0x7f) }))
	// Buffers that are large enough are used as they are, again and again.
	in, again := bufio.NewReaderSize(nil, 1<<16), new(bytes.Buffer)
	out := bufio.NewWriterSize(nil, 1<<16)
	f.Fuzz(mutate.Often(func(t *testing.T, b []byte) {
		in.Reset(bytes.NewReader(b))
		again.Reset()
		out.Reset(again)
		n, err := recode(NewDecoder(in), NewEncoder(out))
		if err != nil {
			t.Fatalf("after %d entries: %v", n, err)
		}
		if n > 0 && !bytes.Equal(again.Bytes(), b) {
			t.Fatalf("%d bytes encode again to %d others", len(b), again.Len())
		}
	}))
}

// recode encodes all that is decoded, and returns how many entries those are: 0
// if the manifest was refused.
func recode(dec *Decoder, enc *Encoder) (n int, err error) {
	for {
		e, err := dec.Next()
		if errors.Is(err, io.EOF) {
			return n, enc.Close()
		}
		if err != nil {
			return 0, nil
		}
		if err := enc.Encode(e); err != nil {
			return n, err
		}
		n++
	}
}
