package manifest

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
)

// chunks is a Loader that counts.
type chunks struct {
	raw   map[blob.ID][]byte
	loads int
}

func (c *chunks) Chunk(dst []byte, id blob.ID) ([]byte, error) {
	c.loads++
	raw, ok := c.raw[id]
	if !ok {
		return nil, blob.ErrCorrupt
	}
	return append(dst[:0], raw...), nil
}

// TestWriteContent writes every pair of ranges of a file.
func TestWriteContent(t *testing.T) {
	load := &chunks{raw: map[blob.ID][]byte{}}
	var whole []byte
	var pieces []Piece
	for _, part := range []string{"abc", "\x00\x00\x00\x00", "de", "f", "\x00"} {
		p := Piece{Length: int64(len(part))}
		if part[0] != 0 {
			p.ID = blob.Sum([]byte(part))
			load.raw[p.ID] = []byte(part)
		}
		pieces = append(pieces, p)
		whole = append(whole, part...)
	}
	n := len(whole)
	extent := func(from, to int) fsx.Extent { return fsx.Extent{Offset: int64(from), Length: int64(to - from)} }
	for a := range n + 1 {
		for b := a; b <= n; b++ {
			for c := b; c <= n; c++ {
				ranges := []fsx.Extent{extent(a, b), extent(c, n)}
				var out bytes.Buffer
				if err := WriteContent(t.Context(), &out, load, pieces, ranges); err != nil {
					t.Fatal(err)
				}
				if want := string(whole[a:b]) + string(whole[c:]); out.String() != want {
					t.Fatalf("ranges %v are %q, want %q", ranges, out.String(), want)
				}
			}
		}
	}
	load.loads = 0
	twice := []fsx.Extent{extent(0, 1), extent(2, 3)}
	if err := WriteContent(t.Context(), new(bytes.Buffer), load, pieces, twice); err != nil || load.loads != 1 {
		t.Errorf("two ranges of one chunk: %v, %d loads", err, load.loads)
	}
}

// TestWriteContentFails shows that no error is lost.
func TestWriteContentFails(t *testing.T) {
	id := blob.Sum([]byte("abc"))
	load := &chunks{raw: map[blob.ID][]byte{id: []byte("abc")}}
	all := []fsx.Extent{{Length: 4}}
	for name, pieces := range map[string][]Piece{
		"missing": {{ID: blob.Sum([]byte("x")), Length: 4}},
		"short":   {{ID: id, Length: 4}},
	} {
		if err := WriteContent(t.Context(), new(bytes.Buffer), load, pieces, all); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, p := range []Piece{{ID: id, Length: 3}, {Length: 1 << 60}} {
		err := WriteContent(ctx, new(bytes.Buffer), load, []Piece{p}, []fsx.Extent{{Length: p.Length}})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
}
