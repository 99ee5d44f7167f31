package manifest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
)

// wantRefused holds that neither Encoder nor Decoder takes the entries.
func wantRefused(t *testing.T, name string, entries ...Entry) {
	t.Helper()
	if _, err := encode(entries); !errors.Is(err, ErrCorrupt) {
		t.Errorf("%s: encoding says %v", name, err)
	}
	wantRefusedBytes(t, name, bytesOf(func(put func(Entry)) {
		for _, e := range entries {
			put(e)
		}
	}))
}

func wantRefusedBytes(t *testing.T, name string, b []byte) {
	t.Helper()
	if _, err := decode(b); !errors.Is(err, ErrCorrupt) || errors.Is(err, ErrVersion) {
		t.Errorf("%s: decoding says %v", name, err)
	}
}

func TestNamesHoldToTheRules(t *testing.T) {
	for _, name := range []string{
		"", ".", "..", "/", "a/b", "a/", "/a", "\x00", "a\x00", strings.Repeat("x", 256),
	} {
		wantRefused(t, "file "+name, directory(""), file(name), end())
		wantRefused(t, "directory "+name, directory(""), directory(name), end(), end())
		first := file("#")
		first.Group = 1
		wantRefused(t, "link "+name, directory(""), first, link(name, 1), end())
	}
	for _, names := range [][2]string{{"b", "a"}, {"a", "a"}, {"a", "B"}, {"ab", "a"}, {"\xff", "\x01"}} {
		wantRefused(t, names[1]+" after "+names[0], directory(""), file(names[0]), file(names[1]), end())
		wantRefused(t, names[1]+" after directory "+names[0],
			directory(""), directory(names[0]), end(), file(names[1]), end())
	}
	for _, name := range []string{"...", "..a", " ", "\xff", "\n", strings.Repeat("x", 255)} {
		mustEncode(t, []Entry{directory(""), file(name), end()})
	}
}

func TestTreesHoldToTheRules(t *testing.T) {
	grouped := func(e Entry, group uint64) Entry {
		e.Group = group
		return e
	}
	for _, tt := range []struct {
		name    string
		entries []Entry
	}{
		{"named root", []Entry{directory("x"), end()}},
		{"root is a file", []Entry{file("")}},
		{"root is a link", []Entry{link("", 1)}},
		{"begins with an end", []Entry{end()}},
		{"no end", []Entry{directory("")}},
		{"one end too few", []Entry{directory(""), directory("a"), end()}},
		{"end after the end", []Entry{directory(""), end(), end()}},
		{"file after the end", []Entry{directory(""), end(), file("a")}},
		{"directory after the end", []Entry{directory(""), end(), directory("a"), end()}},
		{"link to group 0", []Entry{directory(""), link("a", 0), end()}},
		{"link to nothing", []Entry{directory(""), link("a", 1), end()}},
		{"link beyond", []Entry{directory(""), grouped(file("a"), 1), link("b", 2), end()}},
		{"link before its inode", []Entry{directory(""), link("a", 1), grouped(file("b"), 1), end()}},
		{"group 2 first", []Entry{directory(""), grouped(file("a"), 2), end()}},
		{"group 1 twice", []Entry{directory(""), grouped(file("a"), 1), grouped(file("b"), 1), end()}},
		{"groups not in order", []Entry{directory(""), grouped(file("a"), 1), grouped(file("b"), 3), end()}},
	} {
		wantRefused(t, tt.name, tt.entries...)
	}
	if _, err := encode([]Entry{directory(""), grouped(directory("a"), 1), end(), end()}); err == nil {
		t.Error("a directory in a link group is encoded")
	}
	if _, err := encode([]Entry{directory(""), {Name: "a"}, end()}); err == nil {
		t.Error("an entry of kind 0 is encoded")
	}
}

func TestTooDeepIsRefused(t *testing.T) {
	enc, root := NewEncoder(io.Discard), directory("")
	check(t, enc.Encode(&root))
	deeper := directory("d")
	for range maxDepth - 1 {
		check(t, enc.Encode(&deeper))
	}
	wantCorrupt(t, enc.Encode(&deeper))
	b := bytesOf(func(put func(Entry)) {
		put(root)
		for range maxDepth {
			put(deeper)
		}
	})
	n, err := countEntries(bytes.NewReader(b))
	wantCorrupt(t, err)
	if n != maxDepth {
		t.Errorf("%d directories pass", n)
	}
}

