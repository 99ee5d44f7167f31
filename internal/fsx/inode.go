package fsx

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// An inode is a file of any type held by an O_PATH descriptor. That can be
// looked at and changed without opening the file, and cannot be swapped for
// another file between the two.
type inode struct {
	fd   int
	stat Stat // as of pin, or of the last look again
}

// pin holds the inode of the entry name, or of d itself if name is empty. The
// caller releases it.
func (d *Dir) pin(name string) (*inode, error) {
	if name == "" {
		name = "."
	} else if err := checkName(name); err != nil {
		return nil, err
	}
	fd, err := openat2(d.fd, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, stayInside)
	if err != nil {
		return nil, err
	}
	stat, err := statFD(fd)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &inode{fd: fd, stat: stat}, nil
}

func (n *inode) release() { unix.Close(n.fd) }

// look brings n.stat up to date.
func (n *inode) look() error {
	stat, err := statFD(n.fd)
	if err == nil {
		n.stat = stat
	}
	return err
}

// path leads to the inode in calls that follow it, and never beyond: it is not
// a symlink but a jump.
func (n *inode) path() string { return procPath(n.fd) }

// reopen opens the inode, which must be a regular file or a directory.
func (n *inode) reopen(flags int) (int, error) {
	return withoutAtime(func(noatime int) (int, error) {
		return unix.Open(n.path(), flags|noatime|unix.O_CLOEXEC, 0)
	})
}

// setFlags makes the kept flags of the inode equal to flags.
func (n *inode) setFlags(flags uint32) error {
	fd, err := n.reopen(unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := setFlags(fd, flags); err != nil {
		return err
	}
	n.stat.Flags = flags
	return nil
}

// setFlags makes the kept flags of the inode behind fd equal to flags, leaving
// those alone that are the file system's own.
func setFlags(fd int, flags uint32) error {
	old, err := unix.IoctlGetUint32(fd, unix.FS_IOC_GETFLAGS)
	if err != nil {
		return err
	}
	return retry(func() error {
		return unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, int(old&^keptFlags|flags))
	})
}

func procPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }
