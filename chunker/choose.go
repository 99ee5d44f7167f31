package chunker

import "bytes"

// HeadSize is how much of a file's start For looks at, in bytes: a tar header.
const HeadSize = 512

const (
	// baseSize is the chunk length for all but huge files, by either cutter.
	// Measured on Postgres and SQLite before and after thousands of writes: 128
	// KiB saves 1 to 7 % of the first snapshot, but the second then has 5 to 57 %
	// more bytes to compress, and a restore to decode and write; 32 KiB makes the
	// first 2 to 11 % larger. SQL dumps would gain from 32 KiB, up to 16 % of the
	// second, but most bytes that FastCDC cuts are uploads that never change,
	// and there it only doubles the index. ARCHITECTURE.md has the table.
	baseSize = 64 << 10 // bytes

	// largestSize makes the longest chunk that FastCDC may cut 4 MiB, half of
	// what a blob may hold.
	largestSize = 2 << 20 // bytes

	// manyChunks bounds the manifest and index entries of one file to some 70
	// MB. It lets 1 TiB be cut at largestSize.
	manyChunks = 1 << 19

	// pageSize divides the page length of nearly every database, and of the
	// file system below it.
	pageSize = 4 << 10 // bytes
)

// For chooses how to cut a file of size bytes that starts with head, its first
// HeadSize bytes or all if it is shorter. Sparse says that it has holes.
//
// A growing or changing file should get the same answer for as long as possible,
// for a different one shares no chunk with the snapshot before.
func For(size int64, head []byte, sparse bool) Cutter {
	length := chunkSize(size)
	if size <= baseSize { // one chunk
		return Fixed(length)
	}
	// Holes stay at their offsets: what made them writes in place, and chunks
	// that start at aligned offsets are all hole or all data most often.
	if sparse || inPlace(size, head) {
		return Fixed(length)
	}
	return NewFastCDC(length)
}

// chunkSize returns the chunk length for a file of size bytes. It doubles when
// the file has doubled, from 32 GiB on, so that few files ever see it change.
func chunkSize(size int64) int {
	length := baseSize
	for length < largestSize && size > int64(length)*manyChunks {
		length *= 2
	}
	return length
}

// inPlace reports whether a file of size bytes that starts with head is likely
// changed by overwriting parts of it, rather than by inserting or rewriting.
func inPlace(size int64, head []byte) bool {
	// A tar is padded to blocks of 10,240 bytes, so half of all tars are whole
	// pages by chance; yet one longer member shifts all that follow.
	if len(head) >= 262 && string(head[257:262]) == "ustar" {
		return false
	}
	// Whole pages: Postgres relations and WAL, InnoDB, LMDB, bbolt, WiredTiger,
	// raw disk images, preallocated logs. The rule has no lower bound, since a
	// relation must not change its cutter as it grows, and of the dumps and logs
	// that it should not catch only one in 4096 is whole pages by chance.
	return size%pageSize == 0 || pagedMagic(head)
}

// pagedMagic reports whether head is that of a format that is changed in place,
// though its files need not be whole pages.
func pagedMagic(head []byte) bool {
	for _, magic := range []string{
		"SQLite format 3\x00", // pages of 512 to 2048 bytes exist
		"\x37\x7f\x06\x82",    // SQLite WAL: frames of a page and 24 bytes,
		"\x37\x7f\x06\x83",    // overwritten from the start after a checkpoint
		"QFI\xfb",             // qcow2: the last cluster may be partial
	} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}