func TestMetadataHoldsToTheRules(t *testing.T) {
	node := func(m fsx.Meta) Entry { return Entry{Kind: Inode, Name: "a", Meta: m} }
	attributes := func(names ...string) (xattrs []fsx.Xattr) {
		for _, name := range names {
			xattrs = append(xattrs, fsx.Xattr{Name: name})
		}
		return xattrs
	}
	for name, m := range map[string]fsx.Meta{
		"type 0":          {},
		"type 8":          {Type: 8},
		"type of a link":  {Type: 18},
		"mode":            {Type: fsx.FIFO, Mode: 0o10000},
		"largest mode":    {Type: fsx.FIFO, Mode: 0xffff},
		"flags of a pipe": {Type: fsx.FIFO, Flags: fsx.FlagAppend},
		"unknown flags":   {Type: fsx.Directory, Flags: fsx.FlagAppend | 1<<31},
		"nanoseconds":     {Type: fsx.FIFO, ModTime: fsx.Time{Nsec: 1e9}},
		"empty target":    {Type: fsx.Symlink},
		"target with NUL": {Type: fsx.Symlink, Target: "a\x00b"},
		"long target":     {Type: fsx.Symlink, Target: strings.Repeat("x", 4096)},
		"xattrs unsorted": {Type: fsx.FIFO, Xattrs: attributes("user.b", "user.a")},
		"xattr twice":     {Type: fsx.FIFO, Xattrs: attributes("user.a", "user.a")},
		"xattr unnamed":   {Type: fsx.FIFO, Xattrs: attributes("")},
		"xattr with NUL":  {Type: fsx.FIFO, Xattrs: attributes("user.\x00")},
		"long xattr":      {Type: fsx.FIFO, Xattrs: attributes(strings.Repeat("x", 256))},
	} {
		wantRefused(t, name, directory(""), node(m), end())
	}
}

func TestContentHoldsToTheRules(t *testing.T) {
	content := func(size int64, holes []fsx.Extent, pieces ...Piece) Entry {
		e := file("a", pieces...)
		e.Size, e.Holes = size, holes
		return e
	}
	zeros := Piece{Length: 50}
	hole := func(numbers ...int64) (holes []fsx.Extent) {
		for pair := range slices.Chunk(numbers, 2) {
			holes = append(holes, fsx.Extent{Offset: pair[0], Length: pair[1]})
		}
		return holes
	}
	for name, e := range map[string]Entry{
		"negative size":         content(-1, nil),
		"negative size, zeros":  content(-50, nil, Piece{Length: -50}),
		"size without content":  content(1, nil),
		"content without size":  content(0, nil, chunk("a", 1)),
		"too little":            content(51, nil, zeros),
		"too much":              content(49, nil, zeros),
		"too much of two":       content(60, nil, zeros, chunk("a", 11)),
		"empty chunk":           content(50, nil, zeros, chunk("a", 0)),
		"empty zeros":           content(0, nil, Piece{}),
		"negative piece":        content(50, nil, chunk("a", 60), Piece{Length: -10}),
		"lengths that overflow": content(50, nil, Piece{Length: 1<<63 - 1}, chunk("a", 100)),
		"adjacent zeros":        content(100, nil, zeros, zeros),
		"above MaxRaw":          content(blob.MaxRaw+1, nil, chunk("a", blob.MaxRaw+1)),
		"hole outside":          content(50, hole(50, 1), zeros),
		"hole far outside":      content(50, hole(1<<40, 1), zeros),
		"hole across the end":   content(50, hole(49, 2), zeros),
		"huge hole":             content(50, hole(1, 1<<63-1), zeros),
		"empty hole":            content(50, hole(10, 0), zeros),
		"negative hole":         content(50, hole(10, -5), zeros),
		"hole before the start": content(50, hole(-1, 10), zeros),
		"holes that touch":      content(50, hole(0, 10, 10, 10), zeros),
		"holes that overlap":    content(50, hole(0, 10, 5, 10), zeros),
		"holes not in order":    content(50, hole(20, 10, 0, 10), zeros),
		"hole in an empty file": content(0, hole(0, 1)),
	} {
		wantRefused(t, name, directory(""), e, end())
	}
}

