package index

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
)

// The layout of a bbolt file (version 2), in bytes, as far as checkPages reads
// it.
const (
	pageHeader   = 16
	elementSize  = 16
	bucketHeader = 16
	metaSize     = 64
	firstPages   = 2 // meta pages

	metaMagic   = 0xed0cdaed
	metaVersion = 2

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagFreelist = 0x10

	longList = 0xffff // a freelist whose count is in its first number
)

// A pageCheck walks all pages of a database. bbolt follows every number that a
// page holds: from a damaged one it may loop for ever, or crash the process
// beyond recovery. So each page must be as bbolt writes it, with its elements
// packed one after the other, and each must be in use or free exactly once.
type pageCheck struct {
	file io.ReaderAt
	size uint64 // of a page, bytes
	seen []bool // by page
}

// checkPages returns ErrCorrupt unless bbolt can be let at the file. It reads
// keys, but no values.
func checkPages(file io.ReaderAt, fileSize int64, pageSize int) error {
	c := &pageCheck{file: file, size: uint64(pageSize)}
	meta, err := c.meta()
	if err != nil {
		return err
	}
	pages := binary.LittleEndian.Uint64(meta[40:])
	if pages < firstPages || pages > uint64(fileSize)/c.size {
		return fmt.Errorf("%w: %d pages in %d bytes", ErrCorrupt, pages, fileSize)
	}
	c.seen = make([]bool, pages)
	if err := c.claim(0, firstPages); err != nil {
		return err
	}
	if err := c.freelist(binary.LittleEndian.Uint64(meta[32:])); err != nil {
		return err
	}
	if err := c.tree(binary.LittleEndian.Uint64(meta[16:]), span{}, true); err != nil {
		return err
	}
	for id, seen := range c.seen {
		if !seen {
			return fmt.Errorf("%w: page %d is lost", ErrCorrupt, id)
		}
	}
	return nil
}

// meta returns the newer of the two meta pages that are whole.
func (c *pageCheck) meta() (newest []byte, err error) {
	newer := uint64(0)
	for page := range uint64(firstPages) {
		b, err := c.read(page*c.size+pageHeader, metaSize)
		if err != nil {
			return nil, err
		}
		transaction := binary.LittleEndian.Uint64(b[48:])
		if isMeta(b) && (newest == nil || transaction > newer) {
			newest, newer = b, transaction
		}
	}
	if newest == nil {
		return nil, fmt.Errorf("%w: no meta page", ErrCorrupt)
	}
	return newest, nil
}

// isMeta reports whether bbolt takes b for the meta page of a database.
func isMeta(b []byte) bool {
	sum := fnv.New64a()
	sum.Write(b[:56])
	return binary.LittleEndian.Uint32(b) == metaMagic && binary.LittleEndian.Uint32(b[4:]) == metaVersion &&
		binary.LittleEndian.Uint64(b[56:]) == sum.Sum64()
}

func (c *pageCheck) read(offset, n uint64) ([]byte, error) {
	b := make([]byte, n)
	if _, err := c.file.ReadAt(b, int64(offset)); err != nil {
		return nil, fmt.Errorf("%w: read page: %w", ErrCorrupt, err)
	}
	return b, nil
}

// claim marks n pages as accounted for.
func (c *pageCheck) claim(id, n uint64) error {
	if pages := uint64(len(c.seen)); id >= pages || n > pages-id {
		return fmt.Errorf("%w: page %d of %d", ErrCorrupt, id, pages)
	}
	for i := id; i < id+n; i++ {
		if c.seen[i] {
			return fmt.Errorf("%w: page %d is used twice", ErrCorrupt, i)
		}
		c.seen[i] = true
	}
	return nil
}

// A node is a page with those that continue it, or the inline page of a small
// bucket.
type node struct {
	flags  uint16
	count  uint64
	offset uint64 // of its header in the file
	size   uint64 // header included, bytes
}

// page claims a page and those that continue it.
func (c *pageCheck) page(id uint64) (node, error) {
	if err := c.claim(id, 1); err != nil {
		return node{}, err
	}
	n, claimed, more, err := c.header(id * c.size)
	if err != nil {
		return node{}, err
	}
	if claimed != id {
		return node{}, fmt.Errorf("%w: page %d says it is %d", ErrCorrupt, id, claimed)
	}
	n.size = (more + 1) * c.size
	if more > 0 {
		err = c.claim(id+1, more)
	}
	return n, err
}

// header reads a page's header: besides the node, of which it leaves the size
// open, its own number and how many pages continue it.
func (c *pageCheck) header(offset uint64) (n node, id, more uint64, err error) {
	h, err := c.read(offset, pageHeader)
	if err != nil {
		return node{}, 0, 0, err
	}
	n = node{
		flags:  binary.LittleEndian.Uint16(h[8:]),
		count:  uint64(binary.LittleEndian.Uint16(h[10:])),
		offset: offset,
	}
	return n, binary.LittleEndian.Uint64(h), uint64(binary.LittleEndian.Uint32(h[12:])), nil
}

// freelist claims the pages that are free.
func (c *pageCheck) freelist(id uint64) error {
	n, err := c.page(id)
	if err != nil {
		return err
	}
	at, count := n.offset+pageHeader, n.count
	if count == longList {
		b, err := c.read(at, 8)
		if err != nil {
			return err
		}
		count, at = binary.LittleEndian.Uint64(b), at+8
	}
	if n.flags != flagFreelist || count > (n.size-pageHeader)/8 {
		return fmt.Errorf("%w: page %d is no freelist of %d pages", ErrCorrupt, id, count)
	}
	b, err := c.read(at, 8*count)
	for ; err == nil && len(b) > 0; b = b[8:] {
		err = c.claim(binary.LittleEndian.Uint64(b), 1)
	}
	return err
}

// A span is where keys must lie: from low on, and below high if that is not nil.
type span struct{ low, high []byte }

func (s span) holds(key []byte) bool {
	return bytes.Compare(key, s.low) >= 0 && (s.high == nil || bytes.Compare(key, s.high) < 0)
}

// tree checks a page and those below it. With buckets its values are buckets.
func (c *pageCheck) tree(id uint64, keys span, buckets bool) error {
	n, err := c.page(id)
	if err != nil {
		return err
	}
	return c.node(n, keys, buckets)
}

func (c *pageCheck) node(n node, keys span, buckets bool) error {
	elements, err := c.elements(n, keys, buckets)
	if err != nil {
		return err
	}
	for i, e := range elements {
		switch {
		case n.flags == flagBranch:
			below := span{e.key, keys.high}
			if i+1 < len(elements) {
				below.high = elements[i+1].key
			}
			err = c.tree(e.child, below, buckets)
		case buckets:
			err = c.bucket(e.value, e.size)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// bucket checks the bucket whose value is n bytes at offset: the number of its
// root page or, if that is 0, the page itself.
func (c *pageCheck) bucket(offset, n uint64) error {
	if n < bucketHeader {
		return fmt.Errorf("%w: bucket of %d bytes", ErrCorrupt, n)
	}
	b, err := c.read(offset, bucketHeader)
	if err != nil {
		return err
	}
	if root := binary.LittleEndian.Uint64(b); root != 0 || n < bucketHeader+pageHeader {
		return c.tree(root, span{}, false)
	}
	inline, id, more, err := c.header(offset + bucketHeader)
	if err != nil {
		return err
	}
	if id != 0 || more != 0 || inline.flags != flagLeaf {
		return fmt.Errorf("%w: bucket at %d", ErrCorrupt, offset)
	}
	inline.size = n - bucketHeader
	return c.node(inline, span{}, false)
}
