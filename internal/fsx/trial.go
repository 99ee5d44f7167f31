package fsx

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A Trial is what a file system is asked to hold: an inode as some tree has it.
type Trial struct {
	Name  string
	Meta  Meta  // of any type; its attributes and flags are tried on a regular file
	Size  int64 // bytes
	Holes bool  // whether the file has any
}

// isDefault reports whether the attribute can be set on directories only.
func isDefault(x Xattr) bool { return x.Name == "system.posix_acl_default" }

// onlyDefault returns what of m cannot be tried on a regular file.
func (m Meta) onlyDefault() Meta {
	i := slices.IndexFunc(m.Xattrs, isDefault)
	if i < 0 {
		return Meta{}
	}
	return Meta{Xattrs: m.Xattrs[i : i+1]}
}

// Try returns ErrIncapable, with the reason, if the file system of d cannot hold
// what is tried. It gives all of it to a file that has no name, which leaves no
// trace even if the process is killed. A file system that has no such files, or
// no space left, is only asked what it says of itself: a full disk is no reason
// to refuse a rollback, which may free some.
func (d *Dir) Try(t Trial) error {
	var on unix.Statfs_t
	if err := retry(func() error { return unix.Fstatfs(d.fd, &on) }); err != nil {
		return fmt.Errorf("stat file system: %w", err)
	}
	if err := errors.Join(t.tryKnown(&on), d.ask(t.Meta.onlyDefault())); err != nil {
		return fmt.Errorf("%w: %w", ErrIncapable, err)
	}
	t.Meta.Type = Regular
	fd, err := retryInt(func() (int, error) {
		return unix.Openat(d.fd, ".", unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	})
	switch err {
	case nil:
		f := os.NewFile(uintptr(fd), "a file without a name")
		defer f.Close()
		err = tryOn(f, t)
	case unix.EOPNOTSUPP, unix.EISDIR, unix.ENOENT: // which of them is up to the kernel and file system
		err = d.ask(t.Meta)
	}
	if isFull(err, &on) {
		err = d.ask(t.Meta)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrIncapable, err)
	}
	return nil
}

// spare is how many blocks an inode with all its attributes may take.
const spare = 64

// isFull reports whether err is for want of space or quota, and not because what
// was tried is too large for an inode: that is told with the same errno.
func isFull(err error, on *unix.Statfs_t) bool {
	lacking := on.Bavail < spare || on.Files > 0 && on.Ffree == 0
	return errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.ENOSPC) && lacking
}

// What XFS has room for.
const (
	maxTargetXFS = 1023 // bytes of a symlink
	maxMinorXFS  = 1<<18 - 1
)

// tryKnown refuses what a file system says, or is known, to lack, and what a
// regular file cannot show.
func (t *Trial) tryKnown(on *unix.Statfs_t) error {
	switch {
	case on.Flags&unix.ST_RDONLY != 0:
		return unix.EROFS
	case on.Namelen > 0 && int64(len(t.Name)) > on.Namelen:
		return fmt.Errorf("a name of %d bytes: %w", len(t.Name), unix.ENAMETOOLONG)
	case t.Meta.Rdev > maxDevice:
		return ErrMeta
	case on.Type == unix.XFS_SUPER_MAGIC:
		return t.tryXFS()
	case on.Type == unix.OVERLAYFS_SUPER_MAGIC && t.Meta.Type == CharDevice && t.Meta.Rdev == 0:
		return errors.New("a character device 0:0: overlay takes it for a removed name")
	case on.Type == unix.MSDOS_SUPER_MAGIC || on.Type == unix.EXFAT_SUPER_MAGIC:
		return t.tryFAT()
	}
	return nil
}

func (t *Trial) tryXFS() error {
	minor := unix.Minor(t.Meta.Rdev)
	switch {
	case len(t.Meta.Target) > maxTargetXFS:
		return fmt.Errorf("a symlink to %d bytes: XFS has at most %d", len(t.Meta.Target), maxTargetXFS)
	case minor > maxMinorXFS:
		return fmt.Errorf("a device of minor number %d: XFS has at most %d", minor, maxMinorXFS)
	}
	return nil
}

func (t *Trial) tryFAT() error {
	if t.Meta.Type == Directory || t.Meta.Type == Regular {
		return nil
	}
	return fmt.Errorf("FAT has no %v", t.Meta.Type)
}

// tryOn gives f all that is tried and looks whether it took it.
func tryOn(f *os.File, t Trial) error {
	t.Meta.Xattrs = slices.DeleteFunc(slices.Clone(withoutShadows(t.Meta.Xattrs)), isDefault)
	if err := f.Truncate(t.Size); err != nil {
		return fmt.Errorf("size %d: %w", t.Size, err)
	}
	if t.Holes {
		if holes, err := Holes(f, t.Size); err != nil || len(holes) == 0 {
			return errors.Join(errors.New("it has no holes"), err)
		}
	}
	stat, err := StatFile(f)
	if err != nil {
		return err
	}
	n := &inode{fd: int(f.Fd()), stat: stat}
	defer n.unprotectNow()
	if err := n.apply(t.Meta); err != nil {
		return err
	}
	return n.took(t.Meta)
}

// took returns an error if the inode, to which m was applied, is not as m says: a
// file system may round what it cannot hold.
func (n *inode) took(m Meta) error {
	if err := n.look(); err != nil {
		return err
	}
	got := n.stat.Meta
	var err error
	if got.Xattrs, err = n.xattrs(); err != nil {
		return err
	}
	switch {
	case got.ModTime != m.ModTime:
		return fmt.Errorf("time %d.%09d becomes %d.%09d",
			m.ModTime.Sec, m.ModTime.Nsec, got.ModTime.Sec, got.ModTime.Nsec)
	case got.UID != m.UID || got.GID != m.GID:
		return fmt.Errorf("owner %d:%d becomes %d:%d", m.UID, m.GID, got.UID, got.GID)
	case got.Mode != m.Mode:
		return fmt.Errorf("mode %o becomes %o", m.Mode, got.Mode)
	case got.Flags != m.Flags:
		return fmt.Errorf("flags %#x become %#x", m.Flags, got.Flags)
	case !slices.EqualFunc(WithoutLabel(got.Xattrs), WithoutLabel(m.Xattrs), equalXattrs):
		return errors.New("attributes become others")
	}
	return nil
}

// unprotectNow clears flags that would keep an inode without a name from going.
func (n *inode) unprotectNow() {
	if n.look() == nil {
		n.unprotect()
	}
}

// ask asks the file system whether it has attributes and flags such as those of
// m, by reading some that need not exist.
func (d *Dir) ask(m Meta) error {
	for _, x := range m.Xattrs {
		_, err := xattrSource{path: procPath(d.fd), follow: true}.value(x.Name)
		if err == unix.EOPNOTSUPP {
			return fmt.Errorf("attributes like %q: %w", x.Name, err)
		}
	}
	var raw unix.Statx_t
	if err := statx(d.fd, "", &raw); err != nil {
		return err
	}
	if lacking := uint64(m.Flags) &^ raw.Attributes_mask; lacking != 0 {
		return fmt.Errorf("flags %#x: %w", lacking, errors.ErrUnsupported)
	}
	return nil
}

// AttributeKind returns the part of an attribute's name that file systems tell
// kinds of attributes apart by: all of it for those of the system itself.
func AttributeKind(name string) string {
	kind, _, found := strings.Cut(name, ".")
	if !found || kind == "system" || kind == "security" {
		return name
	}
	return kind
}
