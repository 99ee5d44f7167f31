package restore

import (
	"bytes"
	"io"
	"os"
	"sync"

	"github.com/warmstore/warmstore/internal/fsx"
)

// block is the unit in which a differing chunk is written: the page of the
// kernel's cache, which is what reaches the disk.
const block = 4 << 10 // bytes

// buffers is what restoring a span needs. They belong to one goroutine at a
// time.
type buffers struct {
	live    []byte // what a file holds
	want    []byte // what it should
	differs bool   // something in the span does
}

// spare keeps buffers between uses.
type spare struct{ pool sync.Pool }

func (s *spare) take() *buffers {
	if b, ok := s.pool.Get().(*buffers); ok {
		return b
	}
	return new(buffers)
}

func (s *spare) give(b *buffers) { s.pool.Put(b) }

// read fills live with n bytes of f. What is beyond the end reads as zeros:
// someone else cut the file short, and gets it back as it should be.
func (b *buffers) read(f io.ReaderAt, offset, n int64) error {
	if int64(cap(b.live)) < n {
		b.live = make([]byte, n)
	}
	b.live = b.live[:n]
	got, err := f.ReadAt(b.live, offset)
	if err == io.EOF {
		clear(b.live[got:])
		return nil
	}
	return err
}

// run4K returns the end of the run of blocks from start on that all differ
// between live and want, or all do not. Both have the same length.
func run4K(live, want []byte, start int) (end int, differs bool) {
	for end = start; end < len(want); {
		next := min(end+block, len(want))
		d := !bytes.Equal(live[end:next], want[end:next])
		if end > start && d != differs {
			break
		}
		end, differs = next, d
	}
	return end, differs
}

func allZero(b []byte) bool {
	return len(b) == 0 || b[0] == 0 && bytes.Equal(b[1:], b[:len(b)-1])
}

// dataIn returns the parts of a range of f that are not in holes.
func dataIn(f *os.File, offset, length int64) ([]fsx.Extent, error) {
	holes, err := fsx.HolesIn(f, fsx.Extent{Offset: offset, Length: length})
	if err != nil {
		return nil, err
	}
	return fsx.Subtract([]fsx.Extent{{Offset: offset, Length: length}}, holes), nil
}
