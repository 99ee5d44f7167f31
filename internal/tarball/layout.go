package tarball

import (
	"archive/tar"
	"bufio"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/warmstore/warmstore/internal/fsx"
)

// A layout is where in a tar the content of an element is.
type layout struct {
	start int64        // of the data, behind any map
	data  []fsx.Extent // the parts of the file that follow each other there
	next  int64        // where the next element begins
}

// Where a header block of GNU's old format has a map of a sparse file, and where
// the blocks that continue it.
const (
	oldMap, oldMapMore   = 386, 482
	moreMap, moreMapMore = 0, 504
	oldMapPair           = 24 // bytes
)

// locate finds the content of an element. Of what has none, next is all there
// is. The maps of sparse files have been checked by archive/tar, which does not
// hand them out, and are checked again.
func (t *Tree) locate(h *tar.Header, block []byte, content int64) (l layout, err error) {
	l.start = content
	if h.Typeflag != tar.TypeReg && h.Typeflag != tar.TypeGNUSparse {
		l.next = content
		return l, nil
	}
	stored, err := storedSize(h, block)
	if err != nil {
		return l, err
	}
	switch format := sparseFormat(h); format {
	case "":
		l.data = []fsx.Extent{{Length: stored}}
	case "old":
		l.data, l.start, err = t.oldMap(block, content)
	case "records":
		l.data, err = parseMap(strings.Split(h.PAXRecords[keySparseMap], ","))
	case "1.0":
		l.data, l.start, err = t.textMap(content)
		stored -= l.start - content
	default:
		err = invalid("it is sparse in a way not known: %q", format)
	}
	if err != nil {
		return l, err
	}
	l.next = l.start + stored + padding(stored)
	return l, l.check(h.Size, stored, t.size)
}

// check refuses a layout that does not fit together: maps out of order or of
// more than the file, data that is not there.
func (l *layout) check(size, stored, end int64) error {
	after := int64(0)
	for _, e := range l.data {
		if e.Offset < after || e.Length < 0 || e.Length > size-e.Offset {
			return invalid("the map of a sparse file has %d bytes at %d", e.Length, e.Offset)
		}
		after = e.Offset + e.Length
	}
	switch {
	case total(l.data) != stored:
		return invalid("it has %d bytes of data, and a map of %d", stored, total(l.data))
	case stored > end-l.start:
		return invalid("the tar is cut off: of %d bytes there are %d", stored, max(0, end-l.start))
	}
	l.data = slices.DeleteFunc(l.data, func(e fsx.Extent) bool { return e.Length == 0 })
	return nil
}

// storedSize returns how many bytes follow the headers, which is not Size if the
// file is sparse.
func storedSize(h *tar.Header, block []byte) (size int64, err error) {
	if text := h.PAXRecords[keySize]; text != "" {
		size, err = strconv.ParseInt(text, 10, 64)
	} else {
		size, err = number(block[124:136])
	}
	if err != nil || size < 0 {
		return 0, invalid("its size is bad")
	}
	return size, nil
}

// sparseFormat returns how the map of a sparse file is written, "" if it is not
// sparse.
func sparseFormat(h *tar.Header) string {
	if h.Typeflag == tar.TypeGNUSparse {
		return "old"
	}
	major, minor := h.PAXRecords[keySparseMajor], h.PAXRecords[keySparseMinor]
	switch {
	case major == "1" && minor == "0":
		return "1.0"
	case (major == "" || major == "0") && h.PAXRecords[keySparseMap] != "":
		return "records"
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, keySparse) {
			return key
		}
	}
	return ""
}

// oldMap reads the map in a header block and in those that continue it. It
// returns where the data begins.
func (t *Tree) oldMap(block []byte, content int64) (data []fsx.Extent, start int64, err error) {
	at, more := oldMap, oldMapMore
	for {
		for ; at+oldMapPair <= more && block[at] != 0; at += oldMapPair {
			offset, err1 := number(block[at : at+oldMapPair/2])
			length, err2 := number(block[at+oldMapPair/2 : at+oldMapPair])
			if err1 != nil || err2 != nil {
				return nil, 0, invalid("its map is bad")
			}
			data = append(data, fsx.Extent{Offset: offset, Length: length})
		}
		if block[more] == 0 {
			return data, content, nil
		}
		block = make([]byte, blockSize)
		if _, err := t.r.ReadAt(block, content); err != nil {
			return nil, 0, invalid("its map is cut off")
		}
		content += blockSize
		at, more = moreMap, moreMapMore
	}
}

// textMap reads the map that content begins with in GNU's format 1.0. It returns
// where the data begins.
func (t *Tree) textMap(content int64) (data []fsx.Extent, start int64, err error) {
	lines := bufio.NewReader(io.NewSectionReader(t.r, content, maxRecords))
	length := int64(0)
	var numbers []string
	for left := int64(1); left > 0; left-- {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil, 0, invalid("its map is cut off")
		}
		length += int64(len(line))
		numbers = append(numbers, line[:len(line)-1])
		if len(numbers) == 1 {
			pairs, err := strconv.ParseInt(numbers[0], 10, 32)
			if err != nil {
				return nil, 0, invalid("its map is bad")
			}
			left += 2 * pairs
		}
	}
	data, err = parseMap(numbers[1:])
	return data, content + length + padding(length), err
}

// parseMap reads the offset and the length of each part of a file that has data.
func parseMap(numbers []string) (data []fsx.Extent, err error) {
	for pair := range slices.Chunk(numbers, 2) {
		if len(pair) < 2 {
			return nil, invalid("its map is bad")
		}
		offset, err1 := strconv.ParseInt(pair[0], 10, 64)
		length, err2 := strconv.ParseInt(pair[1], 10, 64)
		if err1 != nil || err2 != nil {
			return nil, invalid("its map is bad")
		}
		data = append(data, fsx.Extent{Offset: offset, Length: length})
	}
	return data, nil
}

// holes returns the parts of a file of size bytes that are not in the tar.
func (l *layout) holes(size int64) []fsx.Extent {
	return fsx.Subtract([]fsx.Extent{{Length: size}}, l.data)
}

// content returns the bytes of the file, holes read as zeros. It is safe for
// concurrent use.
func (t *Tree) content(l *layout, size int64) io.ReaderAt {
	if len(l.data) == 1 && l.data[0].Length == size {
		return io.NewSectionReader(t.r, l.start, size)
	}
	s := &sparseReader{r: t.r, size: size}
	at := l.start
	for _, e := range l.data {
		s.parts = append(s.parts, part{Extent: e, at: at})
		at += e.Length
	}
	return s
}
