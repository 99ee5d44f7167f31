package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const (
	// diskSize is that of the sparse file behind a loop device.
	diskSize = 8 << 30 // bytes
	// memoryDir is where that file is.
	memoryDir = "/dev/shm"
)

// volumeKinds are the file systems that volumes are on.
var volumeKinds = []string{"ext4", "xfs", "btrfs", "tmpfs", "overlay"}

// diskTools are what making them needs.
var diskTools = []string{"root", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", "mount", "prlimit", "lsattr", "getfattr"}

// mkfs makes a file system in a file.
var mkfs = map[string][]string{
	"ext4":     {"mkfs.ext4", "-q", "-F", "-E", "nodiscard", "-i", "4096"},
	"ext4-128": {"mkfs.ext4", "-q", "-F", "-E", "nodiscard", "-I", "128"}, // times in seconds, until 2038
	"xfs":      {"mkfs.xfs", "-q", "-K"},
	"btrfs":    {"mkfs.btrfs", "-q", "-K"},
}

// newDisk mounts a new file system of the kind until the test ends, and returns
// where.
func newDisk(t *testing.T, kind string) string {
	t.Helper()
	root := freshDir(t, "disk")
	switch kind {
	case "tmpfs":
		mountAt(t, root, "-t", "tmpfs", "-o", "size=3g", "tmpfs")
	case "ramfs":
		mountAt(t, root, "-t", "ramfs", "ramfs")
	case "overlay":
		below := newDisk(t, "tmpfs")
		for _, dir := range []string{"lower", "upper", "work"} {
			try(t, os.Mkdir(filepath.Join(below, dir), 0o755))
		}
		mountAt(t, root, "-t", "overlay", "-o",
			"lowerdir="+below+"/lower,upperdir="+below+"/upper,workdir="+below+"/work", "overlay")
	default:
		image, err := os.CreateTemp(memoryDir, "warmstore-disk-*")
		try(t, err)
		t.Cleanup(func() { os.Remove(image.Name()) })
		try(t, errors.Join(image.Truncate(diskSize), image.Close()))
		output(t, exec.Command(mkfs[kind][0], append(mkfs[kind][1:], image.Name())...))
		mountAt(t, root, "-o", "loop,nodev", image.Name())
	}
	return root
}

// mountAt mounts something until the test ends.
func mountAt(t *testing.T, at string, args ...string) {
	t.Helper()
	output(t, exec.Command("mount", append(args, at)...))
	t.Cleanup(func() { output(t, exec.Command("umount", "--lazy", at)) })
}
