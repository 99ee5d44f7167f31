package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// eachData calls visit with each range below limit in which at least one of the
// files has data. Where all have holes nobody needs to look: they are zeros.
func eachData(offset, limit int64, visit func(offset, end int64) error, files ...*os.File) error {
	for offset < limit {
		start, end := int64(math.MaxInt64), offset
		for _, f := range files {
			n, err := seek(f, offset, unix.SEEK_DATA)
			if err != nil {
				return err
			}
			start = min(start, n)
		}
		if start >= limit {
			return nil
		}
		for _, f := range files {
			n, err := seek(f, start, unix.SEEK_HOLE)
			if err != nil {
				return err
			}
			if n < math.MaxInt64 { // else the file ends before
				end = max(end, n)
			}
		}
		end = min(end, limit)
		if err := visit(start, end); err != nil {
			return err
		}
		offset = end
	}
	return nil
}

// isSparse reports whether more than half of what is below dir is holes.
func isSparse(dir string) (bool, error) {
	var length, taken atomic.Int64
	err := walk(dir, func(_ string, l leaf) error {
		length.Add(l.Size)
		taken.Add(l.Blocks * 512)
		return nil
	})
	return taken.Load() < length.Load()/2, err
}

// seek returns where the next data, or the next hole, of a file begins: nowhere,
// that is after everything, if there is no more.
func seek(f *os.File, offset int64, whence int) (int64, error) {
	n, err := unix.Seek(int(f.Fd()), offset, whence)
	if errors.Is(err, unix.ENXIO) {
		return math.MaxInt64, nil
	}
	if err != nil {
		return 0, fmt.Errorf("seek in %q: %w", f.Name(), err)
	}
	return n, nil
}
