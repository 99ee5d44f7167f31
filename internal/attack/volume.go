package attack

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// A state is one of two that the volume is restored to in turn. Every file has
// another content and other metadata in each.
type state int

// build makes dir a volume in this state. It does nothing more after an error.
func (s state) build(dir string) (err error) {
	try := func(errs ...error) { err = errors.Join(append([]error{err}, errs...)...) }
	at := func(name string) string { return filepath.Join(dir, name) }
	names := []string{"file", "linked", "pipe", "swap", "group", "dir/a", "dir/b", "dir/sub/a",
		"deep/x/y/dir/a", "deep/x/y/file", "nest/a/b/c/file", "nest/d/file"}
	if s == 0 {
		names = append(names, "gone/a", "gone/sub/a", "gone/sub/b", "gone/sub/dir/a", "gone/linked")
	}
	for _, name := range names {
		try(os.MkdirAll(filepath.Dir(at(name)), 0o755), os.WriteFile(at(name), s.content(name), 0o640))
	}
	try(os.Link(at("group"), at("group2")))
	try(unix.Mkfifo(at("fifo"), 0o600), os.Symlink(fmt.Sprint("elsewhere ", s), at("symlink")))
	if s == 1 {
		try(os.Mkdir(at("gone"), 0o700), os.WriteFile(at("gone/linked"), []byte("here"), 0o600))
	}
	try(s.mark(dir))
	return err
}

// content fills a few chunks of a file that is read in spans, and one of others.
func (s state) content(name string) []byte {
	n := 100
	if name == "file" {
		n = 1 << 16
	}
	return bytes.Repeat(fmt.Appendf(nil, "state %d of %s\n", s, name), n)
}

// mark gives every inode metadata of the state.
func (s state) mark(dir string) error {
	ts := unix.NsecToTimespec(time.Unix(1_500_000_000+int64(s), 0).UnixNano())
	times := []unix.Timespec{ts, ts}
	var all []error
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		all = append(all, unix.Lchown(path, 1000+int(s), 1000))
		all = append(all, unix.Lsetxattr(path, "trusted.state", fmt.Append(nil, s), 0))
		if err == nil && d.Type() != fs.ModeSymlink {
			all = append(all, unix.Chmod(path, 0o4711+uint32(s)))
		}
		all = append(all, unix.UtimesNanoAt(unix.AT_FDCWD, path, times, unix.AT_SYMLINK_NOFOLLOW))
		return err
	})
	return errors.Join(append(all, err)...)
}

// outside makes in dir what the attacker has given names in the volume to: an
// inode of each kind.
func outside(dir string) error {
	return errors.Join(
		os.Mkdir(dir, 0o755),
		os.WriteFile(filepath.Join(dir, "file"), []byte("not the volume's\n"), 0o600),
		unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600),
		os.Symlink("not the volume's", filepath.Join(dir, "symlink")),
	)
}

// traps are all ways out of the volume that an owner of it can try.
func traps(victim, outside string) []trap {
	t := func(dir, name string, set func(int, string) error) trap { return trap{dir, name, bait(name), set} }
	out := func(name string) func(int, string) error { return hardlink(filepath.Join(outside, name)) }
	up := "../../../../" + filepath.Base(victim) // from deep/x/y
	return []trap{
		t(".", "dir", symlink(victim)),
		t(".", "file", symlink(filepath.Join(victim, "a"))),
		t(".", "linked", out("file")),
		t(".", "pipe", fifo),
		t(".", "swap", directory),
		t(".", "group", symlink(filepath.Join(victim, "b"))),
		t(".", "group2", out("file")),
		t(".", "fifo", out("fifo")),
		t(".", "symlink", out("symlink")),
		t(".", "gone", symlink(victim)),
		t("gone", "sub", symlink(victim)),
		t("gone", "linked", out("file")),
		t("dir", "sub", symlink(filepath.Join(victim, "sub"))),
		t("dir", "a", symlink(filepath.Join(victim, "a"))),
		t("deep/x", "y", symlink(victim)),
		t("deep/x/y", "dir", symlink(up)),
		t("deep/x/y", "file", symlink(up+"/file")),
		t("nest", "a", directory),
		{"nest", "a", "d", directory},
	}
}
