package pack

import (
	"errors"
	"fmt"

	"github.com/warmstore/warmstore/internal/blob"
)

var (
	// ErrVersion means that a pack was written by a newer warmstore.
	ErrVersion = fmt.Errorf("pack is %w", blob.ErrVersion)
	// ErrCorrupt means that bytes on disk are not what was written.
	ErrCorrupt = fmt.Errorf("pack is %w", blob.ErrCorrupt)
	// ErrBroken means that a Writer met an error before and is dead.
	ErrBroken = errors.New("pack writer is broken")
)

// A BlobError says which blob of which pack could not be read, and why. It
// matches ErrCorrupt if the bytes were read but are wrong.
type BlobError struct {
	Pack, Blob blob.ID
	Offset     uint32 // of the blob in the pack, bytes
	Err        error
}

// Error says what could not be read, and why.
func (e *BlobError) Error() string {
	return fmt.Sprintf("read pack %s: blob %s at %d: %v", e.Pack.Short(), e.Blob.Short(), e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *BlobError) Unwrap() error { return e.Err }

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrCorrupt}, args...)...)
}
