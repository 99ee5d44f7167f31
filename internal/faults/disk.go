package faults

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The file systems that a Disk can have.
const (
	Ext4  = "ext4"
	XFS   = "xfs"
	Btrfs = "btrfs" // of which the power cannot be cut
)

// diskSize is what mkfs makes do with. The file is sparse, and in memory.
const (
	diskSize  = 64 << 20  // bytes
	btrfsSize = 128 << 20 // bytes
)

// mkfs makes the file system in the file whose name follows.
var mkfs = map[string]string{
	Ext4:  "mkfs.ext4 -q -b 4096 -J size=4 -E lazy_itable_init=0,nodiscard",
	XFS:   "mkfs.xfs -q --unsupported -l size=8m -K",
	Btrfs: "mkfs.btrfs -q -K",
}

// memoryDir is where the files behind the loop devices are.
const memoryDir = "/dev/shm"

// A Disk is a file system on a loop device that can lose its power. It is used
// by one goroutine.
type Disk struct {
	Root    string // where it is mounted
	kind    string
	file    *os.File // behind the loop device
	device  string
	mounted bool
}

// NewDisk makes an empty disk, mounted below dir. It needs root.
func NewDisk(kind, dir string) (*Disk, error) {
	root, err := os.MkdirTemp(dir, kind+"-*")
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(memoryDir, "warmstore-disk-*")
	if err != nil {
		return nil, err
	}
	d := &Disk{Root: root, kind: kind, file: file}
	if err := d.format(); err != nil {
		d.Close()
		return nil, fmt.Errorf("make disk: %w", err)
	}
	return d, nil
}

// format makes the file system and mounts it.
func (d *Disk) format() error {
	size := int64(diskSize)
	if d.kind == Btrfs {
		size = btrfsSize
	}
	if err := d.file.Truncate(size); err != nil {
		return err
	}
	if _, err := tool(append(strings.Fields(mkfs[d.kind]), d.file.Name())...); err != nil {
		return err
	}
	device, err := tool("losetup", "--find", "--show", d.file.Name())
	if err != nil {
		return err
	}
	d.device = strings.TrimSpace(device)
	return d.Mount()
}

// tool runs a tool and returns what it prints.
func tool(args ...string) (string, error) {
	var stderr strings.Builder
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out), nil
}

// Mount mounts the disk, which replays the journal if need be.
func (d *Disk) Mount() error {
	if err := unix.Mount(d.device, d.Root, d.kind, unix.MS_NODEV|unix.MS_NOATIME, ""); err != nil {
		return fmt.Errorf("mount %s: %w", d.Root, err)
	}
	d.mounted = true
	return nil
}

// Unmount unmounts the disk, everywhere: a container that is being started has
// all mounts of this host for a moment, and while one is left the kernel mounts
// no disk anew but hands out the one that lost its power. A killed process may
// hold it as well.
func (d *Disk) Unmount() error {
	if !d.mounted {
		return nil
	}
	if err := whileBusy(func() error { return unix.Unmount(d.Root, 0) }); err != nil {
		return fmt.Errorf("unmount %s: %w", d.Root, err)
	}
	d.mounted = false
	if err := whileBusy(d.exclusive); err != nil {
		return fmt.Errorf("%s was unmounted and is in use: %w", d.Root, err)
	}
	return nil
}

// exclusive returns EBUSY while the device is mounted anywhere.
func (d *Disk) exclusive() error {
	fd, err := unix.Open(d.device, unix.O_RDONLY|unix.O_EXCL|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// whileBusy calls f until it returns another error than EBUSY, for some time.
func whileBusy(f func() error) error {
	err := f()
	for deadline := time.Now().Add(10 * time.Second); errors.Is(err, unix.EBUSY) && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
		err = f()
	}
	return err
}

// Cut cuts the power: what the kernel has not written to the disk by now will
// never be. Everything on the disk fails until it is mounted again.
func (d *Disk) Cut() error {
	const (
		shutdown   = 0x8004587d // EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN
		noLogFlush = 2
	)
	root, err := os.Open(d.Root)
	if err != nil {
		return fmt.Errorf("cut power: %w", err)
	}
	defer root.Close()
	how := uint32(noLogFlush)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, root.Fd(), shutdown, uintptr(unsafe.Pointer(&how))); errno != 0 {
		return fmt.Errorf("cut power: %w", errno)
	}
	return nil
}

// Reboot is what follows a Cut.
func (d *Disk) Reboot() error {
	if err := d.Unmount(); err != nil {
		return err
	}
	return d.Mount()
}

// Path returns the path of a name on the disk.
func (d *Disk) Path(name ...string) string {
	return filepath.Join(append([]string{d.Root}, name...)...)
}

// Close unmounts the disk and removes it.
func (d *Disk) Close() error {
	err := d.Unmount()
	if d.device != "" {
		_, detached := tool("losetup", "--detach", d.device)
		err = errors.Join(err, detached)
	}
	return errors.Join(err, d.file.Close(), os.Remove(d.file.Name()), os.Remove(d.Root))
}
