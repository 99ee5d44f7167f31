// Package fsx reads and changes trees of files that others own and may be
// changing with malice, and writes the store's own files so that they survive a
// power cut. It is the only package that makes Linux system calls.
//
// A tree is reached through a Dir, an open directory, and one name at a time:
// no call follows a symlink, leaves the directory or enters another mount, and
// nothing is opened before it is known to be a regular file or a directory.
// Who owns the tree's content may rename things meanwhile, and it changes
// nothing. Errors name what was tried, quote the names of
// files, and wrap the system's errno.
package fsx

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/warmstore/warmstore/internal/planted"
)

// A Dir is an open directory. Names passed to its methods are single
// components, of raw bytes; anything else is ErrName. Its methods may be called
// concurrently, except Names with itself, and Close with any.
type Dir struct {
	fd int
}

const (
	dirFlags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC

	// stayInside is how every lookup within a tree is made.
	stayInside = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS |
		unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_MAGICLINKS

	// maxPath bounds what one lookup may be given, bytes; the kernel counts the
	// terminating NUL too.
	maxPath = unix.PathMax - 1

	// direntBuffer holds some 2,000 entries a system call. It lives on the stack.
	direntBuffer = 64 << 10 // bytes
)

// OpenDir opens the root of a tree. The path is trusted: it may lead through
// symlinks and mounts. The caller closes the Dir.
func OpenDir(path string) (*Dir, error) {
	fd, err := withoutAtime(func(noatime int) (int, error) {
		return unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|noatime, 0)
	})
	if err != nil {
		return nil, describe(notDirectory(err), "open directory", path)
	}
	return &Dir{fd: fd}, nil
}

// Close releases the directory. Later calls of any method fail.
func (d *Dir) Close() error {
	fd := d.fd
	d.fd = -1
	// Linux releases the descriptor even if it reports EINTR.
	if err := unix.Close(fd); err != nil && err != unix.EINTR {
		return fmt.Errorf("close directory: %w", err)
	}
	return nil
}

// OpenDir opens the directory name. It returns ErrNotDirectory if name is
// something else, a symlink included, and ErrMount if something is mounted on
// it. The caller closes the Dir.
func (d *Dir) OpenDir(name string) (*Dir, error) {
	if err := checkName(name); err != nil {
		return nil, describe(err, "open directory", name)
	}
	return d.open(name)
}

// OpenPath opens a directory any number of levels below d, with the guarantees
// of OpenDir at each. The path may be longer than one lookup allows; "" and "."
// open d once more. The caller closes the Dir.
func (d *Dir) OpenPath(path string) (*Dir, error) {
	if path == "" || path == "." {
		return d.open(".")
	}
	for name := range strings.SplitSeq(path, "/") {
		if err := checkName(name); err != nil {
			return nil, describe(err, "open directory", path)
		}
	}
	at := d
	for {
		head, rest := cutPath(path)
		next, err := at.open(head)
		if at != d {
			at.Close()
		}
		if err != nil || rest == "" {
			return next, err
		}
		at, path = next, rest
	}
}

// Names returns the names of all entries but "." and "..", sorted by bytes. It
// reads them anew, from the start, each time.
func (d *Dir) Names() ([]string, error) {
	if _, err := unix.Seek(d.fd, 0, unix.SEEK_SET); err != nil {
		return nil, fmt.Errorf("rewind directory: %w", err)
	}
	var (
		buf   [direntBuffer]byte
		names []string
	)
	for {
		n, err := retryInt(func() (int, error) { return unix.Getdents(d.fd, buf[:]) })
		if err != nil {
			return nil, fmt.Errorf("read directory: %w", err)
		}
		if n == 0 {
			break
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
	slices.Sort(names)
	// A directory that changes while it is read may show a name twice.
	return slices.Compact(names), nil
}

// Readlink returns the target of the symlink name, as raw bytes.
func (d *Dir) Readlink(name string) (string, error) {
	if err := checkName(name); err != nil {
		return "", describe(err, "read link", name)
	}
	var buf [unix.PathMax]byte // no target is longer
	n, err := retryInt(func() (int, error) { return unix.Readlinkat(d.fd, name, buf[:]) })
	if err != nil {
		return "", describe(err, "read link", name)
	}
	return string(buf[:n]), nil
}

// open opens a directory below d by a path that needs only one lookup.
func (d *Dir) open(path string) (*Dir, error) {
	fd, err := withoutAtime(func(noatime int) (int, error) {
		return openat2(d.fd, path, dirFlags|noatime, stayInside)
	})
	if err != nil {
		return nil, describe(notDirectory(err), "open directory", path)
	}
	return &Dir{fd: fd}, nil
}

// above opens the directory that d is in, which must be the one that id was taken
// of; else it returns ErrMoved.
func (d *Dir) above(id Identity) (*Dir, error) {
	fd, err := withoutAtime(func(noatime int) (int, error) {
		return openat2(d.fd, "..", dirFlags|noatime, stayInside&^unix.RESOLVE_BENEATH)
	})
	if err != nil {
		return nil, err
	}
	above := &Dir{fd: fd}
	self, err := above.Self()
	if err == nil && (self.ID.Dev != id.Dev || self.ID.Ino != id.Ino || self.ID.Mount != id.Mount) {
		err = ErrMoved
	}
	if err != nil {
		above.Close()
		return nil, err
	}
	return above, nil
}

// checkName returns ErrName unless name is a single component of a path.
func checkName(name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return ErrName
	}
	return nil
}

// cutPath splits off as many leading components as one lookup may be given.
func cutPath(path string) (head, rest string) {
	if len(path) <= maxPath {
		return path, ""
	}
	i := strings.LastIndexByte(path[:maxPath+1], '/')
	if i < 0 {
		return path, "" // one endless name, which the kernel refuses
	}
	return path[:i], path[i+1:]
}

// notDirectory adds ErrNotDirectory to the errnos that say so.
func notDirectory(err error) error {
	if err == unix.ENOTDIR || err == unix.ELOOP {
		return fmt.Errorf("%w: %w", ErrNotDirectory, err)
	}
	return err
}

// openat2 opens path below dir, under the restrictions of resolve.
func openat2(dir int, path string, flags int, resolve uint64) (int, error) {
	how := unix.OpenHow{Flags: uint64(flags), Resolve: resolve}
	if planted.Bug("look, then open") && mayFollow(dir, path, flags) {
		how = unix.OpenHow{Flags: uint64(flags &^ unix.O_NOFOLLOW)}
	}
	for {
		fd, err := unix.Openat2(dir, path, &how)
		// EAGAIN means that a rename elsewhere made the lookup uncertain.
		if err != unix.EINTR && err != unix.EAGAIN {
			return fd, err
		}
	}
}

// mayFollow is for a planted bug: a symlink is pinned itself, as that is shown
// by a look, and what is opened was looked at by the caller.
func mayFollow(dir int, path string, flags int) bool {
	var raw unix.Stat_t
	err := unix.Fstatat(dir, path, &raw, unix.AT_SYMLINK_NOFOLLOW)
	return flags&unix.O_PATH == 0 || err != nil || raw.Mode&unix.S_IFMT != unix.S_IFLNK
}

// withoutAtime opens with O_NOATIME, so that looking at a tree leaves no trace
// in it, or without if we are not privileged enough.
func withoutAtime(open func(noatime int) (int, error)) (int, error) {
	fd, err := retryInt(func() (int, error) { return open(unix.O_NOATIME) })
	if err == unix.EPERM {
		fd, err = retryInt(func() (int, error) { return open(0) })
	}
	return fd, err
}
