package faults

import "golang.org/x/sys/unix"

// A form is one system call that changes something on disk, and how it names
// the file.
type form struct {
	name   string
	number uint32
	fd     int  // the argument that is the file, or the directory that path is in; none: the working directory
	path   int  // the argument that is the path; none: fd is the file
	grows  bool // it may need space on the disk
}

// none says that a call has no such argument.
const none = -1

// forms are the calls the tracer stops at. Go on Linux names files with the
// calls that end in "at" only. Of those that do not always change something,
// changes decides.
var forms = []form{
	{"write", unix.SYS_WRITE, 0, none, true},
	{"pwrite64", unix.SYS_PWRITE64, 0, none, true},
	{"writev", unix.SYS_WRITEV, 0, none, true},
	{"pwritev", unix.SYS_PWRITEV, 0, none, true},
	{"pwritev2", unix.SYS_PWRITEV2, 0, none, true},
	{"copy_file_range", unix.SYS_COPY_FILE_RANGE, 2, none, true},
	{"sendfile", unix.SYS_SENDFILE, 0, none, true},
	{"fallocate", unix.SYS_FALLOCATE, 0, none, true},
	{"ftruncate", unix.SYS_FTRUNCATE, 0, none, false},
	{"truncate", unix.SYS_TRUNCATE, none, 0, false},

	{"fsync", unix.SYS_FSYNC, 0, none, false},
	{"fdatasync", unix.SYS_FDATASYNC, 0, none, false},
	{"sync_file_range", unix.SYS_SYNC_FILE_RANGE, 0, none, false},
	{"syncfs", unix.SYS_SYNCFS, 0, none, false},

	{"openat", unix.SYS_OPENAT, 0, 1, true},
	{"openat2", unix.SYS_OPENAT2, 0, 1, true},
	{"mkdirat", unix.SYS_MKDIRAT, 0, 1, true},
	{"mknodat", unix.SYS_MKNODAT, 0, 1, true},
	{"symlinkat", unix.SYS_SYMLINKAT, 1, 2, true},
	{"linkat", unix.SYS_LINKAT, 2, 3, true},
	{"renameat", unix.SYS_RENAMEAT, 0, 1, true},
	{"renameat2", unix.SYS_RENAMEAT2, 0, 1, true},
	{"unlinkat", unix.SYS_UNLINKAT, 0, 1, false},

	{"fchmod", unix.SYS_FCHMOD, 0, none, false},
	{"fchmodat", unix.SYS_FCHMODAT, 0, 1, false},
	{"fchmodat2", unix.SYS_FCHMODAT2, 0, 1, false},
	{"fchown", unix.SYS_FCHOWN, 0, none, false},
	{"fchownat", unix.SYS_FCHOWNAT, 0, 1, false},
	{"utimensat", unix.SYS_UTIMENSAT, 0, 1, false},
	{"setxattr", unix.SYS_SETXATTR, none, 0, true},
	{"lsetxattr", unix.SYS_LSETXATTR, none, 0, true},
	{"fsetxattr", unix.SYS_FSETXATTR, 0, none, true},
	{"removexattr", unix.SYS_REMOVEXATTR, none, 0, false},
	{"lremovexattr", unix.SYS_LREMOVEXATTR, none, 0, false},
	{"fremovexattr", unix.SYS_FREMOVEXATTR, 0, none, false},
	{"ioctl", unix.SYS_IOCTL, 0, none, false},
}

// renames reports whether the call has a second name, in the arguments 2 and 3.
func (f *form) renames() bool { return f.number == unix.SYS_RENAMEAT || f.number == unix.SYS_RENAMEAT2 }

// opens reports whether the call makes a file only where there is none.
func (f *form) opens() bool { return f.number == unix.SYS_OPENAT || f.number == unix.SYS_OPENAT2 }

// formOf returns the form of a system call, nil if it has none.
func formOf(number uint32) *form {
	for i := range forms {
		if forms[i].number == number {
			return &forms[i]
		}
	}
	return nil
}

// changes reports whether a call with these arguments, in the process pid,
// changes something on disk.
func (f *form) changes(pid int, args [6]uint64) bool {
	const opens = unix.O_CREAT | unix.O_TRUNC
	switch f.number {
	case unix.SYS_OPENAT:
		return args[2]&opens != 0
	case unix.SYS_OPENAT2:
		return word(pid, args[2])&opens != 0 // the flags come first in open_how
	case unix.SYS_IOCTL:
		return uint32(args[1]) == unix.FS_IOC_SETFLAGS || uint32(args[1]) == unix.FICLONE
	}
	return true
}
