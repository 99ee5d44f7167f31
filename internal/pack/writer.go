package pack

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/planted"
)

const (
	// bufferSize is how much a Writer collects before it writes: large enough
	// that system calls cost nothing beside compression.
	bufferSize = 1 << 20 // bytes
	// writebackSize is how much is written before the kernel is asked to begin
	// writing it to the disk, so that the fsync at the end finds little to do.
	writebackSize = 8 << 20 // bytes
)

// A Writer appends blobs to one pack. It is not safe for concurrent use. After
// any error it is dead: later calls return ErrBroken joined with the first
// cause, since after a failed write or fsync nobody knows what the disk holds.
type Writer struct {
	file    *os.File
	buf     []byte // appended, not yet written
	written int64  // bytes handed to the kernel
	started int64  // bytes of them whose writeback has been started
	entries []blob.Entry
	err     error
}

// Create starts a pack in a new temporary file in directory tmp.
func Create(tmp string) (*Writer, error) {
	file, err := os.CreateTemp(tmp, "pack-*")
	if err != nil {
		return nil, fmt.Errorf("create pack: %w", err)
	}
	w := &Writer{file: file, buf: make([]byte, 0, bufferSize)}
	w.buf = append(w.buf, header()...)
	return w, nil
}

// Append adds a blob. Of e it takes ID, Raw, Codec and Base; offset, stored
// length and CRC come from stored, which it copies.
func (w *Writer) Append(e blob.Entry, stored []byte) error {
	if w.err != nil {
		return w.err
	}
	e.Offset = uint32(w.Size())
	e.Stored = uint32(len(stored))
	e.CRC = Checksum(stored)
	w.entries = append(w.entries, e)
	if len(w.buf)+len(stored) > bufferSize {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.buf = append(w.buf, stored...)
	return nil
}

// Size returns the bytes appended so far, header included, footer not.
func (w *Writer) Size() int64 { return w.written + int64(len(w.buf)) }

// Len returns the number of blobs appended so far.
func (w *Writer) Len() int { return len(w.entries) }

// Finish completes the pack and publishes it in dir, durably. It is steps 1 to
// 4 of the commit protocol (FORMAT.md section 7). The Writer is dead after it.
// A pack must hold at least one blob.
func (w *Writer) Finish(dir Dir) (Tail, error) {
	if w.err != nil {
		return Tail{}, w.err
	}
	tail, err := w.seal()
	if err != nil {
		return Tail{}, w.fail(err)
	}
	// Step 1: the temporary file is complete.
	w.buf = append(w.buf, tail.Bytes()...)
	if err := w.flush(); err != nil {
		return Tail{}, err
	}
	if err := w.file.Chmod(0o400); err != nil {
		return Tail{}, w.fail(err)
	}
	// Step 2: its bytes are durable.
	if err := w.sync(); err != nil {
		return Tail{}, w.fail(err)
	}
	if err := w.file.Close(); err != nil {
		return Tail{}, w.fail(err)
	}
	// Steps 3 and 4: its name exists, and is durable.
	if err := fsx.Publish(w.file.Name(), dir.Path(tail.ID())); err != nil {
		return Tail{}, w.fail(err)
	}
	w.err = ErrBroken
	return tail, nil
}

// sync makes the bytes of the file durable.
func (w *Writer) sync() error {
	if planted.Bug("pack fsync") {
		return nil
	}
	err := w.file.Sync()
	if planted.Bug("pack fsync error") {
		return nil
	}
	return err
}

// seal encodes the footer and reads it back.
func (w *Writer) seal() (Tail, error) {
	f := Footer{Entries: w.entries}
	rand.Read(f.Nonce[:])
	f.Size = w.Size() + int64(len(f.AppendTail(nil)))
	tail, err := ParseTail(f.AppendTail(nil))
	if err != nil {
		return Tail{}, fmt.Errorf("verify footer: %w", err)
	}
	return tail, nil
}

// Abort gives the pack up and removes its temporary file.
func (w *Writer) Abort() {
	if w.err == nil {
		w.fail(errors.New("aborted"))
	}
}

func (w *Writer) flush() error {
	if _, err := w.file.Write(w.buf); err != nil && !planted.Bug("pack write error") {
		return w.fail(err)
	}
	w.written += int64(len(w.buf))
	w.buf = w.buf[:0]
	if w.written-w.started < writebackSize {
		return nil
	}
	if err := fsx.StartWriteback(w.file, w.started, w.written-w.started); err != nil {
		return w.fail(err)
	}
	w.started = w.written
	return nil
}

// fail kills the Writer and returns err with the pack's context.
func (w *Writer) fail(err error) error {
	err = fmt.Errorf("write pack: %w", err)
	w.err = errors.Join(ErrBroken, err)
	w.file.Close()
	os.Remove(w.file.Name())
	return err
}
