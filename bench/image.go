package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// image is the disk of a virtual machine in one sparse file. A tenth of it holds
// data, as a file system in it would lay it out: the first fifth of each group of
// blocks is in use, and half of that is extents, with a hole after each. One page
// in a hundred is rewritten in place: mostly where data is, now and then in a hole.
type image struct{ bytes int64 }

// An imageKind is what the data of an extent is like.
type imageKind int

const (
	imageText    imageKind = iota // words, which compress as text does
	imageRecords                  // binary records, which compress very well
	imageRandom                   // as what is compressed already
)

// An imageExtent is a range of an image that holds data.
type imageExtent struct {
	offset, length int64
	kind           imageKind
	seed           uint64 // extents of one kind and seed begin alike
}

// Name implements Workload.
func (image) Name() string { return "image" }

// Missing implements Workload.
func (image) Missing() string { return "" }

// Build implements Workload.
func (i image) Build(ctx context.Context, dir string) error {
	f, err := os.OpenFile(i.path(dir), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	err = f.Truncate(i.bytes)
	for _, e := range i.extents() {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			_, err = f.WriteAt(e.content(), e.offset)
		}
	}
	if err == nil {
		_, err = f.WriteAt(make([]byte, 8), 0) // the number of changes
	}
	return errors.Join(err, f.Close())
}

// Change implements Workload. The image begins with the number of its changes, as
// file systems count their mounts, so that each change is another one.
func (i image) Change(ctx context.Context, dir string, _ int) error {
	f, err := os.OpenFile(i.path(dir), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	number := make([]byte, 8)
	_, err = f.ReadAt(number, 0)
	if err == nil {
		err = i.rewrite(ctx, f, binary.LittleEndian.Uint64(number)+1)
	}
	return errors.Join(err, f.Close())
}

func (image) path(dir string) string { return filepath.Join(dir, "disk.img") }

// extents returns where data is, always the same.
func (i image) extents() (all []imageExtent) {
	const smallest = 4 << 20 // bytes of a group
	group := max(smallest, i.bytes/64/pageSize*pageSize)
	random := rand.New(rand.NewPCG(1, 6))
	for at := int64(0); at < i.bytes; at += group {
		all = appendExtents(all, random, at, at+min(group, i.bytes-at)/5)
	}
	return all
}

// appendExtents appends extents from offset to about end. One in five is a copy of
// one before, or of the beginning of it.
func appendExtents(all []imageExtent, random *rand.Rand, offset, end int64) []imageExtent {
	const longest = 128 // pages
	for offset < end {
		pages := min(1+random.Int64N(longest), (end-offset+2*pageSize-1)/(2*pageSize))
		e := imageExtent{offset: offset, length: pages * pageSize, seed: uint64(len(all))}
		switch n := random.IntN(10); {
		case n < 3:
			e.kind = imageText
		case n < 6:
			e.kind = imageRecords
		case n < 8 || len(all) == 0:
			e.kind = imageRandom
		default:
			first := all[random.IntN(len(all))]
			e.kind, e.seed = first.kind, first.seed
		}
		all = append(all, e)
		offset += 2 * e.length
	}
	return all
}

// content returns the bytes of an extent.
func (e imageExtent) content() []byte {
	return e.kind.bytes(rand.New(rand.NewPCG(e.seed, 7)), int(e.length))
}

// bytes returns n bytes of a kind.
func (k imageKind) bytes(random *rand.Rand, n int) []byte {
	if k == imageText {
		return prose(random, n)
	}
	data := make([]byte, 0, n+64)
	for first := random.Uint32(); len(data) < n; first++ {
		if k == imageRandom {
			data = binary.LittleEndian.AppendUint64(data, random.Uint64())
			continue
		}
		data = binary.LittleEndian.AppendUint32(append(data, "record\x00\x01"...), first)
		data = binary.LittleEndian.AppendUint32(data, random.Uint32N(1<<16))
		data = append(data, make([]byte, 16)...)
	}
	return data[:n]
}

// rewrite changes one page in a hundred, in no order. Every other one gets other
// content of its kind, as a file's page does; in the rest 64 bytes are changed, as
// in tables of inodes and pages of databases.
func (i image) rewrite(ctx context.Context, f *os.File, change uint64) error {
	random, extents := rand.New(rand.NewPCG(change, 8)), i.extents()
	done := map[int64]bool{0: true} // the first page has the number
	for want := max(1, int(i.bytes/pageSize/100)); len(done) <= want; {
		e := extents[random.IntN(len(extents))]
		at := e.offset + pageSize*random.Int64N((e.length+pageSize-1)/pageSize)
		if random.IntN(32) == 0 {
			at = pageSize * random.Int64N((i.bytes+pageSize-1)/pageSize)
		}
		if done[at] {
			continue
		}
		done[at] = true
		if err := errors.Join(ctx.Err(), e.kind.rewritePage(f, random, at)); err != nil {
			return fmt.Errorf("rewrite page at %d: %w", at, err)
		}
	}
	_, err := f.WriteAt(binary.LittleEndian.AppendUint64(nil, change), 0)
	return err
}

// rewritePage changes one page, or 64 bytes of it.
func (k imageKind) rewritePage(f *os.File, random *rand.Rand, at int64) error {
	const part = 64
	n := pageSize
	if random.IntN(2) == 0 {
		n, at = part, at+part*random.Int64N(pageSize/part)
	}
	_, err := f.WriteAt(k.bytes(random, n), at)
	return err
}
