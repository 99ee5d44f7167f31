package fsx

import (
	"golang.org/x/sys/unix"
)

// maxDevice is the largest number of a device: mknod would cut off the rest of a
// larger one, and make another.
const maxDevice = 1<<32 - 1

// Mkdir makes the directory name, for root alone.
func (d *Dir) Mkdir(name string) error {
	return d.change("make directory", name, func() error {
		return unix.Mkdirat(d.fd, name, 0o700)
	})
}

// Symlink makes the symlink name to target, which is not interpreted.
func (d *Dir) Symlink(target, name string) error {
	return d.change("make symlink", name, func() error {
		return unix.Symlinkat(target, d.fd, name)
	})
}

// Mknod makes a FIFO, a socket or the device m.Rdev, for root alone. Of m it
// uses Type and Rdev; Apply does the rest.
func (d *Dir) Mknod(name string, m Meta) error {
	device := uint64(0)
	if m.Rdev > maxDevice {
		return describe(ErrMeta, "make node", name)
	}
	switch m.Type {
	case CharDevice, BlockDevice:
		device = m.Rdev
	case FIFO, Socket:
	default:
		return describe(ErrType, "make node", name)
	}
	return d.change("make node", name, func() error {
		return unix.Mknodat(d.fd, name, m.Type.format()|0o600, int(device))
	})
}

// Link makes name another link to the inode that fromName is in from, protected
// by flags or not. A symlink is linked itself. It returns ErrMount if the two are
// not on one mount.
func (d *Dir) Link(from *Dir, fromName, name string) error {
	if err := checkName(fromName); err != nil {
		return describe(err, "link", fromName)
	}
	return d.change("link", name, func() error {
		return from.forced(fromName, func() error { return unix.Linkat(from.fd, fromName, d.fd, name, 0) })
	})
}

// Rename gives the entry oldName of d the name newName, replacing what has it
// as rename(2) does, protected by flags or not.
func (d *Dir) Rename(oldName, newName string) error {
	if err := checkName(newName); err != nil {
		return describe(err, "rename to", newName)
	}
	return d.change("rename", oldName, func() error {
		rename := func() error { return unix.Renameat(d.fd, oldName, d.fd, newName) }
		return d.forced(newName, func() error { return d.forced(oldName, rename) })
	})
}

// Remove removes the entry name, protected by flags or not, which must not be a
// directory with entries.
func (d *Dir) Remove(name string) error {
	return d.change("remove", name, func() error {
		return d.forced(name, func() error { return d.unlink(name) })
	})
}

// Unprotect clears the immutable and append-only flags of the entry name, or of
// d itself if name is empty, so that it can be changed. Apply sets them again.
func (d *Dir) Unprotect(name string) error {
	n, err := d.pin(name)
	if err != nil {
		return describe(err, "unprotect", name)
	}
	defer n.release()
	return describe(n.unprotect(), "unprotect", name)
}

// change checks name and makes a system call that changes the entry.
func (d *Dir) change(action, name string, call func() error) error {
	if err := checkName(name); err != nil {
		return describe(err, action, name)
	}
	return describe(retry(call), action, name)
}

// forced makes a call that the flags of the entry name may forbid. Then they are
// cleared for it, and set again: the inode may have other names.
func (d *Dir) forced(name string, call func() error) error {
	err := retry(call)
	if err != unix.EPERM {
		return err
	}
	n, failed := d.pin(name)
	if failed != nil {
		return err
	}
	defer n.release()
	flags := n.stat.Flags
	if flags&protectFlags == 0 {
		return err
	}
	if err := n.unprotect(); err != nil {
		return err
	}
	err = retry(call)
	if n.look() != nil || n.stat.Links == 0 {
		return err
	}
	if failed := n.setFlags(flags); err == nil {
		err = failed
	}
	return err
}

// unlink removes a non-directory, or else an empty directory.
func (d *Dir) unlink(name string) error {
	err := unix.Unlinkat(d.fd, name, 0)
	if err == unix.EISDIR {
		err = unix.Unlinkat(d.fd, name, unix.AT_REMOVEDIR)
	}
	return err
}

// unprotect clears the flags that forbid changes, if any is set.
func (n *inode) unprotect() error {
	if n.stat.Flags&protectFlags == 0 {
		return nil
	}
	return n.setFlags(n.stat.Flags &^ protectFlags)
}
