package tarball

import (
	"io"
	"slices"

	"github.com/warmstore/warmstore/internal/fsx"
)

// A sparseReader reads a file of which only parts are stored.
type sparseReader struct {
	r     io.ReaderAt
	size  int64
	parts []part // ascending and apart
}

// part is a stored part of a file, and where it is stored.
type part struct {
	fsx.Extent
	at int64
}

// ReadAt reads what is stored, and zeros where nothing is.
func (s *sparseReader) ReadAt(p []byte, offset int64) (int, error) {
	n := int(min(int64(len(p)), max(0, s.size-offset)))
	clear(p[:n])
	end := offset + int64(n)
	i, _ := slices.BinarySearchFunc(s.parts, offset, func(e part, offset int64) int {
		if e.Offset+e.Length <= offset {
			return -1
		}
		return 1
	})
	for ; i < len(s.parts) && s.parts[i].Offset < end; i++ {
		e := s.parts[i]
		from, to := max(offset, e.Offset), min(end, e.Offset+e.Length)
		if _, err := s.r.ReadAt(p[from-offset:to-offset], e.at+from-e.Offset); err != nil {
			return 0, noEOF(err)
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
