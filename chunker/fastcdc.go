package chunker

import "math"

// FastCDC is a Cutter that cuts where the gear hash of the last 64 bytes is
// small. Up to the normal length a cut needs a hash four times rarer than the
// average asks for, after it one four times more frequent: that is normalized
// chunking at level 2. NewFastCDC makes one; the zero value is not usable.
type FastCDC struct {
	min, normal, max int    // lengths in bytes
	strict, loose    uint64 // a cut needs a hash below this, before and after normal
}

// minAverage is the least average length, in bytes: below it, Min would be
// shorter than the window of the hash.
const minAverage = 4 * window

// NewFastCDC returns a FastCDC whose chunks of random data are avg bytes long on
// average, avg/4 at the least (but for the last chunk of a stream) and 2*avg at
// the most. It panics if avg is less than 256.
func NewFastCDC(avg int) FastCDC {
	if avg < minAverage {
		panic("chunker: average chunk length below 256 bytes")
	}
	// A hash is below 2^64/n once in n bytes. The mean length, in units of avg,
	// is then 1/4 + 4(1-p) + p/4, where p = exp(-(normal-1/4)/4) is the share
	// of chunks that reach normal; 13/16 brings it to 0.99.
	once := math.MaxUint64 / uint64(avg)
	return FastCDC{
		min:    avg / 4,
		normal: avg / 16 * 13,
		max:    avg * 2,
		strict: once / 4,
		loose:  once * 4,
	}
}

// Cut implements Cutter.
func (c FastCDC) Cut(data []byte, final bool) int {
	end := min(len(data), c.max)
	if n := c.find(data[:end]); n > 0 {
		return n
	}
	if end == c.max || final {
		return end
	}
	return 0
}

// Max implements Cutter.
func (c FastCDC) Max() int { return c.max }

// find returns the length of the chunk that the content of data ends, or 0.
// The hash starts a window before the first possible cut, so that where a cut
// falls depends on the bytes before it and not on where the chunk began.
func (c FastCDC) find(data []byte) int {
	if len(data) < c.min {
		return 0
	}
	normal := min(len(data), c.normal)
	_, h, _ := roll(0, data[c.min-window:c.min], 0)
	n, h, found := roll(h, data[c.min:normal], c.strict)
	if found {
		return c.min + n
	}
	n, _, found = roll(h, data[normal:], c.loose)
	if found {
		return normal + n
	}
	return 0
}
