package chunker

import (
	"io"
	"iter"
)

// Chunks cuts what r delivers and yields the chunks in order; joined, they are
// the stream. A chunk is valid until the next iteration, for it lies in buf,
// which should hold 2*c.Max() bytes or more so that little is moved within it.
// If buf holds less than c.Max(), as nil does, Chunks allocates one instead.
//
// An error of r other than io.EOF ends the sequence: it is yielded as it came,
// with no chunk, and bytes read but not yet yielded are dropped. The sequence can
// be ranged over once, and not concurrently.
func Chunks(r io.Reader, c Cutter, buf []byte) iter.Seq2[[]byte, error] {
	if len(buf) < c.Max() {
		buf = make([]byte, 2*c.Max())
	}
	return func(yield func([]byte, error) bool) {
		var rest []byte // of buf: read, but not yet yielded
		for final := false; !final; {
			n, err := fill(r, buf[copy(buf, rest):])
			rest = buf[:len(rest)+n]
			if final = err == io.EOF; err != nil && !final {
				yield(nil, err)
				return
			}
			for n := c.Cut(rest, final); n > 0; n = c.Cut(rest, final) {
				if !yield(rest[:n:n], nil) {
					return
				}
				rest = rest[n:]
			}
		}
	}
}

// fill reads until buf is full or r fails. Unlike io.ReadFull it returns r's
// error as it is, so that the io.ErrUnexpectedEOF of a truncated stream is not
// taken for its end.
func fill(r io.Reader, buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var read int
		read, err = r.Read(buf[n:])
		n += read
	}
	return n, err
}
