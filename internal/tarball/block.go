package tarball

import (
	"fmt"
	"strconv"

	"github.com/warmstore/warmstore/internal/fsx"
)

// blockSize is the unit of a tar: headers are one, content is padded to it.
const blockSize = 512 // bytes

// The types of entries, as ustar has them.
const (
	typeRegular   = '0'
	typeLink      = '1'
	typeSymlink   = '2'
	typeCharDev   = '3'
	typeBlockDev  = '4'
	typeDirectory = '5'
	typeFIFO      = '6'
	typePAX       = 'x' // records that describe the entry that follows
)

// A header is what a tar says of an entry: in one block, and what does not fit
// there in records before it.
type header struct {
	name, link   string
	mode         uint16
	uid, gid     uint32
	size         int64 // bytes of content that follow, padding not counted
	mtime        fsx.Time
	kind         byte
	major, minor uint32

	// What has no field in the block.
	xattrs   []fsx.Xattr
	flags    uint32
	sparse   bool  // the content begins with a map
	realSize int64 // then, of the file
}

// The largest numbers that the octal fields hold.
const (
	maxOctal8  = 1<<21 - 1
	maxOctal12 = 1<<33 - 1
)

// block encodes h. A name is cut off where the field ends, and a number that
// does not fit is 0: in both cases a record has the whole.
func (h *header) block() *[blockSize]byte {
	b := new([blockSize]byte)
	name := h.name
	if h.sparse {
		name = sparseName
	}
	copy(b[0:100], name)
	octal(b[100:108], uint64(h.mode), maxOctal8)
	octal(b[108:116], uint64(h.uid), maxOctal8)
	octal(b[116:124], uint64(h.gid), maxOctal8)
	octal(b[124:136], uint64(h.size), maxOctal12)
	octal(b[136:148], uint64(h.mtime.Sec), maxOctal12)
	b[156] = h.kind
	copy(b[157:257], h.link)
	copy(b[257:265], "ustar\x0000")
	octal(b[329:337], uint64(h.major), maxOctal8)
	octal(b[337:345], uint64(h.minor), maxOctal8)
	copy(b[148:156], "        ") // which is what the sum counts
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

// octal writes n in digits that fill the field but for the NUL at its end.
func octal(field []byte, n, limit uint64) {
	if n > limit {
		n = 0
	}
	copy(field, fmt.Sprintf("%0*s", len(field)-1, strconv.FormatUint(n, 8)))
}

// padding returns how many bytes are missing to whole blocks.
func padding(n int64) int64 { return -n & (blockSize - 1) }
