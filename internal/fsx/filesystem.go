package fsx

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// A Filesystem is what holds a directory.
type Filesystem struct {
	Magic int64  // as in linux/magic.h
	Name  string // ext4 (also ext2 and ext3), xfs, btrfs, tmpfs, overlay, nfs or fuse; else empty
	Free  int64  // bytes that an unprivileged user could still write
	Total int64  // bytes
}

// Filesystem tells what d is on.
func (d *Dir) Filesystem() (Filesystem, error) {
	var raw unix.Statfs_t
	if err := retry(func() error { return unix.Fstatfs(d.fd, &raw) }); err != nil {
		return Filesystem{}, fmt.Errorf("stat file system: %w", err)
	}
	return newFilesystem(&raw), nil
}

// FilesystemAt tells what path, which is trusted, is on.
func FilesystemAt(path string) (Filesystem, error) {
	var raw unix.Statfs_t
	if err := retry(func() error { return unix.Statfs(path, &raw) }); err != nil {
		return Filesystem{}, describe(err, "stat file system of", path)
	}
	return newFilesystem(&raw), nil
}

// Syncfs makes everything that is written on d's file system durable, and pages
// that are mapped for writing clean.
func (d *Dir) Syncfs() error {
	if err := retry(func() error { return unix.Syncfs(d.fd) }); err != nil {
		return fmt.Errorf("sync file system: %w", err)
	}
	return nil
}

func newFilesystem(raw *unix.Statfs_t) Filesystem {
	unit := raw.Frsize
	if unit == 0 {
		unit = raw.Bsize
	}
	return Filesystem{
		Magic: raw.Type,
		Name:  filesystemName(raw.Type),
		Free:  int64(raw.Bavail) * unit,
		Total: int64(raw.Blocks) * unit,
	}
}

func filesystemName(magic int64) string {
	switch magic {
	case unix.EXT4_SUPER_MAGIC:
		return "ext4"
	case unix.XFS_SUPER_MAGIC:
		return "xfs"
	case unix.BTRFS_SUPER_MAGIC:
		return "btrfs"
	case unix.TMPFS_MAGIC:
		return "tmpfs"
	case unix.OVERLAYFS_SUPER_MAGIC:
		return "overlay"
	case unix.NFS_SUPER_MAGIC:
		return "nfs"
	case unix.FUSE_SUPER_MAGIC:
		return "fuse"
	}
	return ""
}
