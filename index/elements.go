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
		if err != nil {
			return nil, err
		}
		at := pageHeader + uint64(i)*elementSize + h.distance
		if at != end || h.key+h.value > n.size-end {
			return nil, fmt.Errorf("%w: element %d of the page at %d", ErrCorrupt, i, n.offset)
		}
		if elements[i], err = c.element(n.offset+end, h); err != nil {
			return nil, err
		}
		end += h.key + h.value
	}
	return elements, n.ordered(elements, keys)
}

// element reads the element whose key is at offset.
func (c *pageCheck) element(offset uint64, h elementHeader) (e element, err error) {
	e = element{value: offset + h.key, size: h.value, child: h.child}
	e.key, err = c.read(offset, h.key)
	return e, err
}

// ordered returns an error unless keys ascend, and lie where they must.
func (n node) ordered(elements []element, keys span) error {
	for i, e := range elements {
		if !keys.holds(e.key) || i > 0 && bytes.Compare(elements[i-1].key, e.key) >= 0 {
			return fmt.Errorf("%w: key %d of the page at %d", ErrCorrupt, i, n.offset)
		}
	}
	return nil
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
