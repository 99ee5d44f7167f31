package fsx

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// selinux is never removed: a file that had no label gets one by policy, and
// SELinux denies the removal even to root.
const selinux = "security.selinux"

// unchanged is no owner: chown takes it as "leave the owner alone".
const unchanged = 1<<32 - 1

// Apply gives the entry name, or d itself if name is empty, the metadata m, as
// sorted as Meta says. It changes only what differs, so that an inode that is
// right keeps its change time. It returns ErrType if the inode is not of
// m.Type. Target and Rdev are not changed; symlinks have neither mode nor flags.
// An error may leave the inode with a part of m; attributes or flags that the
// file system cannot keep match errors.ErrUnsupported.
func (d *Dir) Apply(name string, m Meta) error {
	n, err := d.pin(name)
	if err != nil {
		return describe(err, "apply metadata to", name)
	}
	defer n.release()
	return describe(n.apply(m), "apply metadata to", name)
}

// ApplySingle is Apply for an inode that has no other name: else it returns
// ErrLinked and changes nothing, for that name may be outside of the tree.
func (d *Dir) ApplySingle(name string, m Meta) error {
	n, err := d.pin(name)
	if err != nil {
		return describe(err, "apply metadata to", name)
	}
	defer n.release()
	if n.stat.Links > 1 {
		return describe(ErrLinked, "apply metadata to", name)
	}
	return describe(n.apply(m), "apply metadata to", name)
}

// apply changes the owner first, since that clears setuid, setgid and
// capabilities, then what grants rights, and the flags last, since they may
// forbid all of the rest.
func (n *inode) apply(m Meta) error {
	if n.stat.Type != m.Type {
		return fmt.Errorf("%w: is a %v, not a %v", ErrType, n.stat.Type, m.Type)
	}
	if m.UID == unchanged || m.GID == unchanged || m.ModTime.Nsec >= 1e9 {
		return ErrMeta
	}
	m.Xattrs = withoutShadows(m.Xattrs)
	xattrs, err := n.xattrs()
	if err != nil {
		return fmt.Errorf("read attributes: %w", err)
	}
	if !n.matches(m) || !slices.EqualFunc(xattrs, m.Xattrs, equalXattrs) {
		if err := n.change(m); err != nil {
			return err
		}
	}
	return n.applyFlags(m)
}

// matches reports whether the inode's owner, mode and time are those of m.
func (n *inode) matches(m Meta) bool {
	return n.stat.UID == m.UID && n.stat.GID == m.GID && n.sameMode(m) && n.stat.ModTime == m.ModTime
}

// sameMode reports whether the mode is right, or the kind that symlinks have.
func (n *inode) sameMode(m Meta) bool {
	return m.Type == Symlink || n.stat.Mode == m.Mode&0o7777
}

// change brings all but the flags of the inode to what m says.
func (n *inode) change(m Meta) error {
	if err := n.unprotect(); err != nil {
		return fmt.Errorf("clear flags: %w", err)
	}
	if err := n.applyOwner(m); err != nil {
		return fmt.Errorf("change owner: %w", err)
	}
	if err := n.applyMode(m); err != nil {
		return fmt.Errorf("change mode: %w", err)
	}
	if err := n.applyXattrs(m.Xattrs); err != nil {
		return err
	}
	if err := n.applyTime(m); err != nil {
		return fmt.Errorf("change time: %w", err)
	}
	return nil
}

func (n *inode) applyOwner(m Meta) error {
	if n.stat.UID == m.UID && n.stat.GID == m.GID {
		return nil
	}
	err := retry(func() error {
		return unix.Fchownat(n.fd, "", int(m.UID), int(m.GID), unix.AT_EMPTY_PATH)
	})
	if err != nil {
		return err
	}
	return n.look()
}

func (n *inode) applyMode(m Meta) error {
	if n.sameMode(m) {
		return nil
	}
	return retry(func() error {
		return unix.Fchmodat(unix.AT_FDCWD, n.path(), uint32(m.Mode&0o7777), 0)
	})
}

// applyXattrs reads the attributes again, since a new owner or mode changes
// some of them: capabilities and ACLs.
func (n *inode) applyXattrs(want []Xattr) error {
	live, err := n.xattrs()
	if err != nil {
		return fmt.Errorf("read attributes: %w", err)
	}
	for _, x := range live {
		sameName := func(w Xattr) bool { return w.Name == x.Name }
		if x.Name == selinux || slices.ContainsFunc(want, sameName) {
			continue
		}
		err := retry(func() error { return unix.Removexattr(n.path(), x.Name) })
		if err != nil && err != unix.ENODATA {
			return fmt.Errorf("remove attribute %q: %w", x.Name, err)
		}
	}
	for _, x := range want {
		if slices.ContainsFunc(live, func(l Xattr) bool { return equalXattrs(l, x) }) {
			continue
		}
		err := retry(func() error { return unix.Setxattr(n.path(), x.Name, x.Value, 0) })
		if err != nil {
			return fmt.Errorf("set attribute %q: %w", x.Name, err)
		}
	}
	return nil
}

func (n *inode) applyTime(m Meta) error {
	if n.stat.ModTime == m.ModTime {
		return nil
	}
	times := []unix.Timespec{
		{Nsec: unix.UTIME_OMIT}, // the access time
		{Sec: m.ModTime.Sec, Nsec: int64(m.ModTime.Nsec)},
	}
	return retry(func() error { return unix.UtimesNanoAt(n.fd, "", times, unix.AT_EMPTY_PATH) })
}

func (n *inode) applyFlags(m Meta) error {
	want := m.Flags & keptFlags
	if n.stat.Flags == want || m.Type != Directory && m.Type != Regular {
		return nil
	}
	if err := n.setFlags(want); err != nil {
		return fmt.Errorf("set flags: %w", err)
	}
	return nil
}
