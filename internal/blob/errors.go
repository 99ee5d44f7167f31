package blob

import "errors"

var (
	// ErrCorrupt means that bytes on disk are not what was written. What the
	// other packages call damaged matches it too.
	ErrCorrupt = errors.New("damaged")
	// ErrVersion means that a newer warmstore wrote it, which is no damage.
	ErrVersion = errors.New("of a newer version")
)
