package tarball

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// ErrInvalid means that a tar is not that of one whole volume, or has something
// that must not be taken.
var ErrInvalid = errors.New("not a tar of a volume")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}

// An element is one entry of a tar: what its headers say, and where its content
// is.
type element struct {
	*tar.Header
	layout
}

// maxHeaders is how many headers may describe one element: records, a long
// name, a long target, and the main one.
const maxHeaders = 4

// element reads the headers at an offset; nil at the end of the tar.
func (t *Tree) element(offset int64) (*element, error) {
	block, content, err := t.mainHeader(offset)
	if err != nil || block == nil {
		return nil, err
	}
	h, err := tar.NewReader(io.NewSectionReader(t.r, offset, t.size-offset)).Next()
	if err != nil {
		return nil, invalid("the headers at byte %d: %w", offset, noEOF(err))
	}
	e := &element{Header: h}
	if e.layout, err = t.locate(h, block, content); err != nil {
		return nil, fmt.Errorf("%q: %w", h.Name, err)
	}
	return e, nil
}

// mainHeader returns the header block that others at an offset describe, and
// where what follows it begins; no block at the end. It is read here as well
// because archive/tar does not tell where things are.
func (t *Tree) mainHeader(offset int64) (block []byte, content int64, err error) {
	for range maxHeaders {
		block := make([]byte, blockSize)
		if _, err := t.r.ReadAt(block, offset); err != nil {
			return nil, 0, invalid("it is cut off at byte %d: %w", offset, noEOF(err))
		}
		if allZero(block) {
			return nil, 0, t.checkEnd(offset)
		}
		offset += blockSize
		if !strings.ContainsRune("xLK", rune(block[156])) {
			return block, offset, nil
		}
		size, err := number(block[124:136])
		if err != nil || size < 0 || size > maxRecords {
			return nil, 0, invalid("the header before byte %d has a bad size", offset)
		}
		offset += size + padding(size)
	}
	return nil, 0, invalid("too many headers before byte %d", offset)
}

// checkEnd makes sure that the tar ends at offset: with two blocks of zeros, and
// nothing but zeros after them. Without these it may have been cut off.
func (t *Tree) checkEnd(offset int64) error {
	if t.size-offset < 2*blockSize {
		return invalid("it is cut off at byte %d", offset)
	}
	buf := make([]byte, 64<<10)
	for offset < t.size {
		b := buf[:min(int64(len(buf)), t.size-offset)]
		if _, err := t.r.ReadAt(b, offset); err != nil {
			return noEOF(err)
		}
		if !allZero(b) {
			return invalid("something follows its end, after byte %d", offset)
		}
		offset += int64(len(b))
	}
	return nil
}

// number reads a numeric field: octal digits, or as GNU writes what they do not
// hold, the bytes of a number behind a set bit.
func number(field []byte) (int64, error) {
	if field[0] == 0x80 {
		var n uint64
		for _, c := range field[len(field)-8:] {
			n = n<<8 | uint64(c)
		}
		if len(bytes.Trim(field[1:len(field)-8], "\x00")) > 0 || n > 1<<62 {
			return 0, errors.New("number out of range")
		}
		return int64(n), nil
	}
	digits := strings.Trim(string(field), " \x00")
	if digits == "" {
		return 0, nil
	}
	return strconv.ParseInt(digits, 8, 64)
}

// noEOF makes the end of a tar, where none is due, an error like others.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func allZero(b []byte) bool { return len(bytes.Trim(b, "\x00")) == 0 }
