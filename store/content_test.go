package store

import (
	"bytes"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/warmstore/warmstore/internal/fsx"
)

// watched is a file that tells whether holes were read.
type watched struct {
	io.ReaderAt
	read func(offset, length int64)
}

func (w watched) ReadAt(p []byte, offset int64) (int, error) {
	w.read(offset, int64(len(p)))
	return w.ReaderAt.ReadAt(p, offset)
}

// TestLongHolesAreNotRead reads parts of sparse files, which may begin and end anywhere.
func TestLongHolesAreNotRead(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 500 {
		data := bytes.Repeat([]byte("data"), 64<<10)
		var holes []fsx.Extent
		for at := random.Int64N(40 << 10); ; at += random.Int64N(40 << 10) {
			h := fsx.Extent{Offset: at, Length: 1 + random.Int64N(40<<10)}
			if at += h.Length; at > int64(len(data)) {
				break
			}
			clear(data[h.Offset:at])
			holes = append(holes, h)
		}
		start := random.IntN(len(data))
		end := start + random.IntN(len(data)-start)
		var read int64
		c := &content{file: watched{bytes.NewReader(data), func(_, n int64) { read += n }}}
		got := bytes.Repeat([]byte{1}, end-start)
		must(t, c.readAround(got, int64(start), holes))
		if !bytes.Equal(got, data[start:end]) {
			t.Fatalf("bytes %d to %d of a file with holes %v are read as others", start, end, holes)
		}
		want := int64(end - start)
		for _, h := range holes {
			if n := min(h.Offset+h.Length, int64(end)) - max(h.Offset, int64(start)); n >= skipped {
				want -= n
			}
		}
		if read != want {
			t.Fatalf("%d of bytes %d to %d of a file with holes %v are read, want %d", read, start, end, holes, want)
		}
	}
}
