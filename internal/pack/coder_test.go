package pack

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/mutate"
)

func TestEncodeKeepsTheSmaller(t *testing.T) {
	c := NewCoder()
	for _, tt := range []struct {
		name string
		raw  []byte
		want blob.Codec
	}{
		{"nothing", nil, blob.Raw},
		{"a byte", []byte("x"), blob.Raw},
		{"noise", noise(1, 1000), blob.Raw},
		{"text", text(1000), blob.Zstd},
		{"zeros", make([]byte, 1<<16), blob.Zstd},
		{"the largest chunk", text(blob.MaxRaw), blob.Zstd},
		{"the largest chunk of noise", noise(2, blob.MaxRaw), blob.Raw},
	} {
		stored, codec, err := c.Encode(nil, tt.raw)
		check(t, err)
		if codec != tt.want || codec != blob.Raw && len(stored) >= len(tt.raw) {
			t.Errorf("%s: %v of %d bytes", tt.name, codec, len(stored))
		}
		e := blob.Entry{Raw: uint32(len(tt.raw)), Codec: codec}
		raw, err := c.Decode(nil, e, stored, nil)
		check(t, err)
		if !bytes.Equal(raw, tt.raw) {
			t.Errorf("%s: decodes to other bytes", tt.name)
		}
	}
}

func TestBuffersAreReused(t *testing.T) {
	c, raw := NewCoder(), text(1<<16)
	stored, codec, err := c.Encode(nil, raw)
	check(t, err)
	e := blob.Entry{Raw: uint32(len(raw)), Codec: codec}
	encoded, decoded := make([]byte, 0, 1<<17), make([]byte, 7, 1<<17)
	again, _, err := c.Encode(encoded, raw)
	check(t, err)
	if &again[0] != &encoded[:1][0] || !bytes.Equal(again, stored) {
		t.Error("Encode did not use its buffer")
	}
	for _, e.Codec = range []blob.Codec{blob.Zstd, blob.XOR, blob.Patch} {
		back, err := c.Decode(decoded, e, stored, nil)
		check(t, err)
		if &back[0] != &decoded[0] || !bytes.Equal(back, raw) {
			t.Errorf("%v: Decode did not use its buffer", e.Codec)
		}
		if cap(back) != cap(decoded) { // the next chunk may be longer
			t.Errorf("%v: Decode left %d bytes of a buffer of %d", e.Codec, cap(back), cap(decoded))
		}
	}
}

// A compressor that corrupts silently shows itself to verify as bytes that
// decode to others.
func TestVerifyRefusesOtherBytes(t *testing.T) {
	c, raw := NewCoder(), text(1000)
	stored, _, err := c.Encode(nil, raw)
	check(t, err)
	check(t, c.verify(stored, raw))
	other := bytes.Clone(raw)
	other[500] ^= 1
	for _, wrong := range [][]byte{other, raw[:999], append(bytes.Clone(raw), 0), nil} {
		if c.verify(stored, wrong) == nil {
			t.Errorf("%d bytes pass for others", len(wrong))
		}
	}
	wantCorrupt(t, c.verify(stored[:len(stored)-1], raw))
	check(t, c.verify(stored, raw))
}

// streamed returns a zstd frame that does not state the size of its content.
func streamed(t *testing.T, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	enc, err := zstd.NewWriter(&b, zstd.WithWindowSize(1<<20))
	check(t, err)
	for len(raw) > 0 {
		n := min(len(raw), 1<<20)
		_, err := enc.Write(raw[:n])
		check(t, err)
		check(t, enc.Flush())
		raw = raw[n:]
	}
	check(t, enc.Close())
	return b.Bytes()
}

// frameHeader returns the start of a frame: a window of 1 KiB << 10*exponent,
// and a content size where claim is not zero.
func frameHeader(exponent byte, claim uint64) []byte {
	b := []byte{0x28, 0xb5, 0x2f, 0xfd, 0, exponent << 3}
	if claim != 0 {
		b[4] = 0xc0
		b = binary.LittleEndian.AppendUint64(b, claim)
	}
	return append(b, 1, 0, 0) // an empty last block
}

