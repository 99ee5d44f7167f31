package pack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/warmstore/warmstore/internal/blob"
)

// A Reader reads blobs of one pack file. It is safe for concurrent use.
type Reader struct {
	id   blob.ID
	file *os.File
	size int64
}

// Open opens the pack id of dir, checks its header, and that its size is the
// one its trailer states. A pack that does not exist is fs.ErrNotExist.
func (d Dir) Open(id blob.ID) (*Reader, error) {
	file, err := os.Open(d.Path(id))
	if err != nil {
		return nil, fmt.Errorf("open pack: %w", err)
	}
	r := &Reader{id: id, file: file}
	if err := r.check(); err != nil {
		file.Close()
		return nil, fmt.Errorf("open pack %s: %w", id.Short(), err)
	}
	return r, nil
}

func (r *Reader) check() error {
	info, err := r.file.Stat()
	if err != nil {
		return err
	}
	r.size = info.Size()
	if r.size < headerSize+entrySize+trailerSize {
		return corrupt("pack of %d bytes is too short", r.size)
	}
	head := make([]byte, headerSize)
	if _, err := r.file.ReadAt(head, 0); err != nil {
		return err
	}
	if err := checkHeader(head); err != nil {
		return r.sameVersion(err)
	}
	trailer, err := r.end(trailerSize)
	if err != nil {
		return err
	}
	if claimed := binary.LittleEndian.Uint64(trailer[8:]); claimed != uint64(r.size) {
		return corrupt("pack of %d bytes claims %d", r.size, claimed)
	}
	return nil
}

// sameVersion makes ErrVersion damage if the tail, whose checksum covers the
// header as this version has it, is one of this version.
func (r *Reader) sameVersion(err error) error {
	if !errors.Is(err, ErrVersion) {
		return err
	}
	if _, failed := r.Tail(); failed == nil {
		return corrupt("version in the header")
	}
	return err
}

// checkHeader looks at the magic alone before the version, so that a newer
// pack is never called damaged.
func checkHeader(h []byte) error {
	if string(h[:8]) != headerMagic {
		return corrupt("no pack header")
	}
	if v := binary.LittleEndian.Uint16(h[8:]); v != version {
		if v == 0 {
			return corrupt("version 0")
		}
		return fmt.Errorf("%w: version %d", ErrVersion, v)
	}
	for _, b := range h[10:] {
		if b != 0 {
			return corrupt("reserved bytes of the header are not zero")
		}
	}
	return nil
}

// Tail reads and checks the pack's footer, and that it hashes to the pack's ID.
func (r *Reader) Tail() (Tail, error) {
	trailer, err := r.end(trailerSize)
	if err != nil {
		return Tail{}, err
	}
	n := tailSize(binary.LittleEndian.Uint32(trailer), binary.LittleEndian.Uint32(trailer[4:]))
	if n > r.size-headerSize {
		return Tail{}, corrupt("pack %s: footer of %d bytes in a pack of %d", r.id.Short(), n, r.size)
	}
	b, err := r.end(n)
	if err != nil {
		return Tail{}, err
	}
	tail, err := ParseTail(b)
	if err != nil {
		return Tail{}, fmt.Errorf("read footer of pack %s: %w", r.id.Short(), err)
	}
	if tail.ID() != r.id {
		return Tail{}, corrupt("pack %s: footer is the one of pack %s", r.id.Short(), tail.ID().Short())
	}
	return tail, nil
}

// end reads the last n bytes of the file.
func (r *Reader) end(n int64) ([]byte, error) {
	b := make([]byte, n)
	if _, err := r.file.ReadAt(b, r.size-n); err != nil {
		return nil, fmt.Errorf("read footer of pack %s: %w", r.id.Short(), err)
	}
	return b, nil
}

// ReadStored reads the stored bytes of blob e into dst, grown at need, and
// checks their CRC. The error is a *BlobError.
func (r *Reader) ReadStored(dst []byte, e blob.Entry) ([]byte, error) {
	if int64(e.Offset)+int64(e.Stored) > r.size {
		return nil, r.failed(e, corrupt("beyond the end of the pack"))
	}
	if cap(dst) < int(e.Stored) {
		dst = make([]byte, max(int(e.Stored), 2*cap(dst))) // blobs differ in length
	}
	dst = dst[:e.Stored]
	if _, err := r.file.ReadAt(dst, int64(e.Offset)); err != nil {
		if errors.Is(err, io.EOF) {
			err = corrupt("beyond the end of the pack")
		}
		return nil, r.failed(e, err)
	}
	if Checksum(dst) != e.CRC {
		return nil, r.failed(e, corrupt("checksum of the stored bytes"))
	}
	return dst, nil
}

func (r *Reader) failed(e blob.Entry, err error) error {
	return &BlobError{Pack: r.id, Blob: e.ID, Offset: e.Offset, Err: err}
}

// Close closes the file.
func (r *Reader) Close() error { return r.file.Close() }
