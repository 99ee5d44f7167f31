package manifest

import (
	"io"
	"math"
)

// number reads what binary.AppendUvarint writes. A number above limit and one
// of more bytes than it needs are ErrCorrupt: one content has one encoding.
func (r *reader) number(limit uint64) uint64 {
	var x uint64
	for shift := uint(0); r.err == nil; shift += 7 {
		b := r.byte()
		if shift == 63 && b > 1 || b == 0 && shift > 0 {
			r.fail(corrupt("malformed number"))
		}
		x |= uint64(b&0x7f) << shift
		if b < 0x80 {
			break
		}
	}
	if x > limit {
		r.fail(corrupt("%d is more than %d", x, limit))
	}
	if r.err != nil {
		return 0
	}
	return x
}

// signed reads what binary.AppendVarint writes.
func (r *reader) signed() int64 {
	u := r.number(math.MaxUint64)
	return int64(u>>1) ^ -int64(u&1)
}

// string reads a length of at most limit and as many bytes.
func (r *reader) string(limit uint64) string {
	return string(r.bytes(r.number(limit)))
}

// bytes reads n bytes into memory of their own; n is bounded by the caller.
func (r *reader) bytes(n uint64) []byte {
	b := make([]byte, n)
	r.fill(b)
	return b
}

func (r *reader) fill(b []byte) {
	if r.err == nil {
		_, err := io.ReadFull(r.r, b)
		r.fail(err)
	}
}

func (r *reader) byte() byte {
	if r.err != nil {
		return 0
	}
	b, err := r.r.ReadByte()
	r.fail(err)
	return b
}

// fail keeps the first error.
func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}
