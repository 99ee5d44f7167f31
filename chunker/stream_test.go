package chunker

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/iotest"
)

func TestChunksIgnoresHowReaderReads(t *testing.T) {
	readers := map[string]func(io.Reader) io.Reader{
		"plain":    func(r io.Reader) io.Reader { return r },
		"one byte": iotest.OneByteReader,
		"half":     iotest.HalfReader,
		"data+EOF": iotest.DataErrReader,
	}
	for _, size := range []int{0, 1, 2047, 2048, 2049, 100_000} {
		for _, c := range []Cutter{Fixed(1024), NewFastCDC(1024)} {
			for name, wrap := range readers {
				t.Run(fmt.Sprintf("%d bytes/%T/%s", size, c, name), func(t *testing.T) {
					checkChunks(t, wrap, c, random(10, size))
				})
			}
		}
	}
}

// checkChunks fails t unless Chunks cuts data, read through wrap, as the Cutter
// alone does, whatever buffer it is given.
func checkChunks(t *testing.T, wrap func(io.Reader) io.Reader, c Cutter, data []byte) {
	for _, length := range []int{0, 10, c.Max(), 9999} {
		want := cut(c, data)
		r := wrap(bytes.NewReader(data))
		for chunk, err := range Chunks(r, c, make([]byte, length)) {
			if err != nil || len(want) == 0 || !bytes.Equal(chunk, want[0]) {
				t.Fatalf("buffer of %d bytes: wrong chunk, error %v", length, err)
			}
			want = want[1:]
		}
		if len(want) > 0 {
			t.Errorf("buffer of %d bytes: %d chunks missing", length, len(want))
		}
	}
}

// TestChunksYieldsReaderErrors has io.ErrUnexpectedEOF among them: it is what a
// truncated stream gives, and must not pass for the end.
func TestChunksYieldsReaderErrors(t *testing.T) {
	data := random(11, 10_000)
	for _, want := range []error{io.ErrUnexpectedEOF, iotest.ErrTimeout, errors.New("disk on fire")} {
		r := io.MultiReader(bytes.NewReader(data), iotest.ErrReader(want))
		var got []byte
		var errs []error
		for chunk, err := range Chunks(r, Fixed(1000), nil) {
			got = append(got, chunk...)
			if err != nil {
				errs = append(errs, err)
				if chunk != nil {
					t.Errorf("%v came with a chunk", want)
				}
			}
		}
		if len(errs) != 1 || errs[0] != want {
			t.Errorf("errors %v, want one %v", errs, want)
		}
		if !bytes.HasPrefix(data, got) {
			t.Errorf("%v: chunks are not a prefix of the stream", want)
		}
	}
}

func TestChunksStopsWhenAsked(t *testing.T) {
	n := 0
	for range Chunks(bytes.NewReader(random(12, 10_000)), Fixed(1000), nil) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d iterations, want 3", n)
	}
}

// TestChunksOwnTheirBytes appends to a chunk, which must not reach the next.
func TestChunksOwnTheirBytes(t *testing.T) {
	data := random(13, 10_000)
	var got []byte
	for chunk := range Chunks(bytes.NewReader(data), NewFastCDC(1024), nil) {
		got = append(got, chunk...)
		_ = append(chunk, "overwritten"...)
	}
	if !bytes.Equal(got, data) {
		t.Error("appending to a chunk changed the next one")
	}
}
