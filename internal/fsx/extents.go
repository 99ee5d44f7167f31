package fsx

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// An Extent is a range of a file, in bytes.
type Extent struct {
	Offset, Length int64
}

// zeros is what ZeroRange writes at a time where the file system cannot help.
const zeros = 256 << 10 // bytes

// Holes returns the holes of f below size, ascending, neither empty nor
// touching; nil, at the cost of one system call, if there are none. It moves
// f's offset. Just after a write a hole may be data that is not on disk yet on
// some file systems: sync first.
func Holes(f *os.File, size int64) ([]Extent, error) {
	return HolesIn(f, Extent{Length: size})
}

// HolesIn returns the holes of f within the range e, as Holes does.
func HolesIn(f *os.File, e Extent) ([]Extent, error) {
	var holes []Extent
	limit := e.Offset + e.Length
	for end := e.Offset; end < limit; {
		start, err := seek(f, end, unix.SEEK_HOLE, limit)
		if err != nil {
			return nil, err
		}
		if start >= limit {
			break
		}
		end, err = seek(f, start, unix.SEEK_DATA, limit)
		if err != nil {
			return nil, err
		}
		if end > start {
			holes = append(holes, Extent{Offset: start, Length: min(end, limit) - start})
		}
	}
	return holes, nil
}

// Subtract returns the parts of a that are not in b. Both are ascending and
// apart, and so is the result.
func Subtract(a, b []Extent) []Extent {
	var rest []Extent
	for _, e := range a {
		end := e.Offset + e.Length
		for len(b) > 0 && b[0].Offset+b[0].Length <= e.Offset {
			b = b[1:]
		}
		for _, cut := range b {
			if cut.Offset >= end {
				break
			}
			if cut.Offset > e.Offset {
				rest = append(rest, Extent{Offset: e.Offset, Length: cut.Offset - e.Offset})
			}
			e.Offset = min(end, cut.Offset+cut.Length)
		}
		if e.Offset < end {
			rest = append(rest, Extent{Offset: e.Offset, Length: end - e.Offset})
		}
	}
	return rest
}

// PunchHole makes e, which must be within f, read as zeros and, where the file
// system can, occupy no space. The size of f stays.
func PunchHole(f *os.File, e Extent) error {
	return zero(f, e, unix.FALLOC_FL_PUNCH_HOLE, "punch hole into")
}

// ZeroRange makes e, which must be within f, read as zeros and keep its space.
// Where the file system cannot do that it writes zeros. The size of f stays.
func ZeroRange(f *os.File, e Extent) error {
	return zero(f, e, unix.FALLOC_FL_ZERO_RANGE, "zero")
}

// Allocate reserves the space of e, also beyond the end of f, so that writing
// there cannot fail for lack of it. Content and size of f stay. On file systems
// that cannot reserve it does nothing.
func Allocate(f *os.File, e Extent) error {
	err := fallocate(f, 0, e)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return describeFile(err, "allocate space for", f)
}

func zero(f *os.File, e Extent, mode uint32, action string) error {
	err := fallocate(f, mode, e)
	if errors.Is(err, errors.ErrUnsupported) {
		err = WriteZeros(f, e)
	}
	return describeFile(err, action, f)
}

func fallocate(f *os.File, mode uint32, e Extent) error {
	if e.Length == 0 {
		return nil // which fallocate would call invalid
	}
	return onFD(f, func(fd int) error {
		return unix.Fallocate(fd, mode|unix.FALLOC_FL_KEEP_SIZE, e.Offset, e.Length)
	})
}

// WriteZeros writes zeros to e, which so occupies space and is no hole.
func WriteZeros(f *os.File, e Extent) error {
	buf := make([]byte, min(e.Length, zeros))
	for e.Length > 0 {
		n, err := f.WriteAt(buf[:min(e.Length, zeros)], e.Offset)
		if err != nil {
			return err
		}
		e.Offset += int64(n)
		e.Length -= int64(n)
	}
	return nil
}

// seek returns where the next hole or data is from off on, or size if there is
// none, which is also true of a file that shrank meanwhile.
func seek(f *os.File, off int64, whence int, size int64) (int64, error) {
	found, err := f.Seek(off, whence)
	if errors.Is(err, unix.ENXIO) {
		return size, nil
	}
	if err != nil {
		return 0, fmt.Errorf("find holes: %w", err)
	}
	return found, nil
}
