package restore

import (
	"errors"

	"github.com/warmstore/warmstore/internal/fsx"
)

var (
	// ErrInvalid means that a target cannot be restored into as asked.
	ErrInvalid = errors.New("invalid")
	// ErrMissing means that a target does not exist. It comes with ErrInvalid.
	ErrMissing = errors.New("there is no such directory")
	// ErrIncapable means that a target's file system cannot hold what the
	// snapshot has. Nothing was changed.
	ErrIncapable = fsx.ErrIncapable
	// ErrReplaced means that something was mounted, unmounted or renamed, so
	// that the path of a target leads elsewhere than before.
	ErrReplaced = fsx.ErrReplaced
	// ErrMount means that something else is mounted within a target.
	ErrMount = fsx.ErrMount
)
