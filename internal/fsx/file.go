package fsx

import (
	"os"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// OpenFile opens the regular file name for reading, without moving its access
// time, and returns what it looked like just before. Anything but a regular
// file is ErrNotRegular and is never opened; something mounted on name is
// ErrMount. The caller closes the file; its Name is name, quoted.
func (d *Dir) OpenFile(name string) (*os.File, Stat, error) {
	return d.openFile(name, unix.O_RDONLY)
}

// OpenFileRW is OpenFile for reading and writing in place. A file with more
// than one link may be known by names outside of the tree: see Stat.Links.
func (d *Dir) OpenFileRW(name string) (*os.File, Stat, error) {
	return d.openFile(name, unix.O_RDWR)
}

// Create makes a new regular file, readable and writable by root alone, and
// opens it for both. The name must be free. The caller closes the file; its
// Name is name, quoted.
func (d *Dir) Create(name string) (*os.File, error) {
	const flags = unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW | unix.O_RDWR | unix.O_CLOEXEC
	if err := checkName(name); err != nil {
		return nil, describe(err, "create", name)
	}
	fd, err := retryInt(func() (int, error) { return unix.Openat(d.fd, name, flags, 0o600) })
	if err != nil {
		return nil, describe(err, "create", name)
	}
	return newFile(fd, name), nil
}

// StartWriteback makes the kernel start writing n dirty bytes of f from off on,
// all the rest if n is 0, so that a later fsync waits less. It promises nothing
// about durability.
func StartWriteback(f *os.File, off, n int64) error {
	err := onFD(f, func(fd int) error {
		return unix.SyncFileRange(fd, off, n, unix.SYNC_FILE_RANGE_WRITE)
	})
	return describeFile(err, "start writeback of", f)
}

func (d *Dir) openFile(name string, flags int) (*os.File, Stat, error) {
	if err := checkName(name); err != nil {
		return nil, Stat{}, describe(err, "open", name)
	}
	n, err := d.pin(name)
	if err != nil {
		return nil, Stat{}, describe(err, "open", name)
	}
	defer n.release()
	if n.stat.Type != Regular {
		return nil, Stat{}, describe(ErrNotRegular, "open", name)
	}
	fd, err := n.reopen(flags)
	if err != nil {
		return nil, Stat{}, describe(err, "open", name)
	}
	return newFile(fd, name), n.stat, nil
}

// newFile wraps fd, which is in blocking mode, so that the runtime does not
// register it for polling. The name is quoted because os puts it into errors.
func newFile(fd int, name string) *os.File {
	return os.NewFile(uintptr(fd), strconv.Quote(name))
}

// onFD makes a system call on f's descriptor.
func onFD(f *os.File, call func(fd int) error) error {
	err := retry(func() error { return call(int(f.Fd())) })
	runtime.KeepAlive(f)
	return err
}
