package pack

import (
	"crypto/subtle"
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// EncodeXOR returns the bytes to store for raw as its difference, offset by offset,
// from base, or nil if they would be more than limit bytes or the two have little
// in common. The result is dst grown at need; it is decoded again and compared
// before it is returned. Where one of raw and base is longer, the other counts as
// followed by zeros.
func (c *Coder) EncodeXOR(dst, raw, base []byte, limit int) ([]byte, error) {
	c.xor = appendXOR(c.xor[:0], raw, base)
	if !alike(c.xor) {
		return nil, nil
	}
	stored := c.enc.EncodeAll(c.xor, dst[:0])
	if len(stored) > limit || len(stored) >= len(raw) {
		return nil, nil
	}
	return stored, c.verify(stored, c.xor)
}

// patchWindow is how many bytes raw and base may have together for a patch. The
// encoder keeps as many.
const patchWindow = 1 << 20

// EncodePatch returns the bytes to store for raw with what it shares with base left
// out, wherever in the two that is, or nil if they would be more than limit bytes or
// the two are more than 1 MiB. The result is dst grown at need; it is decoded again
// and compared before it is returned.
func (c *Coder) EncodePatch(dst, raw, base []byte, limit int) ([]byte, error) {
	if len(raw)+len(base) > patchWindow {
		return nil, nil
	}
	stored, err := c.patch.deflate(dst, raw, base)
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if len(stored) > limit || len(stored) >= len(raw) {
		return nil, nil
	}
	back, err := c.patch.inflate(c.check, stored, base, len(raw))
	return stored, c.compare(back, raw, err)
}

// alikeShare is how many words of an XOR there may be for each zero one, for it
// to be worth compressing: what differs compresses hardly at all.
const alikeShare = 4

// alike reports whether an XOR has so many zeros.
func alike(xor []byte) bool {
	zeros, words := 0, len(xor)/8
	for b := xor; len(b) >= 8; b = b[8:] {
		if binary.NativeEndian.Uint64(b) == 0 {
			zeros++
		}
	}
	return zeros*alikeShare >= words
}

// appendXOR appends raw XOR base to dst, which may alias raw: as many bytes as
// raw has.
func appendXOR(dst, raw, base []byte) []byte {
	dst = append(dst, raw...)
	n := min(len(raw), len(base))
	subtle.XORBytes(dst[:n], raw[:n], base[:n])
	return dst
}

// A patcher compresses with a base as the dictionary. What it needs is made when it
// is needed first, for most volumes need none of it.
type patcher struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
	out appender
}

// dictionary is the ID of bases to zstd: none, and frames do not mention it.
const dictionary = 0

// deflate returns raw as one frame, in dst grown at need.
func (p *patcher) deflate(dst, raw, base []byte) ([]byte, error) {
	if p.enc == nil {
		p.enc = newEncoder(zstd.WithWindowSize(patchWindow), zstd.WithLowerEncoderMem(true))
	}
	p.out = dst[:0]
	if err := p.enc.ResetWithOptions(&p.out, zstd.WithEncoderDictRaw(dictionary, base)); err != nil {
		return nil, err
	}
	if _, err := p.enc.Write(raw); err != nil {
		return nil, err
	}
	err := p.enc.Close()
	return p.out, err
}

// inflate decodes one frame that must hold exactly n bytes.
func (p *patcher) inflate(dst, stored, base []byte, n int) ([]byte, error) {
	if p.dec == nil {
		p.dec = newDecoder()
	}
	if err := p.dec.ResetWithOptions(nil, zstd.WithDecoderDictRaw(dictionary, base)); err != nil {
		return nil, err
	}
	return inflate(p.dec, dst, stored, n)
}

// An appender is a buffer to write to.
type appender []byte

func (a *appender) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}
