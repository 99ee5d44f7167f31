// Package manifest encodes the tree of one volume at one time: every path with
// its metadata and the chunks of its content. It holds content only, nothing
// that names the file system it came from, so that equal trees have equal
// manifests. FORMAT.md section 4 is the encoding.
package manifest

import (
	"fmt"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
)

var (
	// ErrVersion means that a manifest was written by a newer warmstore.
	ErrVersion = fmt.Errorf("manifest is %w", blob.ErrVersion)
	// ErrCorrupt means that the bytes are no manifest that an Encoder writes.
	ErrCorrupt = fmt.Errorf("manifest is %w", blob.ErrCorrupt)
)

// Limits of what a manifest may hold: those of Linux, and where Linux has
// none, what keeps a damaged manifest from exhausting memory.
const (
	maxName       = 255     // bytes; NAME_MAX
	maxTarget     = 4095    // bytes; PATH_MAX without its NUL
	maxXattrName  = 255     // bytes; XATTR_NAME_MAX
	maxXattrValue = 1 << 16 // bytes; XATTR_SIZE_MAX
	maxXattrs     = 1 << 16 // bytes; XATTR_LIST_MAX, a name being one at least
	maxDepth      = 1 << 16 // directories; a path of 128 KiB at the least
	maxPieces     = 1 << 22 // a file; 8 TiB in the longest chunks that the chunker aims at
	maxHoles      = 1 << 24 // a file; a hole every page of 64 GiB
)

// keptFlags are those that a snapshot keeps, of directories and regular files.
const keptFlags = fsx.FlagImmutable | fsx.FlagAppend | fsx.FlagNoDump

// A Kind says what an Entry is. Zero is invalid.
type Kind uint8

// The kinds of entry.
const (
	Inode Kind = 1 + iota // a file of any type, by its first or only name
	Link                  // a further name of an inode that came earlier
	End                   // the end of the directory that is open
)

// An Entry is one step of a walk through the tree: directories come before
// what they hold, names in a directory ascend bytewise, and an End closes each
// directory. The first entry is the root directory, whose name is empty.
type Entry struct {
	Kind Kind
	Name string // one path component, raw bytes

	// Group numbers the inodes that have several names in this tree, from 1 in
	// order of appearance. Of an Inode, 0 says that it has one name.
	Group uint64

	Meta fsx.Meta // of an Inode

	// Of a regular file: its number among those of the manifest, from 0, which
	// is not stored but set by Decoder and Encoder; its size in bytes; its
	// holes, ascending and apart; and its content, holes read as zeros.
	Number int64
	Size   int64
	Holes  []fsx.Extent
	Pieces []Piece
}

// A Piece is a run of a file's content: one chunk, or zeros.
type Piece struct {
	ID     blob.ID // zero for a run of zero bytes, which is not stored
	Length int64   // bytes
}

// IsDir reports whether e opens a directory.
func (e *Entry) IsDir() bool { return e.Kind == Inode && e.Meta.Type == fsx.Directory }

// IsFile reports whether e is a regular file by its first name.
func (e *Entry) IsFile() bool { return e.Kind == Inode && e.Meta.Type == fsx.Regular }

// AppendPiece adds a piece to the content, joining runs of zeros.
func AppendPiece(pieces []Piece, p Piece) []Piece {
	if last := len(pieces) - 1; last >= 0 && p.ID.IsZero() && pieces[last].ID.IsZero() {
		pieces[last].Length += p.Length
		return pieces
	}
	return append(pieces, p)
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrCorrupt}, args...)...)
}
