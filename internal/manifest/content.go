package manifest

import (
	"context"
	"errors"
	"io"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
)

// A Loader reads a chunk into dst, grown at need, and checks its hash.
type Loader interface {
	Chunk(dst []byte, id blob.ID) ([]byte, error)
}

// zeros is how many zero bytes are written at a time.
const zeros = 64 << 10 // bytes

// WriteContent writes to w what a file of these pieces holds in the ranges,
// which ascend and lie within it, without gaps between them. It needs memory for
// one chunk.
func WriteContent(ctx context.Context, w io.Writer, load Loader, pieces []Piece, ranges []fsx.Extent) error {
	c := &contentWriter{w: w, load: load}
	for _, p := range pieces {
		c.fresh = false
		end := c.offset + p.Length
		for len(ranges) > 0 && ranges[0].Offset < end {
			from, to := max(ranges[0].Offset, c.offset), ranges[0].Offset+ranges[0].Length
			if err := c.part(ctx, p, from-c.offset, min(to, end)-c.offset); err != nil {
				return err
			}
			if to > end {
				break // the next piece has the rest of it
			}
			ranges = ranges[1:]
		}
		c.offset = end
	}
	return nil
}

// A contentWriter writes parts of one piece after the other.
type contentWriter struct {
	w      io.Writer
	load   Loader
	offset int64  // of the piece in the file
	buf    []byte // what the latest chunk or run of zeros holds
	fresh  bool   // buf is that of this piece
}

// part writes the bytes of a piece between two offsets in it.
func (c *contentWriter) part(ctx context.Context, p Piece, from, to int64) error {
	if p.ID.IsZero() {
		return c.zeros(ctx, to-from)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if !c.fresh {
		var err error
		if c.buf, err = c.load.Chunk(c.buf, p.ID); err != nil {
			return err
		}
		if int64(len(c.buf)) != p.Length {
			return errors.New("a chunk has another length than the manifest says")
		}
		c.fresh = true
	}
	_, err := c.w.Write(c.buf[from:to])
	return err
}

func (c *contentWriter) zeros(ctx context.Context, n int64) error {
	buf := make([]byte, min(n, zeros))
	for n > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		written, err := c.w.Write(buf[:min(n, zeros)])
		if err != nil {
			return err
		}
		n -= int64(written)
	}
	return nil
}