func TestBombsAreRefusedWithoutMemory(t *testing.T) {
	zeros := make([]byte, 32<<20)
	small, err := zstd.NewWriter(nil)
	check(t, err)
	honest := small.EncodeAll(zeros, nil)
	stream := streamed(t, zeros)
	twice := append(small.EncodeAll(zeros[:100], nil), small.EncodeAll(zeros[:100], nil)...)
	c := NewCoder()
	_, err = c.Decode(nil, blob.Entry{Raw: 100, Codec: blob.Zstd}, small.EncodeAll(zeros[:100], nil), nil)
	check(t, err) // the decoder has its memory now
	for _, tt := range []struct {
		name   string
		stored []byte
		raw    uint32
	}{
		{"states its size", honest, 100},
		{"streams", stream, 100},
		{"two frames", twice, 100},
		{"claims 2^40 bytes", frameHeader(1, 1<<40), 100},
		{"claims all there is", frameHeader(1, 1<<64-1), 100},
		{"window of 1 TiB", frameHeader(30, 0), 100},
		{"grows from nothing", stream, 0},
		{"shorter than the entry says", small.EncodeAll(zeros[:99], nil), 100},
		{"nothing", nil, 100},
		{"entry claims above MaxRaw", honest, blob.MaxRaw + 1},
		{"entry claims 4 GiB", honest, 1<<32 - 1},
	} {
		for _, codec := range []blob.Codec{blob.Zstd, blob.XOR, blob.Patch} {
			var err error
			n := allocated(func() {
				_, err = c.Decode(nil, blob.Entry{Raw: tt.raw, Codec: codec}, tt.stored, zeros)
			})
			wantCorrupt(t, err)
			if n > 2<<20 {
				t.Errorf("%s: %v allocates %d bytes", tt.name, codec, n)
			}
		}
	}
}

func TestDecodeRefusesWrongRaw(t *testing.T) {
	c := NewCoder()
	for _, n := range []uint32{0, 9, 11, blob.MaxRaw + 1, 1<<32 - 1} {
		_, err := c.Decode(nil, blob.Entry{Raw: n, Codec: blob.Raw}, noise(1, 10), nil)
		wantCorrupt(t, err)
	}
	for _, codec := range []blob.Codec{0, 5, 255} {
		_, err := c.Decode(nil, blob.Entry{Raw: 10, Codec: codec}, noise(1, 10), nil)
		wantCorrupt(t, err)
	}
}

// Whatever is stored, a blob decodes to as many bytes as its entry says, in
// memory that was there before, or is damaged.
func FuzzDecodeBlob(f *testing.F) {
	c, raw := NewCoder(), text(3000)
	whole, _, err := c.Encode(nil, raw)
	check(f, err)
	xor, err := c.EncodeXOR(nil, raw, raw[:2000], len(raw))
	check(f, err)
	patch, err := c.EncodePatch(nil, raw, raw[1000:], len(raw))
	check(f, err)
	f.Add(byte(blob.Raw), uint16(len(raw)), raw, []byte(nil))
	f.Add(byte(blob.Zstd), uint16(len(raw)), whole, []byte(nil))
	f.Add(byte(blob.XOR), uint16(len(raw)), xor, raw[:2000])
	f.Add(byte(blob.Patch), uint16(len(raw)), patch, raw[1000:])
	f.Add(byte(0), uint16(1), []byte{0}, []byte(nil))
	dst := make([]byte, 1<<16)
	f.Fuzz(mutate.Often(func(t *testing.T, codec byte, n uint16, stored, base []byte) {
		got, err := c.Decode(dst, blob.Entry{Raw: uint32(n), Codec: blob.Codec(codec)}, stored, base)
		if err != nil {
			wantCorrupt(t, err)
			return
		}
		if len(got) != int(n) || n > 0 && &got[0] != &dst[0] {
			t.Fatalf("%d bytes, want %d, in the buffer", len(got), n)
		}
	}))
}

// What is encoded, whole or against any base, decodes to itself.
func FuzzEncodeBlob(f *testing.F) {
	f.Add([]byte("x"), []byte(nil))
	f.Add(text(3000), text(2000))
	f.Add(make([]byte, 500), noise(1, 600))
	c, dst := NewCoder(), []byte(nil)
	f.Fuzz(mutate.Often(func(t *testing.T, raw, base []byte) {
		stored, codec, err := c.Encode(nil, raw)
		check(t, err)
		dst, err = c.Decode(dst, blob.Entry{Raw: uint32(len(raw)), Codec: codec}, stored, nil)
		if err != nil || !bytes.Equal(dst, raw) {
			t.Fatalf("%v: %d bytes decode to %d others: %v", codec, len(raw), len(dst), err)
		}
		for _, e := range deltaEncoders(c) {
			delta, err := e.encode(nil, raw, base, len(raw))
			check(t, err)
			if delta == nil {
				continue
			}
			dst, err = c.Decode(dst, blob.Entry{Raw: uint32(len(raw)), Codec: e.codec}, delta, base)
			if err != nil || !bytes.Equal(dst, raw) {
				t.Fatalf("%v: %d bytes decode to %d others: %v", e.codec, len(raw), len(dst), err)
			}
		}
	}))
}
