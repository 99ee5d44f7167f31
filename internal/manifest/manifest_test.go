package manifest

import (
	"bytes"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

// wantCorrupt also holds that damage is never called a newer version.
func wantCorrupt(t testing.TB, err error) {
	t.Helper()
	wantError(t, err, ErrCorrupt)
	wantError(t, err, blob.ErrCorrupt)
	if errors.Is(err, ErrVersion) {
		t.Fatalf("error %v is ErrVersion too", err)
	}
}

// allocated returns the bytes that f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// encode returns the manifest of the entries, and the first error.
func encode(entries []Entry) ([]byte, error) {
	var b bytes.Buffer
	enc := NewEncoder(&b)
	for _, e := range entries {
		if err := enc.Encode(&e); err != nil {
			return nil, err
		}
	}
	if err := enc.Close(); err != nil {
		return nil, err
	}
	if enc.Size() != int64(b.Len()) {
		return nil, errors.New("the encoder counts other bytes than it writes")
	}
	return b.Bytes(), nil
}

func mustEncode(t testing.TB, entries []Entry) []byte {
	t.Helper()
	b, err := encode(entries)
	check(t, err)
	return b
}

// decode returns copies of the entries that b is the manifest of, up to the
// first error.
func decode(b []byte) (entries []Entry, err error) {
	dec := NewDecoder(bytes.NewReader(b))
	for {
		e, err := dec.Next()
		if errors.Is(err, io.EOF) {
			return entries, nil
		}
		if err != nil {
			return entries, err
		}
		entries = append(entries, clone(e))
	}
}

func clone(e *Entry) Entry {
	c := *e
	c.Holes, c.Pieces = slices.Clone(e.Holes), slices.Clone(e.Pieces)
	return c
}

func equal(a, b Entry) bool {
	return a.Kind == b.Kind && a.Name == b.Name && a.Group == b.Group && a.Meta.Equal(b.Meta) &&
		a.Size == b.Size && slices.Equal(a.Holes, b.Holes) && slices.Equal(a.Pieces, b.Pieces)
}

func directory(name string) Entry {
	return Entry{Kind: Inode, Name: name, Meta: fsx.Meta{Type: fsx.Directory, Mode: 0o755}}
}

func file(name string, pieces ...Piece) Entry {
	e := Entry{Kind: Inode, Name: name, Meta: fsx.Meta{Type: fsx.Regular, Mode: 0o644}, Pieces: pieces}
	for _, p := range pieces {
		e.Size += p.Length
	}
	return e
}

func link(name string, group uint64) Entry { return Entry{Kind: Link, Name: name, Group: group} }

func chunk(name string, length int64) Piece {
	return Piece{ID: blob.Sum([]byte(name)), Length: length}
}

func end() Entry { return Entry{Kind: End} }

// sampleTree has an entry of every kind and type, and every field in use.
func sampleTree() []Entry {
	sparse := file("sparse", chunk("a", 4096), Piece{Length: 1 << 40}, chunk("b", blob.MaxRaw), chunk("a", 1))
	sparse.Holes = []fsx.Extent{{Offset: 4096, Length: 1 << 30}, {Offset: 1 << 39, Length: 1 << 39}}
	holes := file("only a hole", Piece{Length: math.MaxInt64})
	holes.Holes = []fsx.Extent{{Offset: 0, Length: math.MaxInt64}}
	linked := file("linked", chunk("c", 7))
	linked.Group = 1
	linked.Meta.Flags = fsx.FlagImmutable | fsx.FlagAppend | fsx.FlagNoDump
	linked.Meta.Xattrs = []fsx.Xattr{{Name: "security.capability", Value: []byte{1, 0, 0, 2}}, {Name: "user.empty"}}
	node := func(name string, m fsx.Meta) Entry { return Entry{Kind: Inode, Name: name, Meta: m} }
	pipe := node("pipe", fsx.Meta{Type: fsx.FIFO, ModTime: fsx.Time{Sec: math.MinInt64, Nsec: 999_999_999}})
	pipe.Group = 2
	root := directory("")
	root.Meta.UID, root.Meta.GID, root.Meta.Mode = math.MaxUint32, math.MaxUint32, 0o7777
	return []Entry{
		root,
		directory("\x01\xff invalid \n"), directory("empty"), end(), end(),
		node("block", fsx.Meta{Type: fsx.BlockDevice, Rdev: math.MaxUint64}),
		node("char", fsx.Meta{Type: fsx.CharDevice, Rdev: 0x105}),
		directory("dir"), linked, holes, pipe, sparse, end(),
		file("empty"), link("link", 1), link("link to the pipe", 2),
		node("socket", fsx.Meta{Type: fsx.Socket, ModTime: fsx.Time{Sec: math.MaxInt64}}),
		node("symlink", fsx.Meta{Type: fsx.Symlink, Mode: 0o777, Target: "../\xff//x"}),
		file(strings.Repeat("z", 255), chunk("d", 1)),
		end(),
	}
}

func TestEntriesSurvive(t *testing.T) {
	entries := sampleTree()
	b := mustEncode(t, entries)
	back, err := decode(b)
	check(t, err)
	if !slices.EqualFunc(back, entries, equal) {
		t.Fatalf("decodes to %+v", back)
	}
	if again := mustEncode(t, back); !bytes.Equal(again, b) {
		t.Error("encodes to other bytes")
	}
}

// Readers may return few bytes at a time.
func TestDecoderReadsByBytes(t *testing.T) {
	b := mustEncode(t, sampleTree())
	dec := NewDecoder(iotest.OneByteReader(bytes.NewReader(b)))
	for range sampleTree() {
		_, err := dec.Next()
		check(t, err)
	}
	for range 3 {
		_, err := dec.Next()
		wantError(t, err, io.EOF)
	}
}

func TestFilesAreNumbered(t *testing.T) {
	entries := []Entry{
		directory(""), file("a"), link("b", 1), directory("c"), file("a"), end(), file("d"), end(),
	}
	entries[1].Group = 1
	b := mustEncode(t, entries)
	for _, round := range []string{"decoded", "encoded again"} {
		entries, err := decode(b)
		check(t, err)
		n := int64(0)
		for _, e := range entries {
			if e.IsFile() {
				if e.Number != n {
					t.Errorf("%s: %q has number %d, want %d", round, e.Name, e.Number, n)
				}
				n++
			}
		}
		if n != 3 {
			t.Errorf("%d files", n)
		}
	}
}

func TestPathFollows(t *testing.T) {
	// An end goes back to the directory above.
	want := []string{".", "a", "a/b", "a/b/c", "a", "a/d", ".", "e", "."}
	entries := []Entry{
		directory(""), directory("a"), directory("b"), file("c"), end(), file("d"), end(), link("e", 1), end(),
	}
	entries[3].Group = 1
	decoded, err := decode(mustEncode(t, entries))
	check(t, err)
	var p Path
	if p.String() != "." {
		t.Errorf("before the root is %q", &p)
	}
	for i, e := range decoded {
		p.Step(&e)
		if p.String() != want[i] {
			t.Errorf("entry %d is at %q, want %q", i, &p, want[i])
		}
	}
}

func TestAppendPieceJoinsZeros(t *testing.T) {
	var pieces []Piece
	for _, p := range []Piece{{Length: 1}, {Length: 2}, chunk("a", 3), chunk("a", 3), {Length: 4}, {Length: 5}} {
		pieces = AppendPiece(pieces, p)
	}
	want := []Piece{{Length: 3}, chunk("a", 3), chunk("a", 3), {Length: 9}}
	if !slices.Equal(pieces, want) {
		t.Errorf("pieces are %v, want %v", pieces, want)
	}
}

func TestChunksAreInOrder(t *testing.T) {
	var want []blob.ID
	entries := sampleTree()
	for _, e := range entries {
		for _, p := range e.Pieces {
			if !p.ID.IsZero() {
				want = append(want, p.ID)
			}
		}
	}
	b := mustEncode(t, entries)
	var got []blob.ID
	for id, err := range Chunks(bytes.NewReader(b)) {
		check(t, err)
		got = append(got, id)
	}
	if !slices.Equal(got, want) || len(want) < 4 {
		t.Errorf("chunks are %v, want %v", got, want)
	}
	for range Chunks(bytes.NewReader(b)) {
		break
	}
}

// Before the error, no chunk that is not there.
func TestChunksEndWithDamage(t *testing.T) {
	b := mustEncode(t, []Entry{directory(""), file("a", chunk("a", 1), chunk("b", 1)), end()})
	for n := range b {
		errs := 0
		for id, err := range Chunks(bytes.NewReader(b[:n])) {
			if err != nil {
				wantCorrupt(t, err)
				errs++
			} else if id != blob.Sum([]byte("a")) && id != blob.Sum([]byte("b")) {
				t.Fatalf("cut to %d bytes: chunk %s", n, id)
			}
		}
		if errs != 1 {
			t.Fatalf("cut to %d bytes: %d errors", n, errs)
		}
	}
}

// A tree deeper than any path is long.
func TestDeepTreeDecodes(t *testing.T) {
	const depth = 3000
	var entries []Entry
	for i := range depth {
		entries = append(entries, directory(strings.Repeat("d", min(i, 1))))
	}
	for range depth {
		entries = append(entries, end())
	}
	back, err := decode(mustEncode(t, entries))
	check(t, err)
	if len(back) != 2*depth {
		t.Errorf("%d entries", len(back))
	}
}