func TestOtherEncodingsAreRefused(t *testing.T) {
	whole := mustEncode(t, sampleTree())
	for n := range whole {
		wantRefusedBytes(t, "cut", whole[:n])
	}
	for name, more := range map[string][]byte{"zero": {0}, "end": {byteEnd}, "again": whole} {
		wantRefusedBytes(t, name+" after the end", slices.Concat(whole, more))
	}
	root := func(mode ...byte) []byte {
		b := slices.Concat([]byte(magic), []byte{version, byte(fsx.Directory), 0}, mode)
		return append(b, 0, 0, 0, 0, 0, 0, byteEnd)
	}
	_, err := decode(root(0x80, 0x01))
	check(t, err)
	for name, b := range map[string][]byte{
		"wrong magic":                slices.Concat([]byte("WARMTREF"), whole[8:]),
		"lower case magic":           slices.Concat([]byte("warmtree"), whole[8:]),
		"version 0":                  slices.Concat(whole[:8], []byte{0}, whole[9:]),
		"version 1 in two bytes":     slices.Concat(whole[:8], []byte{0x81, 0}, whole[9:]),
		"number in two bytes":        root(0x81, 0x00),
		"number in ten bytes":        root(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00),
		"number in eleven bytes":     root(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01),
		"number of 65 bits":          root(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02),
		"number that only continues": root(bytes.Repeat([]byte{0xff}, 100)...),
	} {
		wantRefusedBytes(t, name, b)
	}
	zero := bytesOf(func(put func(Entry)) { put(directory("")) })
	zero = append(inodeFields(zero, fsx.Regular), 0, 0, 1, 0, 1, 2)
	wantRefusedBytes(t, "chunk without an ID", append(zero, append(make([]byte, 32), byteEnd)...))
}

func TestNewerVersionIsNoDamage(t *testing.T) {
	for _, version := range []uint64{2, 127, 128, 1<<64 - 1} {
		b := binary.AppendUvarint([]byte(magic), version)
		for _, rest := range [][]byte{nil, {0}, []byte("of another format")} {
			_, err := decode(append(b, rest...))
			wantError(t, err, ErrVersion)
			wantError(t, err, blob.ErrVersion)
			if errors.Is(err, blob.ErrCorrupt) {
				t.Errorf("version %d is damage: %v", version, err)
			}
		}
	}
}

// An error of the reader is no damage, wherever it comes.
func TestErrorOfTheReaderIsPassedOn(t *testing.T) {
	b, cause := mustEncode(t, sampleTree()), errors.New("a cause")
	for n := range len(b) + 1 {
		_, err := countEntries(io.MultiReader(bytes.NewReader(b[:n]), iotest.ErrReader(cause)))
		if !errors.Is(err, cause) || errors.Is(err, ErrCorrupt) {
			t.Errorf("an error after %d of %d bytes becomes %v", n, len(b), err)
		}
	}
}

func TestErrorOfTheWriterIsPassedOn(t *testing.T) {
	cause := errors.New("a cause")
	enc := NewEncoder(failingWriter{cause})
	for _, e := range sampleTree() {
		check(t, enc.Encode(&e))
	}
	wantError(t, enc.Close(), cause)
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestDecoderStaysAtItsError(t *testing.T) {
	b := mustEncode(t, sampleTree())
	dec := NewDecoder(bytes.NewReader(b[:len(b)/2]))
	var first error
	for first == nil {
		_, first = dec.Next()
	}
	for range 3 {
		if e, err := dec.Next(); err != first || e != nil {
			t.Errorf("%v after %v", err, first)
		}
	}
}

// What follows a refusal: no manifest that looks complete, and none that
// cannot be decoded.
func TestEncoderWritesNothingWrongAfterARefusal(t *testing.T) {
	bad := file("a")
	bad.Group, bad.Size = 1, 1
	for name, entries := range map[string][]Entry{
		"root":            {file("x")},
		"root's mode":     {{Kind: Inode, Meta: fsx.Meta{Type: fsx.Directory, Mode: 0o10000}}},
		"first of a link": {directory(""), bad, link("b", 1), end()},
	} {
		var out bytes.Buffer
		enc := NewEncoder(&out)
		for _, e := range entries {
			_ = enc.Encode(&e) // that some are refused is known
		}
		if err := enc.Close(); err != nil {
			continue
		}
		if _, err := decode(out.Bytes()); err != nil {
			t.Errorf("%s refused: Close writes %d bytes, of which decoding says %v", name, out.Len(), err)
		}
	}
}
