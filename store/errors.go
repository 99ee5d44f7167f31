package store

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
)

var (
	// ErrInvalid means that a name, path or option given by the caller cannot
	// be used.
	ErrInvalid = errors.New("invalid")
	// ErrNotFound means that there is no such store, app or snapshot.
	ErrNotFound = errors.New("not found")
	// ErrUnsafe means that others than root could change the store, or that
	// the process is not root.
	ErrUnsafe = errors.New("unsafe")
	// ErrChanged means that a file kept changing while it was read.
	ErrChanged = errors.New("changed while it was read")
	// ErrUnfinished means that a restore of the app was begun and not finished.
	ErrUnfinished = errors.New("a restore is unfinished")
	// ErrFull means that there is no space left for the store.
	ErrFull = errors.New("the store is full")
	// ErrLocked means that another process holds the lock.
	ErrLocked = fsx.ErrLocked
	// ErrReplaced means that something was mounted, unmounted or renamed, so
	// that the path of a volume leads elsewhere than before.
	ErrReplaced = fsx.ErrReplaced
	// ErrMount means that something else is mounted within a volume.
	ErrMount = fsx.ErrMount
	// ErrCorrupt means that the store is damaged.
	ErrCorrupt = blob.ErrCorrupt
	// ErrVersion means that the store was written by a newer warmstore.
	ErrVersion = blob.ErrVersion
)

// full says ErrFull for the errors of a file system without space. The volumes
// are only read, so it is the store's.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

// missing says ErrCorrupt for a file of the store that is not there.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}
