package fsx

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mountID returns the ID that /proc/self/mountinfo has for the mount of an open
// file. It may be that of an earlier mount.
func mountID(fd int) (string, error) {
	var raw unix.Statx_t
	err := retry(func() error { return unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &raw) })
	return strconv.FormatUint(raw.Mnt_id, 10), err
}

// mountBelow returns where in the tree at path, which is on mount id, something
// else is mounted, or "". table is what /proc/self/mountinfo holds: lines of
// mount ID, ID of the mount it is on, device, root, mount point and more.
// Mounts on that mount are enough: whatever else is below is below one of them,
// or hidden.
func mountBelow(table, id, path string) string {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 5 || fields[1] != id {
			continue
		}
		at := unescapeMount(fields[4])
		if at != path && within(at, path) {
			return at
		}
	}
	return ""
}

// unescapeMount undoes the escapes of mountinfo: white space and backslashes are
// three octal digits behind a backslash.
func unescapeMount(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
