package faults

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// A Call is a system call that the kernel is about to do and that changes
// something on disk.
type Call struct {
	Name string
	File string // the path, as far as it could be told
	To   string // the new path, of a rename
	Grow bool   // it may need space on the disk
}

// String describes the call in messages.
func (c Call) String() string {
	if c.To != "" {
		return fmt.Sprintf("%s %s to %s", c.Name, c.File, c.To)
	}
	return c.Name + " " + c.File
}

// callOf reads a notified call. ok is false for one that changes nothing on
// disk: an open for reading, a write to a pipe.
func callOf(n *notification) (c Call, ok bool) {
	f, pid := formOf(uint32(n.number)), int(n.pid)
	if f == nil || !f.changes(pid, n.args) {
		return Call{}, false
	}
	c = Call{Name: f.name, File: fileOf(pid, n.args, f.fd, f.path), Grow: f.grows}
	if f.renames() {
		c.To = fileOf(pid, n.args, 2, 3)
	}
	if _, err := os.Lstat(c.File); err == nil && f.opens() {
		c.Grow = false // what exists is not made
	}
	return c, f.path != none || onDisk(pid, int32(n.args[f.fd]))
}

// onDisk reports whether a descriptor is open on a file or directory, and on
// none in memory: not on a pipe, a socket or a device.
func onDisk(pid int, fd int32) bool {
	name := fmt.Sprintf("fd/%d", fd)
	info, err := os.Stat(fmt.Sprintf("/proc/%d/%s", pid, name))
	if err != nil || !info.Mode().IsRegular() && !info.IsDir() {
		return false
	}
	return !strings.HasPrefix(link(pid, name), "/memfd:")
}

// fileOf returns the path of the file that the arguments name.
func fileOf(pid int, args [6]uint64, fd, path int) string {
	name := ""
	if path != none && args[path] != 0 {
		name = text(pid, args[path])
	}
	if own, ok := strings.CutPrefix(name, "/proc/self/"); ok {
		name = link(pid, own)
	}
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	if fd == none || int32(args[fd]) == unix.AT_FDCWD {
		return filepath.Join(link(pid, "cwd"), name)
	}
	dir := link(pid, fmt.Sprintf("fd/%d", int32(args[fd])))
	if name == "" {
		return dir
	}
	return filepath.Join(dir, name)
}

// link returns what a link in /proc/PID says, "" if it cannot be read.
func link(pid int, name string) string {
	target, _ := os.Readlink(fmt.Sprintf("/proc/%d/%s", pid, name)) // it may be gone
	return target
}

// text reads the string at an address of the process.
func text(pid int, address uint64) string {
	b := memory(pid, address, unix.PathMax)
	if end := bytes.IndexByte(b, 0); end >= 0 {
		b = b[:end]
	}
	return string(b)
}

// word reads the eight bytes at an address of the process.
func word(pid int, address uint64) uint64 {
	b := memory(pid, address, 8)
	if len(b) < 8 {
		return 0
	}
	return binary.NativeEndian.Uint64(b)
}

// memory reads up to n bytes at an address of the process, page by page, since
// the next page may not exist.
func memory(pid int, address uint64, n int) (read []byte) {
	const page = 4096
	for len(read) < n {
		part := make([]byte, min(n-len(read), int(page-address%page)))
		local := []unix.Iovec{{Base: &part[0], Len: uint64(len(part))}}
		remote := []unix.RemoteIovec{{Base: uintptr(address), Len: len(part)}}
		got, err := unix.ProcessVMReadv(pid, local, remote, 0)
		if err != nil {
			break
		}
		read = append(read, part[:got]...)
		address += uint64(got)
		if bytes.IndexByte(part[:got], 0) >= 0 && n > 8 || got == 0 {
			break
		}
	}
	return read
}
