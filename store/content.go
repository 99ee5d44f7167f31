package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/warmstore/warmstore/chunker"
	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
)

const (
	// spanSize is the least part of a file that one worker reads at a time.
	spanSize = 1 << 20 // bytes
	// skipped is the least part of a hole that is not read.
	skipped = 16 << 10 // bytes
	// attempts is how often a file is read that changes meanwhile.
	attempts = 3
)

// read completes the entry of a regular file: metadata, holes and content as
// they were at one time.
func (w *walk) read(ctx context.Context, n *node) error {
	for range attempts {
		stable, err := w.attempt(ctx, n)
		if err != nil {
			return located(n.dir.Path(n.entry.Name), err)
		}
		if stable {
			w.run.progress(1, 0)
			return nil
		}
	}
	return located(n.dir.Path(n.entry.Name), fmt.Errorf("%w, %d times", ErrChanged, attempts))
}

// attempt reads a file once and reports whether it stayed the same meanwhile.
func (w *walk) attempt(ctx context.Context, n *node) (stable bool, err error) {
	f, stat, err := n.dir.OpenFile(n.entry.Name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	n.id = stat.ID
	e := &n.entry
	e.Meta, e.Size = stat.Meta, stat.ID.Size
	if e.Meta.Xattrs, err = n.dir.Xattrs(e.Name); err != nil {
		return false, err
	}
	if e.Holes, err = fsx.Holes(f, e.Size); err != nil {
		return false, err
	}
	e.Pieces, err = w.content(ctx, w.run.reader(f, e.Size), n)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	after, statErr := n.dir.Stat(e.Name)
	if statErr != nil {
		return false, statErr
	}
	return err == nil && after.ID == stat.ID, nil
}

// A content is a regular file being read. Its spans are read in any order, by
// this worker and by those that have nothing else to do.
type content struct {
	walk   *walk
	file   io.ReaderAt
	size   int64
	holes  []fsx.Extent
	before basis
	cutter chunker.Cutter
	line   *lineage // the same as before; nil if chunks are at fixed offsets
	spans  []*span
	wait   sync.WaitGroup
}

// A span is a part of a file: whole chunks of it, and what became of them.
type span struct {
	offset, length int64
	pieces         []manifest.Piece
	err            error
}

// content reads a file and returns what it consists of. A file that ends early
// is io.ErrUnexpectedEOF.
func (w *walk) content(ctx context.Context, f io.ReaderAt, n *node) ([]manifest.Piece, error) {
	c := &content{
		walk: w, file: f, size: n.entry.Size, holes: n.entry.Holes,
		before: basis{pieces: n.before},
	}
	if c.size <= spanSize && len(c.holes) == 0 {
		return c.small()
	}
	head := make([]byte, min(c.size, chunker.HeadSize))
	if err := c.readAt(head, 0); err != nil {
		return nil, err
	}
	c.choose(head)
	var err error
	if c.line != nil {
		err = c.shifting(ctx)
	} else {
		err = c.aligned(ctx, int64(c.cutter.Max()))
	}
	c.wait.Wait()
	return c.join(err)
}

func (c *content) choose(head []byte) {
	c.cutter = chunker.For(c.size, head[:min(len(head), chunker.HeadSize)], len(c.holes) > 0)
	if _, ok := c.cutter.(chunker.Fixed); !ok {
		c.line = newLineage(c.before.pieces)
	}
}

// readAt fills data from the file.
func (c *content) readAt(data []byte, offset int64) error {
	n, err := c.file.ReadAt(data, offset)
	switch {
	case n == len(data): // perhaps at the end
		return nil
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return err
}

// readAround is readAt, but for what is in long holes: they are known to be zeros, and
// reading them would fill the page cache with zeros.
func (c *content) readAround(data []byte, offset int64, holes []fsx.Extent) error {
	for _, h := range holes {
		start, end := max(h.Offset-offset, 0), min(h.Offset+h.Length-offset, int64(len(data)))
		if start >= int64(len(data)) {
			break
		}
		if end-start < skipped {
			continue
		}
		if err := c.readAt(data[:start], offset); err != nil {
			return err
		}
		clear(data[start:end])
		data, offset = data[end:], offset+end
	}
	return c.readAt(data, offset)
}

// small reads a file of one span at once.
func (c *content) small() ([]manifest.Piece, error) {
	l := c.walk.run.lane()
	defer c.walk.run.free(l)
	data := l.buffer(int(c.size))
	if err := c.readAt(data, 0); err != nil {
		return nil, err
	}
	c.choose(data)
	s := &span{length: c.size}
	err := c.keep(l, s, data, c.cuts(data, true), &c.before)
	return s.pieces, err
}

// aligned reads a file that is cut at multiples of size, holes skipped.
func (c *content) aligned(ctx context.Context, size int64) error {
	step := max(spanSize, size)
	for offset := int64(0); offset < c.size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		s := &span{offset: offset, length: min(step, c.size-offset)}
		c.spans = append(c.spans, s)
		if hole := c.hole(offset); hole >= s.length {
			s.length = max(s.length, hole-hole%step) // it may be exabytes
			s.pieces = []manifest.Piece{{Length: s.length}}
		} else {
			before, holes := c.before.from(offset), c.holes
			c.share(func() { s.err = c.alignedSpan(s, before, holes) })
		}
		offset += s.length
	}
	return nil
}

// hole returns how many bytes from offset on are in one hole. Offsets ascend, so
// holes before this one are forgotten.
func (c *content) hole(offset int64) int64 {
	for len(c.holes) > 0 && c.holes[0].Offset+c.holes[0].Length <= offset {
		c.holes = c.holes[1:]
	}
	if len(c.holes) == 0 || c.holes[0].Offset > offset {
		return 0
	}
	return c.holes[0].Offset + c.holes[0].Length - offset
}

// share has another worker do the work if one is free, and does it itself if
// not: so a large file is read by all, and nobody waits for a worker.
func (c *content) share(work func()) {
	c.wait.Add(1)
	task := func() error {
		defer c.wait.Done()
		work()
		return nil
	}
	if !c.walk.files.TryGo(task) {
		task()
	}
}

// alignedSpan reads and stores a span, of which parts may be in holes.
func (c *content) alignedSpan(s *span, before basis, holes []fsx.Extent) error {
	l := c.walk.run.lane()
	defer c.walk.run.free(l)
	data := l.buffer(int(s.length))
	if err := c.readAround(data, s.offset, holes); err != nil {
		return err
	}
	return c.keep(l, s, data, c.cuts(data, true), &before)
}

// shifting reads a file whose cuts depend on the content.
func (c *content) shifting(ctx context.Context) error {
	end, err := c.prefix(ctx)
	if err != nil {
		return err
	}
	return c.flowing(ctx, end)
}

// flowing reads the file from offset to the end, since one cut depends on the other;
// what is cut is hashed and stored by others meanwhile.
func (c *content) flowing(ctx context.Context, offset int64) error {
	var rest []byte
	for offset < c.size {
		if err := ctx.Err(); err != nil {
			return err
		}
		length := min(max(spanSize, 2*int64(c.cutter.Max())), c.size-offset)
		data := c.walk.run.take(int(length))
		n := copy(data, rest)
		if err := c.readAt(data[n:], offset+int64(n)); err != nil {
			return err
		}
		cuts := c.cuts(data, offset+length == c.size)
		s := &span{offset: offset, length: total(cuts)}
		c.spans = append(c.spans, s)
		rest = append(rest[:0], data[s.length:]...)
		offset += s.length
		c.share(func() { s.err = c.flowingSpan(s, data, cuts) })
	}
	return nil
}

// cuts returns the lengths of the whole chunks that data begins with.
func (c *content) cuts(data []byte, final bool) (lengths []int) {
	for n := c.cutter.Cut(data, final); n > 0; n = c.cutter.Cut(data, final) {
		lengths = append(lengths, n)
		data = data[n:]
	}
	return lengths
}

func total(lengths []int) (sum int64) {
	for _, n := range lengths {
		sum += int64(n)
	}
	return sum
}

// flowingSpan stores a span and gives its buffer back.
func (c *content) flowingSpan(s *span, data []byte, cuts []int) error {
	defer c.walk.run.give(data)
	l := c.walk.run.lane()
	defer c.walk.run.free(l)
	return c.keep(l, s, data, cuts, &basis{})
}

// forebears tells what chunks came from. Chunks are asked for in their order.
type forebears interface {
	of(id blob.ID, offset, n int64) ancestor
}

// keep stores the chunks of a span. before is what was at the span, if chunks are at
// fixed offsets.
func (c *content) keep(l *lane, s *span, data []byte, cuts []int, before forebears) error {
	run := c.walk.run
	run.counters.read.Add(s.length)
	run.progress(0, s.length)
	pieces := cutPieces(data, cuts)
	if c.line != nil {
		before = c.line.follow(s.offset, pieces)
	}
	offset, unlike := s.offset, false
	for _, p := range pieces {
		from := before.of(p.ID, offset, p.Length)
		switch {
		case from.id == p.ID:
			unlike = false
		case unlike && !from.aligned: // as were those before it, so save the time
			from = ancestor{}
		}
		whole, err := run.keep(l, p.ID, data[:p.Length], from)
		if err != nil {
			return err
		}
		unlike = unlike || whole
		s.pieces = manifest.AppendPiece(s.pieces, p)
		data = data[p.Length:]
		offset += p.Length
	}
	return nil
}

// cutPieces returns data cut into chunks of these lengths.
func cutPieces(data []byte, lengths []int) []manifest.Piece {
	pieces := make([]manifest.Piece, len(lengths))
	for i, n := range lengths {
		pieces[i] = manifest.Piece{Length: int64(n)}
		if !isZero(data[:n]) {
			pieces[i].ID = blob.Sum(data[:n])
		}
		data = data[n:]
	}
	return pieces
}

// join returns the pieces of all spans, or the first error.
func (c *content) join(err error) ([]manifest.Piece, error) {
	if err != nil {
		return nil, err
	}
	var pieces []manifest.Piece
	for _, s := range c.spans {
		if s.err != nil {
			return nil, s.err
		}
		for _, p := range s.pieces {
			pieces = manifest.AppendPiece(pieces, p)
		}
	}
	return pieces, nil
}
