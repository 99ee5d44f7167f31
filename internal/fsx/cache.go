package fsx

import (
	"os"

	"golang.org/x/sys/unix"
)

// Cached returns how many bytes of f are in the page cache, in whole pages. A
// kernel before 6.5 does not say: ok is false.
func Cached(f *os.File) (bytes int64, ok bool) {
	var stat unix.Cachestat_t
	err := onFD(f, func(fd int) error {
		return unix.Cachestat(uint(fd), &unix.CachestatRange{}, &stat, 0) // of all of it
	})
	return int64(stat.Cache) * int64(os.Getpagesize()), err == nil
}

// DropCache tells the kernel that n bytes of f from off on, all the rest if n
// is 0, will not be read again. Dirty pages stay, and so do groups of pages that
// are only partly in the range. It is a hint and cannot fail.
func DropCache(f *os.File, off, n int64) {
	_ = onFD(f, func(fd int) error { return unix.Fadvise(fd, off, n, unix.FADV_DONTNEED) })
}

// Memory returns the bytes of memory of this machine, or ok is false.
func Memory() (bytes int64, ok bool) {
	var info unix.Sysinfo_t
	err := unix.Sysinfo(&info)
	return int64(info.Totalram) * int64(info.Unit), err == nil
}
