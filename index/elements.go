package index

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// An element is one key of a bbolt page.
type element struct {
	key         []byte
	value, size uint64 // of a leaf: where the value is in the file, and its length
	child       uint64 // of a branch: the page below
}

// elements reads the elements of a page, which must be packed as bbolt writes
// them, with ascending keys.
func (c *pageCheck) elements(n node, keys span, buckets bool) ([]element, error) {
	end := pageHeader + n.count*elementSize // of what was read of the page
	if n.flags != flagLeaf && n.flags != flagBranch || n.flags == flagBranch && n.count == 0 || end > n.size {
		return nil, fmt.Errorf("%w: page with flags %x and %d elements", ErrCorrupt, n.flags, n.count)
	}
	table, err := c.read(n.offset+pageHeader, n.count*elementSize)
	if err != nil {
		return nil, err
	}
	elements := make([]element, n.count)
	for i := range elements {
		h, err := n.elementHeader(table[i*elementSize:], buckets)
		at := pageHeader + uint64(i)*elementSize + h.distance
		if err == nil && (at != end || h.key+h.value > n.size-end) {
			err = fmt.Errorf("%w: element %d of the page at %d", ErrCorrupt, i, n.offset)
		}
		if err != nil {
			return nil, err
		}
		e := &elements[i]
		if e.key, err = c.read(n.offset+end, h.key); err != nil {
			return nil, err
		}
		if !keys.holds(e.key) || i > 0 && bytes.Compare(elements[i-1].key, e.key) >= 0 {
			return nil, fmt.Errorf("%w: key %d of the page at %d", ErrCorrupt, i, n.offset)
		}
		e.value, e.size, e.child = n.offset+end+h.key, h.value, h.child
		end += h.key + h.value
	}
	return elements, nil
}

// An elementHeader is an entry of the table that a page begins with.
type elementHeader struct {
	distance   uint64 // from the entry to the key, bytes
	key, value uint64 // lengths
	child      uint64
}

func (n node) elementHeader(b []byte, buckets bool) (elementHeader, error) {
	if n.flags == flagBranch {
		return elementHeader{
			distance: uint64(binary.LittleEndian.Uint32(b)),
			key:      uint64(binary.LittleEndian.Uint32(b[4:])),
			child:    binary.LittleEndian.Uint64(b[8:]),
		}, nil
	}
	var err error
	if isBucket := binary.LittleEndian.Uint32(b); isBucket > 1 || (isBucket == 1) != buckets {
		err = fmt.Errorf("%w: an element of the page at %d is of kind %d", ErrCorrupt, n.offset, isBucket)
	}
	return elementHeader{
		distance: uint64(binary.LittleEndian.Uint32(b[4:])),
		key:      uint64(binary.LittleEndian.Uint32(b[8:])),
		value:    uint64(binary.LittleEndian.Uint32(b[12:])),
	}, err
}
