package fsx

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// statxMask asks for both kinds of mount ID: a kernel that knows the unique one
// returns that, an older one ignores the bit.
const statxMask = unix.STATX_BASIC_STATS | unix.STATX_BTIME |
	unix.STATX_MNT_ID | unix.STATX_MNT_ID_UNIQUE

// Stat looks at the entry name, without following it if it is a symlink. It
// returns ErrMount if something is mounted on name.
func (d *Dir) Stat(name string) (Stat, error) {
	if err := checkName(name); err != nil {
		return Stat{}, describe(err, "stat", name)
	}
	var raw unix.Statx_t
	if err := statx(d.fd, name, &raw); err != nil {
		return Stat{}, describe(err, "stat", name)
	}
	if raw.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return Stat{}, describe(ErrMount, "stat", name)
	}
	return newStat(&raw), nil
}

// Self looks at the directory itself.
func (d *Dir) Self() (Stat, error) {
	s, err := statFD(d.fd)
	return s, describe(err, "stat", ".")
}

// Meta reads all metadata of the entry name, without following it.
func (d *Dir) Meta(name string) (Meta, error) {
	s, err := d.Stat(name)
	if err != nil {
		return Meta{}, err
	}
	if s.Type == Symlink {
		if s.Target, err = d.Readlink(name); err != nil {
			return Meta{}, err
		}
	}
	s.Xattrs, err = d.Xattrs(name)
	return s.Meta, err
}

// StatFile looks at the inode behind f, whatever its name means by now.
func StatFile(f *os.File) (Stat, error) {
	s, err := statFD(int(f.Fd()))
	runtime.KeepAlive(f)
	return s, describeFile(err, "stat", f)
}

// statFD looks at the inode behind an open descriptor of any kind.
func statFD(fd int) (Stat, error) {
	var raw unix.Statx_t
	if err := statx(fd, "", &raw); err != nil {
		return Stat{}, err
	}
	return newStat(&raw), nil
}

func statx(fd int, name string, raw *unix.Statx_t) error {
	const flags = unix.AT_SYMLINK_NOFOLLOW | unix.AT_EMPTY_PATH | unix.AT_NO_AUTOMOUNT
	return retry(func() error { return unix.Statx(fd, name, flags, statxMask, raw) })
}

func newStat(raw *unix.Statx_t) Stat {
	s := Stat{
		Meta: Meta{
			Type:    typeOf(uint32(raw.Mode)),
			Mode:    raw.Mode & 0o7777,
			UID:     raw.Uid,
			GID:     raw.Gid,
			ModTime: newTime(raw.Mtime),
		},
		ID: Identity{
			Dev:        unix.Mkdev(raw.Dev_major, raw.Dev_minor),
			Ino:        raw.Ino,
			Size:       int64(raw.Size),
			ModTime:    newTime(raw.Mtime),
			ChangeTime: newTime(raw.Ctime),
			BirthTime:  newTime(raw.Btime),
			Mount:      raw.Mnt_id,
		},
		Links:  raw.Nlink,
		Blocks: int64(raw.Blocks),
	}
	switch s.Type {
	case Directory, Regular:
		s.Flags = uint32(raw.Attributes) & keptFlags
	case CharDevice, BlockDevice:
		s.Rdev = unix.Mkdev(raw.Rdev_major, raw.Rdev_minor)
	}
	return s
}

func newTime(t unix.StatxTimestamp) Time { return Time{Sec: t.Sec, Nsec: t.Nsec} }
