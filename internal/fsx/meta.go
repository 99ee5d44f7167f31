package fsx

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// A Type is what an inode is. Zero is invalid.
type Type uint8

// The types of inodes.
const (
	Directory Type = 1 + iota
	Regular
	Symlink
	FIFO
	Socket
	CharDevice
	BlockDevice
)

// String returns the type's name in words.
func (t Type) String() string {
	switch t {
	case Directory:
		return "directory"
	case Regular:
		return "regular file"
	case Symlink:
		return "symlink"
	case FIFO:
		return "fifo"
	case Socket:
		return "socket"
	case CharDevice:
		return "character device"
	case BlockDevice:
		return "block device"
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// format returns t as the S_IFMT bits of a mode, or 0 if t is invalid.
func (t Type) format() uint32 {
	switch t {
	case Directory:
		return unix.S_IFDIR
	case Regular:
		return unix.S_IFREG
	case Symlink:
		return unix.S_IFLNK
	case FIFO:
		return unix.S_IFIFO
	case Socket:
		return unix.S_IFSOCK
	case CharDevice:
		return unix.S_IFCHR
	case BlockDevice:
		return unix.S_IFBLK
	}
	return 0
}

// typeOf returns the Type that the S_IFMT bits of mode stand for.
func typeOf(mode uint32) Type {
	for t := Directory; t <= BlockDevice; t++ {
		if mode&unix.S_IFMT == t.format() {
			return t
		}
	}
	return 0
}

// A Time is seconds since 1970 (UTC; negative before it) and nanoseconds within
// that second, below 1e9. Unlike time.Time it holds all that a file system can.
type Time struct {
	Sec  int64
	Nsec uint32
}

// Tick bounds the period at which kernels advance CoarseNow and the timestamps
// of files: 100 Hz is the slowest clock that Linux is built with.
const Tick = 10 * time.Millisecond

// CoarseNow returns the clock that the kernel stamps changed files with. It may
// be up to one Tick behind the precise clock, as those stamps are.
func CoarseNow() Time {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_REALTIME_COARSE, &now); err != nil {
		panic("fsx: no coarse clock: " + err.Error()) // every Linux since 2.6.32 has it
	}
	return Time{Sec: now.Sec, Nsec: uint32(now.Nsec)}
}

// Settled returns a time such that every change that a file has from before it
// has its pages written back by a sync that begins after the call. Two ticks
// cover that stamps are taken from a clock that is behind.
func Settled() Time { return CoarseNow().Add(-2 * Tick) }

// Settle waits until all changes so far are before Settled, and returns that. A
// change that someone looked at may have a stamp of the precise clock.
func Settle() Time {
	now := CoarseNow().Add(Tick)
	for !now.Before(Settled()) {
		time.Sleep(Tick)
	}
	return Settled()
}

// Before reports whether t is earlier than u.
func (t Time) Before(u Time) bool {
	if t.Sec != u.Sec {
		return t.Sec < u.Sec
	}
	return t.Nsec < u.Nsec
}

// Add returns t moved by d, which may be negative.
func (t Time) Add(d time.Duration) Time {
	second := int64(time.Second)
	nsec := int64(t.Nsec) + int64(d)%second
	sec := t.Sec + int64(d)/second
	switch {
	case nsec < 0:
		sec, nsec = sec-1, nsec+second
	case nsec >= second:
		sec, nsec = sec+1, nsec-second
	}
	return Time{Sec: sec, Nsec: uint32(nsec)}
}

// An Xattr is one extended attribute. Its name is raw bytes.
type Xattr struct {
	Name  string
	Value []byte
}

// The flags of chattr that Meta keeps, with the values of FS_IOC_GETFLAGS,
// which are those of statx's attributes.
const (
	FlagImmutable uint32 = unix.STATX_ATTR_IMMUTABLE // chattr +i
	FlagAppend    uint32 = unix.STATX_ATTR_APPEND    // chattr +a
	FlagNoDump    uint32 = unix.STATX_ATTR_NODUMP    // chattr +d
)

const (
	keptFlags    = FlagImmutable | FlagAppend | FlagNoDump
	protectFlags = FlagImmutable | FlagAppend // these forbid even root to change the inode
)

// A Meta is everything kept of an inode besides its content and its names.
type Meta struct {
	Type     Type
	Mode     uint16 // 07777: permissions, setuid, setgid, sticky
	UID, GID uint32
	ModTime  Time
	Flags    uint32  // of FlagImmutable, FlagAppend, FlagNoDump; directories and regular files only
	Rdev     uint64  // devices only: the number as unix.Mkdev makes it
	Target   string  // symlinks only: raw bytes
	Xattrs   []Xattr // sorted by name; POSIX ACLs and capabilities are among them
}

// Equal reports whether m and o are the same metadata.
func (m Meta) Equal(o Meta) bool {
	return m.Type == o.Type && m.Mode == o.Mode && m.UID == o.UID && m.GID == o.GID &&
		m.ModTime == o.ModTime && m.Flags == o.Flags && m.Rdev == o.Rdev && m.Target == o.Target &&
		slices.EqualFunc(m.Xattrs, o.Xattrs, equalXattrs)
}

// Satisfies reports whether Apply of want would change nothing: the metadata are
// the same, but for a SELinux label that want does not have.
func (m Meta) Satisfies(want Meta) bool {
	isLabel := func(x Xattr) bool { return x.Name == selinux }
	if !slices.ContainsFunc(want.Xattrs, isLabel) {
		m.Xattrs = slices.DeleteFunc(slices.Clone(m.Xattrs), isLabel)
	}
	return m.Equal(want)
}

// An Identity tells whether a file may have changed: as long as two of them are
// equal by ==, the same inode is at the same place with the same content, but
// for changes so close to the first look that no timestamp tells them apart.
type Identity struct {
	Dev, Ino   uint64
	Size       int64 // bytes
	ModTime    Time
	ChangeTime Time
	BirthTime  Time   // zero where the file system does not keep it
	Mount      uint64 // the mount's ID, unique until reboot from Linux 6.8 on
}

// A Stat is what one look at an inode tells. The Target and Xattrs of its Meta
// are empty: Readlink and Xattrs read them.
type Stat struct {
	Meta
	ID     Identity
	Links  uint32
	Blocks int64 // units of 512 bytes that the content occupies
}

// Device returns the numbers of a device, whose Rdev NewRdev made of them.
func (m Meta) Device() (major, minor uint32) { return unix.Major(m.Rdev), unix.Minor(m.Rdev) }

// NewRdev returns the Rdev of the device of these numbers.
func NewRdev(major, minor uint32) uint64 { return unix.Mkdev(major, minor) }
