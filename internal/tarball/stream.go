package tarball

import (
	"fmt"
	"io"

	"github.com/warmstore/warmstore/internal/fsx"
)

// A Stream writes directories and files, for root alone, as a tar.
type Stream struct {
	w    writer
	time fsx.Time
}

// NewStream returns a Stream to w in which everything has the time.
func NewStream(w io.Writer, time fsx.Time) *Stream {
	return &Stream{w: writer{out: w}, time: time}
}

// Dir adds a directory.
func (s *Stream) Dir(name string) error {
	return s.header(&header{name: name + "/", mode: 0o700, kind: typeDirectory})
}

// File adds a file of size bytes, which write must write to the end.
func (s *Stream) File(name string, size int64, write func(io.Writer) error) error {
	if err := s.header(&header{name: name, mode: 0o600, kind: typeRegular, size: size}); err != nil {
		return err
	}
	before := s.w.size
	if err := write(&s.w); err != nil {
		return err
	}
	if n := s.w.size - before; n != size {
		return fmt.Errorf("%s has %d bytes, not the %d that were announced", name, n, size)
	}
	return s.w.pad(size)
}

// Close writes the end. It does not close what the Stream writes to.
func (s *Stream) Close() error { return s.w.end() }

func (s *Stream) header(h *header) error {
	h.mtime = s.time
	return s.w.header(h)
}
