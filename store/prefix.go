package store

import (
	"context"
	"sync/atomic"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/manifest"
)

// prefix reads the beginning of a file as far as it is what it was, and returns where
// that ends. Where a chunk is cut depends on its bytes alone, so that the same bytes
// need not be searched for cuts again, and all workers read the spans of it.
func (c *content) prefix(ctx context.Context) (end int64, err error) {
	var changed atomic.Bool
	for pieces := c.recurring(); len(pieces) > 0 && !changed.Load(); {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, length := leading(pieces, spanSize)
		s, was := &span{offset: end, length: length}, pieces[:n]
		c.spans = append(c.spans, s)
		c.share(func() {
			if s.err = c.recur(s, was); s.length < length {
				changed.Store(true)
			}
		})
		pieces = pieces[n:]
		end += length
	}
	c.wait.Wait()
	return c.unchanged(), nil
}

// recurring returns the pieces that the file may begin with again: those of before
// that a cut ended. Zeros, whose cuts are not recorded, are beyond them.
func (c *content) recurring() []manifest.Piece {
	pieces := c.line.pieces
	var end int64
	for i, p := range pieces {
		end += p.Length
		cut := i < len(pieces)-1 || end == c.size
		if p.ID.IsZero() || end > c.size || !cut {
			return pieces[:i]
		}
	}
	return pieces
}

// leading returns how many pieces are together as long as limit at the most, and how
// long that is. It is one piece at the least.
func leading(pieces []manifest.Piece, limit int64) (n int, length int64) {
	for _, p := range pieces {
		if n > 0 && length+p.Length > limit {
			break
		}
		n++
		length += p.Length
	}
	return n, length
}

// recur reads a span and shortens it to the pieces that are what they were. The first
// is cut again, which finds out a file that was cut in another way.
func (c *content) recur(s *span, was []manifest.Piece) error {
	l := c.walk.run.lane()
	defer c.walk.run.free(l)
	data := l.buffer(int(s.length))
	s.length = 0
	if err := c.readAt(data, s.offset); err != nil {
		return err
	}
	if c.cutter.Cut(data, s.offset+int64(len(data)) == c.size) != int(was[0].Length) {
		return nil
	}
	for _, p := range was {
		if blob.Sum(data[:p.Length]) != p.ID {
			break
		}
		data = data[p.Length:]
		s.length += p.Length
		s.pieces = append(s.pieces, p)
	}
	c.walk.run.recurred(s)
	return nil
}

// unchanged drops the spans after the first one in which something is not what it
// was, and returns where those before end.
func (c *content) unchanged() (end int64) {
	for i, s := range c.spans {
		if s.err != nil || s.offset != end {
			c.spans = c.spans[:i]
			break
		}
		end += s.length
	}
	return end
}

// recurred counts a span that is what it was.
func (run *session) recurred(s *span) {
	run.counters.read.Add(s.length)
	run.counters.reused.Add(int64(len(s.pieces)))
	run.progress(0, s.length)
}
