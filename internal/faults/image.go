package faults

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// An Image is the content of an unmounted disk: the runs of its blocks that are
// not zero.
type Image []run

// A run is some blocks in a row.
type run struct {
	offset int64
	data   []byte
}

// block is what is looked at at a time.
const block = 4096 // bytes

// Save unmounts the disk, returns its content, and mounts it again.
func (d *Disk) Save() (image Image, err error) {
	if err := d.Unmount(); err != nil {
		return nil, err
	}
	buf, zero := make([]byte, block), make([]byte, block)
	for offset := int64(0); ; offset += block {
		offset, err = unix.Seek(int(d.file.Fd()), offset, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return image, d.Mount() // the rest is a hole
		}
		if err != nil {
			return nil, fmt.Errorf("save disk: %w", err)
		}
		offset -= offset % block
		if _, err := d.file.ReadAt(buf, offset); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("save disk: %w", err)
		}
		if !bytes.Equal(buf, zero) {
			image = image.with(offset, buf)
		}
	}
}

// with returns the image with one more block.
func (m Image) with(offset int64, data []byte) Image {
	if n := len(m) - 1; n >= 0 && m[n].offset+int64(len(m[n].data)) == offset {
		m[n].data = append(m[n].data, data...)
		return m
	}
	return append(m, run{offset, bytes.Clone(data)})
}

// Load makes the disk what it was when the image was saved, and mounts it.
func (d *Disk) Load(image Image) error {
	if err := d.Unmount(); err != nil {
		return err
	}
	err := errors.Join(d.file.Truncate(0), d.file.Truncate(diskSize))
	for _, r := range image {
		if err == nil {
			_, err = d.file.WriteAt(r.data, r.offset)
		}
	}
	if err != nil {
		return fmt.Errorf("load disk: %w", err)
	}
	return d.Mount()
}
