package fsx

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// What this package refuses, beside the errors of the system, which are
// syscall.Errno and match fs.ErrNotExist, fs.ErrExist and the like.
var (
	// ErrName: a name is not one component of a path: empty, "." or "..", or
	// with a slash or a NUL in it.
	ErrName = errors.New("not a single path component")
	// ErrNotDirectory: something else, perhaps a symlink, is where a directory
	// was expected.
	ErrNotDirectory = errors.New("not a directory")
	// ErrNotRegular: only regular files are opened; a FIFO would block, and a
	// device act.
	ErrNotRegular = errors.New("not a regular file")
	// ErrType: an inode is of another type than its metadata says, or a type
	// cannot be made this way.
	ErrType = errors.New("wrong file type")
	// ErrMount: another file system is mounted there, so that what would be
	// reached is not part of this tree.
	ErrMount = errors.New("is a mount point")
	// ErrMoved: a directory went elsewhere while a walk was below it.
	ErrMoved = errors.New("directory was moved")
	// ErrReplaced: a path leads to another directory than before, or through
	// another mount.
	ErrReplaced = errors.New("is not what it was")
	// ErrIncapable: a file system cannot hold what it is asked to.
	ErrIncapable = errors.New("the file system cannot hold it")
	// ErrLinked: an inode has other names, perhaps outside of the tree.
	ErrLinked = errors.New("has other names")
	// ErrMeta: no inode can have such metadata. The system would not refuse it
	// but take it as a wish to leave things as they are.
	ErrMeta = errors.New("impossible metadata")
	// ErrLocked: another process, or another Lock of this one, is in the way.
	ErrLocked = errors.New("locked")
	// ErrLockLost: another took the lock while it was changing its mode, and
	// it is no longer held at all.
	ErrLockLost = errors.New("lock lost")
)

// describe says what was done to which name when err is not nil. It adds
// ErrMount to the errnos by which the kernel keeps names of one mount apart
// from those of another.
func describe(err error, action, name string) error {
	switch err {
	case nil:
		return nil
	case unix.EXDEV, unix.EBUSY:
		return fmt.Errorf("%s %q: %w: %w", action, name, ErrMount, err)
	}
	return fmt.Errorf("%s %q: %w", action, name, err)
}

// describeFile is describe for an open file. Those of a tree have quoted names
// already.
func describeFile(err error, action string, f *os.File) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", action, f.Name(), err)
}
