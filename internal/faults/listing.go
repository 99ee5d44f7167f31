package faults

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A Listing describes a tree: a line for each name with all that a restore must
// bring back. Equal trees have equal listings. It shares no code with what it
// judges.
type Listing string

// List describes the directories of these names below dir.
func List(dir string, names ...string) (Listing, error) {
	l := lister{dir: dir, inodes: map[uint64]string{}}
	for _, name := range names {
		if err := filepath.WalkDir(filepath.Join(dir, name), l.add); err != nil {
			return "", fmt.Errorf("list tree: %w", err)
		}
	}
	return Listing(strings.Join(l.lines, "\n")), nil
}

// Differs returns some of the lines that one of the listings has and the other
// has not.
func (l Listing) Differs(want Listing) string {
	got, wanted := strings.Split(string(l), "\n"), strings.Split(string(want), "\n")
	var lines []string
	for _, line := range got {
		if !slices.Contains(wanted, line) {
			lines = append(lines, "is "+line)
		}
	}
	for _, line := range wanted {
		if !slices.Contains(got, line) {
			lines = append(lines, "was "+line)
		}
	}
	return strings.Join(lines[:min(len(lines), 6)], "; ")
}

// A lister collects the lines.
type lister struct {
	dir    string
	inodes map[uint64]string // the first name of those with several
	lines  []string
}

func (l *lister) add(path string, _ fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err
	}
	name := strings.TrimPrefix(path, l.dir)
	content, err := contentOf(path, &st)
	if err != nil {
		return err
	}
	attributes, err := attributesOf(path)
	if err != nil {
		return err
	}
	first := name
	if st.Mode&unix.S_IFMT != unix.S_IFDIR && st.Nlink > 1 {
		if _, ok := l.inodes[st.Ino]; !ok {
			l.inodes[st.Ino] = name
		}
		first = l.inodes[st.Ino]
	}
	l.lines = append(l.lines, fmt.Sprintf("%q %q %o %d:%d %d.%09d %x %s%s",
		name, first, st.Mode, st.Uid, st.Gid, st.Mtim.Sec, st.Mtim.Nsec, st.Rdev, content, attributes))
	return nil
}

// contentOf describes what a file holds.
func contentOf(path string, st *unix.Stat_t) (string, error) {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		b, err := os.ReadFile(path)
		sum := sha256.Sum256(b)
		return fmt.Sprintf("%d bytes %x", len(b), sum[:8]), err
	case unix.S_IFLNK:
		target, err := os.Readlink(path)
		return fmt.Sprintf("to %q", target), err
	}
	return "", nil
}

// attributesOf describes the extended attributes of a file.
func attributesOf(path string) (string, error) {
	names := make([]byte, 4096)
	n, err := unix.Llistxattr(path, names)
	if err != nil {
		return "", err
	}
	var all []string
	for name := range strings.SplitSeq(strings.Trim(string(names[:n]), "\x00"), "\x00") {
		if name == "" {
			continue
		}
		value := make([]byte, 4096)
		n, err := unix.Lgetxattr(path, name, value)
		if err != nil {
			return "", err
		}
		all = append(all, fmt.Sprintf(" %s=%q", name, value[:n]))
	}
	slices.Sort(all)
	return strings.Join(all, ""), nil
}
