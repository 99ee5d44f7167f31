package pack

import (
	"bytes"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/warmstore/warmstore/internal/blob"
)

// A Coder turns the raw bytes of chunks into stored bytes and back. It is not
// safe for concurrent use: each worker has its own.
type Coder struct {
	enc   *zstd.Encoder
	dec   *zstd.Decoder
	patch patcher
	xor   []byte // raw XOR base, of a delta being encoded
	check []byte // a blob decoded again before it is stored
}

// NewCoder returns a Coder at the fastest zstd level. Frames carry no checksum
// of their own: footers hold a CRC, and an ID proves the raw bytes.
func NewCoder() *Coder {
	return &Coder{enc: newEncoder(zstd.WithWindowSize(blob.MaxRaw)), dec: newDecoder()}
}

func newEncoder(further ...zstd.EOption) *zstd.Encoder {
	enc, err := zstd.NewWriter(nil, append([]zstd.EOption{
		zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false),
	}, further...)...)
	if err != nil {
		panic("pack: zstd encoder: " + err.Error())
	}
	return enc
}

func newDecoder() *zstd.Decoder {
	dec, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderMaxMemory(blob.MaxRaw),
		zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic("pack: zstd decoder: " + err.Error())
	}
	return dec
}

// Encode returns the bytes to store for raw, and their codec: a zstd frame, or
// raw itself where zstd does not shrink it. The result is dst grown at need,
// or raw; it is decoded again and compared before it is returned.
func (c *Coder) Encode(dst, raw []byte) ([]byte, blob.Codec, error) {
	stored := c.enc.EncodeAll(raw, dst[:0])
	if len(stored) >= len(raw) {
		return raw, blob.Raw, nil
	}
	return stored, blob.Zstd, c.verify(stored, raw)
}

// verify guards against a compressor that corrupts silently, as the library
// did in two releases.
func (c *Coder) verify(stored, raw []byte) error {
	back, err := c.inflate(c.check, stored, len(raw))
	return c.compare(back, raw, err)
}

func (c *Coder) compare(back, raw []byte, err error) error {
	if err != nil {
		return fmt.Errorf("verify compression: %w", err)
	}
	c.check = back
	if !bytes.Equal(back, raw) {
		return fmt.Errorf("verify compression: %d bytes do not decode to themselves", len(raw))
	}
	return nil
}

// Decode returns the raw bytes of blob e, given its stored bytes and, for a
// delta, the raw bytes of its base. The result is dst grown at need. The
// result's hash is not checked.
func (c *Coder) Decode(dst []byte, e blob.Entry, stored, base []byte) ([]byte, error) {
	switch e.Codec {
	case blob.Raw:
		if len(stored) != int(e.Raw) {
			return nil, corrupt("%d raw bytes stored, want %d", len(stored), e.Raw)
		}
		return append(dst[:0], stored...), nil
	case blob.Zstd:
		return c.inflate(dst, stored, int(e.Raw))
	case blob.XOR:
		raw, err := c.inflate(dst, stored, int(e.Raw))
		if err != nil {
			return nil, err
		}
		return appendXOR(raw[:0], raw, base), nil
	case blob.Patch:
		return c.patch.inflate(dst, stored, base, int(e.Raw))
	}
	return nil, corrupt("unknown %v", e.Codec)
}

// beyond is how many bytes more than there are to decode must fit, for the decoder
// not to look before each copy whether they do: its compressedBlockOverAlloc.
const beyond = 16

// inflate decodes one frame that must hold exactly n bytes; it allocates less than
// twice as many, whatever the frame claims.
func (c *Coder) inflate(dst, stored []byte, n int) ([]byte, error) {
	return inflate(c.dec, dst, stored, n)
}

func inflate(dec *zstd.Decoder, dst, stored []byte, n int) ([]byte, error) {
	if n > blob.MaxRaw {
		return nil, corrupt("blob of %d bytes, at most %d are allowed", n, blob.MaxRaw)
	}
	if cap(dst) < n+beyond {
		dst = make([]byte, 0, max(n+beyond, 2*cap(dst))) // chunks differ in length
	}
	raw, err := dec.DecodeAll(stored, dst[:0:n+beyond])
	if err != nil {
		return nil, corrupt("zstd: %v", err)
	}
	if len(raw) != n {
		return nil, corrupt("%d raw bytes, want %d", len(raw), n)
	}
	return dst[:n], nil // which is raw, with all the room that there is
}
