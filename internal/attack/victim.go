package attack

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/warmstore/warmstore/internal/blob"
)

// secret is in every name of the victim that a volume has none like, and in
// every file and attribute.
const secret = "secret-of-the-victim"

// A Victim is a tree outside of the volume that nobody has any business with.
// The kernel tells when something in it is opened, read or changed.
type Victim struct {
	Dir     string
	Secrets []blob.ID // of the content of its files, each of which would be one chunk
	watch   int
	before  map[string]string
}

// NewVictim makes a victim in dir, with names in it that the volume has too.
func NewVictim(dir string) (*Victim, error) {
	v := &Victim{Dir: dir}
	for _, sub := range []string{"", "sub", "dir", "in " + secret} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
		for _, name := range []string{"a", "b", "file", secret} {
			if err := v.file(filepath.Join(dir, sub, name)); err != nil {
				return nil, err
			}
		}
	}
	var err error
	if v.before, err = describe(dir, everything); err != nil {
		return nil, err
	}
	return v, v.listen()
}

func (v *Victim) file(path string) error {
	content := bytes.Repeat(fmt.Appendf(nil, "%s %s\n", secret, path), 30)
	v.Secrets = append(v.Secrets, blob.Sum(content))
	if err := os.WriteFile(path, content, 0o644); err != nil {
		return err
	}
	return unix.Lsetxattr(path, "trusted.victim", []byte(secret), 0)
}

// listen has the kernel report what happens in all directories of the victim.
func (v *Victim) listen() (err error) {
	const events = unix.IN_OPEN | unix.IN_ACCESS | unix.IN_MODIFY | unix.IN_ATTRIB | unix.IN_CREATE |
		unix.IN_DELETE | unix.IN_DELETE_SELF | unix.IN_MOVE | unix.IN_MOVE_SELF
	if v.watch, err = unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC); err != nil {
		return err
	}
	err = filepath.WalkDir(v.Dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			_, err = unix.InotifyAddWatch(v.watch, path, events)
		}
		return err
	})
	v.Touched() // by this walk
	return err
}

// Touched returns what happened in the victim since the last call, nothing most
// often.
func (v *Victim) Touched() (events []string) {
	var buf [64 << 10]byte
	for {
		n, err := unix.Read(v.watch, buf[:])
		if err != nil || n == 0 {
			return events
		}
		for b := buf[:n]; len(b) > 0; {
			e := (*unix.InotifyEvent)(unsafe.Pointer(&b[0]))
			name := b[unix.SizeofInotifyEvent:][:e.Len]
			events = append(events, fmt.Sprintf("event %#x of %q", e.Mask, bytes.TrimRight(name, "\x00")))
			b = b[unix.SizeofInotifyEvent+e.Len:]
		}
	}
}

// Changed returns what is different in the victim than it was: content,
// metadata, inodes, change times and names.
func (v *Victim) Changed() ([]string, error) {
	unix.Close(v.watch)
	after, err := describe(v.Dir, everything)
	return difference(v.before, after), err
}

// How much of an inode is described.
type detail int

const (
	everything detail = iota
	ownOnly           // not what an attacker changes who gives it names, and takes them
)

// describe says what every path below dir is.
func describe(dir string, how detail) (map[string]string, error) {
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			all[path], err = describeOne(path, how)
		}
		return err
	})
	return all, err
}

func describeOne(path string, how detail) (string, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return "", err
	}
	text := fmt.Sprintf("inode %d mode %o owner %d:%d device %d modified %d.%09d",
		st.Ino, st.Mode, st.Uid, st.Gid, st.Rdev, st.Mtim.Sec, st.Mtim.Nsec)
	if how == everything {
		text += fmt.Sprintf(" links %d changed %d.%09d", st.Nlink, st.Ctim.Sec, st.Ctim.Nsec)
	}
	list := make([]byte, 1<<10)
	n, err := unix.Llistxattr(path, list)
	for name := range strings.SplitSeq(string(list[:max(n, 0)]), "\x00") {
		value := make([]byte, 1<<10)
		n, _ := unix.Lgetxattr(path, name, value)
		text += fmt.Sprintf(" %s=%q", name, value[:max(n, 0)])
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		var content []byte
		content, err = os.ReadFile(path)
		text += fmt.Sprintf(" content %x", sha256.Sum256(content))
	case unix.S_IFLNK:
		var target string
		target, err = os.Readlink(path)
		text += " to " + target
	}
	return text, err
}

// difference returns a line for each path that is not what it was.
func difference(before, after map[string]string) (lines []string) {
	all := maps.Clone(before)
	maps.Copy(all, after)
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if before[path] != after[path] {
			lines = append(lines, fmt.Sprintf("%s was %q and is %q", path, before[path], after[path]))
		}
	}
	return lines
}
