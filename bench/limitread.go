package main

import (
	"errors"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/zeebo/blake3"
	"golang.org/x/sync/errgroup"
)

const (
	hashSize = 64 << 10 // bytes hashed at a time, as warmstore's chunks
	readSize = 1 << 20  // bytes read at a time
	partSize = 8 << 20  // bytes of a file that are left to one worker
)

// readTree reads all regular files below dir whose ctime is not before since,
// and hashes them, with all cores, also within one file.
func readTree(dir string, since time.Time) error {
	type part struct {
		path   string
		offset int64
	}
	parts := make(chan part, 1024)
	group := new(errgroup.Group)
	for range runtime.NumCPU() {
		group.Go(func() (err error) {
			buf := make([]byte, readSize)
			for p := range parts { // to the end, or the walk would wait forever
				if err == nil {
					err = hashPart(p.path, p.offset, buf)
				}
			}
			return err
		})
	}
	err := walk(dir, func(path string, l leaf) error {
		if !l.isRegular() || l.changed().Before(since) {
			return nil
		}
		for offset := int64(0); offset < l.Size; offset += partSize {
			parts <- part{path, offset}
		}
		return nil
	})
	close(parts)
	return errors.Join(err, group.Wait())
}

// hashPart reads and hashes a part of a file, except for its holes.
func hashPart(path string, offset int64, buf []byte) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return eachData(offset, offset+partSize, func(offset, end int64) error {
		return hashData(io.NewSectionReader(f, offset, end-offset), buf)
	}, f)
}

func hashData(in io.Reader, buf []byte) error {
	for {
		n, err := io.ReadFull(in, buf)
		for data := buf[:n]; len(data) > 0; data = data[min(len(data), hashSize):] {
			blake3.Sum256(data[:min(len(data), hashSize)])
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
