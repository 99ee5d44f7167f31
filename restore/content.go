package restore

import (
	"context"
	"errors"
	"os"
	"sync"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/crew"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
)

// spanSize is about what one worker compares of a file at a time.
const spanSize = 1 << 20 // bytes

// A content is what a regular file holds, and is compared with what it should.
// What differs goes to write and zero, which several workers may call at a time.
type content struct {
	run   *run
	files *crew.Crew // whose workers take spans
	live  *os.File   // nil: there is nothing to compare with, and it reads as zeros
	write func(data []byte, offset int64) error
	zero  func(fsx.Extent) error
	// wrote is called after a whole span in which something differed, if set.
	wrote func(fsx.Extent) error

	wait sync.WaitGroup
	mu   sync.Mutex
	err  error // the first one of a span
}

// compare compares all pieces, in spans, by other workers where some are free.
func (c *content) compare(ctx context.Context, pieces []manifest.Piece) error {
	var offset, from int64
	start := 0
	for i, p := range pieces {
		offset += p.Length
		if offset-from < spanSize && i < len(pieces)-1 {
			continue
		}
		c.share(ctx, from, pieces[start:i+1])
		from, start = offset, i+1
	}
	c.wait.Wait()
	return c.err
}

func (c *content) share(ctx context.Context, offset int64, pieces []manifest.Piece) {
	c.wait.Add(1)
	task := func() error {
		defer c.wait.Done()
		if err := c.span(ctx, offset, pieces); err != nil {
			c.fail(err)
		}
		return nil
	}
	if !c.files.TryGo(task) {
		task()
	}
}

func (c *content) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
}

// span compares one span, and says so if something in it was written.
func (c *content) span(ctx context.Context, offset int64, pieces []manifest.Piece) error {
	b := c.run.spare.take()
	defer c.run.spare.give(b)
	b.differs = false
	end := offset
	for _, p := range pieces {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := c.piece(b, end, p); err != nil {
			return err
		}
		end += p.Length
	}
	if c.wrote == nil || !b.differs || end-offset < spanSize {
		return nil
	}
	return c.wrote(fsx.Extent{Offset: offset, Length: end - offset})
}

func (c *content) piece(b *buffers, offset int64, p manifest.Piece) (err error) {
	if p.ID.IsZero() {
		err = c.zeros(b, offset, p.Length)
	} else {
		err = c.chunk(b, offset, p)
	}
	if err == nil {
		c.run.progress(0, p.Length)
	}
	return err
}

// chunk has a chunk written where it differs from what is there.
func (c *content) chunk(b *buffers, offset int64, p manifest.Piece) (err error) {
	if c.live != nil {
		if err := b.read(c.live, offset, p.Length); err != nil {
			return err
		}
		if blob.Sum(b.live) == p.ID {
			return nil
		}
	}
	b.differs = true
	if b.want, err = c.run.src.Chunk(b.want, p.ID); err != nil {
		return err
	}
	if int64(len(b.want)) != p.Length {
		return errors.New("a chunk has another length than the manifest says")
	}
	if c.live == nil {
		return c.write(b.want, offset)
	}
	return c.patch(b.live, b.want, offset)
}

// patch has the blocks of want written that differ from those of live.
func (c *content) patch(live, want []byte, offset int64) error {
	for start := 0; start < len(want); {
		end, differs := run4K(live, want, start)
		if differs {
			if err := c.write(want[start:end], offset+int64(start)); err != nil {
				return err
			}
		}
		start = end
	}
	return nil
}

// zeros makes a range read as zeros. Of nothing it does already.
func (c *content) zeros(b *buffers, offset, length int64) error {
	if c.live == nil {
		return nil
	}
	data, err := dataIn(c.live, offset, length)
	if err != nil {
		return err
	}
	for _, e := range data {
		if err := c.clear(b, e); err != nil {
			return err
		}
	}
	return nil
}

// clear has zeros written over the parts of a range that hold something else.
func (c *content) clear(b *buffers, e fsx.Extent) error {
	for n := int64(0); n < e.Length; n += spanSize {
		length := min(spanSize, e.Length-n)
		if err := b.read(c.live, e.Offset+n, length); err != nil {
			return err
		}
		if allZero(b.live) {
			continue
		}
		b.differs = true
		if err := c.zero(fsx.Extent{Offset: e.Offset + n, Length: length}); err != nil {
			return err
		}
	}
	return nil
}
