// Package chunker cuts files and byte streams into chunks, the unit that the
// store deduplicates. A Cutter finds the cuts, For chooses the Cutter that fits
// a file, and Chunks runs one over a stream.
//
// There are two ways to cut. Files that change in place, as databases' do, are
// cut at fixed offsets, so that a changed page touches one chunk. Files whose
// content shifts, as dumps' does, are cut where the content says so, by FastCDC
// (Xia et al., "FastCDC: a Fast and Efficient Content-Defined Chunking Approach
// for Data Deduplication", USENIX ATC 2016): a gear hash rolls over the bytes,
// and normalized chunking keeps the lengths close to their average.
//
// Cuts are part of the store's format in effect: nothing breaks when they move,
// but nothing deduplicates against what was stored before.
package chunker

// A Cutter finds where the next chunk of a byte stream ends. Implementations
// are pure, so they are safe for concurrent use and keep no reference to data.
type Cutter interface {
	// Cut returns the length in bytes of the first chunk of data.
	//
	// When final is false, data is a prefix of what is left of the stream, and
	// Cut returns 0 if it needs more to decide; it never needs more than Max
	// bytes. When final is true, data is all that is left, and Cut returns 1 to
	// Max for non-empty data. The cuts depend on the stream alone, not on the
	// prefixes in which it was presented.
	Cut(data []byte, final bool) int

	// Max returns the length of the longest chunk, in bytes.
	Max() int
}
