package tarball

import (
	"fmt"
	"strconv"

	"github.com/warmstore/warmstore/internal/fsx"
)

// sparseName is what a sparse file is called for those who do not know what a
// map is, and would take it for content.
const sparseName = "GNUSparseFile"

// minGap is the shortest hole that a sparse map is rid of when it is too long.
const minGap = 4 << 10 // bytes

// sparseMap returns the parts of a file that are not in holes, and the text that
// says so before them: GNU's format 1.0, padded. A map that nobody would read
// for its length has the smallest holes left out: they are written as zeros.
func sparseMap(size int64, holes []fsx.Extent) (data []fsx.Extent, text []byte) {
	data = fsx.Subtract([]fsx.Extent{{Length: size}}, holes)
	for gap := int64(minGap); ; gap *= 2 {
		if text = formatMap(size, data); text != nil {
			return data, text
		}
		data = bridge(data, gap)
	}
}

// formatMap returns the text of a map, nil if it is too long. The map ends where
// the file does.
func formatMap(size int64, data []fsx.Extent) []byte {
	last := len(data) - 1
	if last < 0 || data[last].Offset+data[last].Length < size {
		data = append(data[:last+1:last+1], fsx.Extent{Offset: size})
	}
	text := fmt.Appendln(nil, len(data))
	for _, e := range data {
		text = strconv.AppendInt(text, e.Offset, 10)
		text = append(text, '\n')
		text = strconv.AppendInt(text, e.Length, 10)
		text = append(text, '\n')
		if len(text) > maxRecords-blockSize {
			return nil
		}
	}
	return append(text, make([]byte, padding(int64(len(text))))...)
}

// bridge joins extents that are less than gap apart.
func bridge(data []fsx.Extent, gap int64) (joined []fsx.Extent) {
	for _, e := range data {
		if last := len(joined) - 1; last >= 0 && e.Offset-joined[last].Offset-joined[last].Length < gap {
			joined[last].Length = e.Offset + e.Length - joined[last].Offset
			continue
		}
		joined = append(joined, e)
	}
	return joined
}

// total returns the bytes of all extents.
func total(extents []fsx.Extent) (n int64) {
	for _, e := range extents {
		n += e.Length
	}
	return n
}
