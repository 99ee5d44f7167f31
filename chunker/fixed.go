package chunker

// Fixed is a Cutter whose chunks are all exactly that many bytes, which must be
// positive, but for the last, which may be shorter. Chunks of a file so cut
// start at multiples of it.
type Fixed int

// Cut implements Cutter.
func (f Fixed) Cut(data []byte, final bool) int {
	if len(data) < int(f) && !final {
		return 0
	}
	return min(len(data), int(f))
}

// Max implements Cutter.
func (f Fixed) Max() int { return int(f) }
