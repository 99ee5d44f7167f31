package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/warmstore/warmstore/internal/blob"
)

// byPath returns the entries of a tree, ends left out, each under its path.
func byPath(entries []Entry) map[string]Entry {
	paths := map[string]Entry{}
	var p Path
	for _, e := range entries {
		p.Step(&e)
		if e.Kind != End {
			paths[p.String()] = e
		}
	}
	return paths
}

// walk goes through the tree new with a cursor in another, and calls found with
// each path and what the cursor has there. Of the directories for which isLeft
// it does not look at the rest.
func walk(c *Cursor, tree []Entry, isLeft func(path string) bool, found func(path string, e *Entry)) {
	var p Path
	p.Step(&tree[0])
	left := -1 // the depth of the directory that is left, if one is
	depth := 0
	for _, e := range tree[1:] {
		p.Step(&e)
		switch {
		case e.Kind == End:
			if depth == left {
				left = -1
			}
			if left < 0 && depth > 0 {
				c.Leave()
			}
			depth--
		case left >= 0:
			if e.IsDir() {
				depth++
			}
		default:
			found(p.String(), c.Find(e.Name))
			if e.IsDir() {
				c.Enter()
				depth++
			}
			if isLeft(p.String()) {
				left = depth
			}
		}
	}
}

func newCursor(b []byte) *Cursor { return NewCursor(NewDecoder(bytes.NewReader(b))) }

// Few names, so that two trees have many in common, of other types too.
func fewNames() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "\xff"})
}

func TestCursorIsAMap(t *testing.T) {
	found, missed := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		older, newer := drawTree(t, fewNames()), drawTree(t, fewNames())
		b, err := encode(older)
		if err != nil {
			t.Fatal(err)
		}
		want := byPath(older)
		isLeft := func(string) bool { return rapid.IntRange(0, 9).Draw(t, "left") == 0 }
		c := newCursor(b)
		walk(c, newer, isLeft, func(path string, e *Entry) {
			switch old, ok := want[path]; {
			case e == nil && ok:
				t.Fatalf("%q is not found", path)
			case e == nil:
				missed++
			case !ok || !equal(*e, old):
				t.Fatalf("%q is found as %+v, want %+v", path, *e, old)
			default:
				found++
			}
		})
		if err := c.Err(); err != nil {
			t.Fatal(err)
		}
	})
	if found < 20 || missed < 20 {
		t.Errorf("%d entries found and %d not: that tests little", found, missed)
	}
}

func TestCursorFindsAllOfAnEqualTree(t *testing.T) {
	tree := sampleTree()
	c := newCursor(mustEncode(t, tree))
	want := byPath(tree)
	never := func(string) bool { return false }
	walk(c, tree, never, func(path string, e *Entry) {
		if e == nil || !equal(*e, want[path]) {
			t.Errorf("%q is found as %+v", path, e)
		}
	})
	check(t, c.Err())
}

func TestNilCursorFindsNothing(t *testing.T) {
	var c *Cursor
	never := func(string) bool { return false }
	walk(c, sampleTree(), never, func(path string, e *Entry) {
		if e != nil {
			t.Errorf("%q is found as %+v", path, e)
		}
	})
	check(t, c.Err())
}

// An old directory that the walk does not enter is passed, with all below it.
func TestCursorPassesWhatIsNotEntered(t *testing.T) {
	older := []Entry{
		directory(""), directory("a"), directory("b"), file("b"), end(), file("c"), end(), file("b"), directory("c"),
		file("d"), end(), file("d", chunk("d", 1)), end(),
	}
	c := newCursor(mustEncode(t, older))
	if e := c.Find("a"); e == nil || !e.IsDir() {
		t.Fatalf("a is %+v", e)
	}
	if e := c.Find("aa"); e != nil {
		t.Fatalf("aa is %+v", e)
	}
	if e := c.Find("d"); e == nil || e.Size != 1 {
		t.Fatalf("d is %+v", e)
	}
	if e := c.Find("e"); e != nil {
		t.Fatalf("e is %+v", e)
	}
	check(t, c.Err())
}

func TestCursorFindsNothingAfterDamage(t *testing.T) {
	tree := []Entry{directory("")}
	for _, name := range []string{"a", "b", "c", "d"} {
		tree = append(tree, directory(name), file("x", chunk(name, 1)), file("y", chunk(name, 2)), end())
	}
	tree = append(tree, end())
	whole, want := mustEncode(t, tree), byPath(tree)
	for n := range whole {
		wantPrefix(t, whole[:n], tree, want)
		wantPrefix(t, append(bytes.Clone(whole[:n]), bytes.Repeat([]byte{0xfe}, 200)...), tree, nil)
	}
}

// wantPrefix walks the tree with a cursor in a damaged manifest of it: up to
// the error all is found, and is as in want unless that is nil; then nothing.
func wantPrefix(t *testing.T, damaged []byte, tree []Entry, want map[string]Entry) {
	t.Helper()
	c := newCursor(damaged)
	never := func(string) bool { return false }
	walk(c, tree, never, func(path string, e *Entry) {
		if (e == nil) != (c.Err() != nil) {
			t.Fatalf("%d bytes: %q is found as %+v, and the error is %v", len(damaged), path, e, c.Err())
		}
		if e != nil && want != nil && !equal(*e, want[path]) {
			t.Fatalf("%d bytes: %q is found as %+v", len(damaged), path, *e)
		}
	})
	if err := c.Err(); err != nil {
		wantCorrupt(t, err)
	}
}

// A cursor keeps the error of its reader, and does not read again.
func TestCursorKeepsTheReadersError(t *testing.T) {
	cause := errors.New("a cause")
	b := mustEncode(t, sampleTree())
	c := NewCursor(NewDecoder(io.MultiReader(bytes.NewReader(b[:len(b)/3]), &failsOnce{cause}, bytes.NewReader(b))))
	for i := range 300 {
		c.Find(fmt.Sprintf("\xff%03d", i))
	}
	wantError(t, c.Err(), cause)
}

type failsOnce struct{ err error }

func (r *failsOnce) Read([]byte) (int, error) {
	if r.err == nil {
		return 0, io.EOF
	}
	err := r.err
	r.err = nil
	return 0, err
}

func TestCursorNeedsNoOrderBelowTheUnknown(t *testing.T) {
	older := []Entry{directory(""), directory("b"), file("x", chunk("x", 1)), end(), end()}
	c := newCursor(mustEncode(t, older))
	if c.Find("a") != nil {
		t.Fatal("a is found")
	}
	c.Enter() // a is a new directory, with a directory in it
	for _, name := range []string{"b", "x"} {
		if c.Find(name) != nil {
			t.Fatalf("%s is found below a", name)
		}
	}
	c.Enter()
	c.Leave()
	c.Leave()
	if c.Find("b") == nil {
		t.Fatal("b is not found")
	}
	c.Enter()
	e := c.Find("x")
	if e == nil || !slices.Equal(e.Pieces, []Piece{{ID: blob.Sum([]byte("x")), Length: 1}}) {
		t.Fatalf("b/x is %+v", e)
	}
	check(t, c.Err())
}
