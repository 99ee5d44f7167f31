package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// A leaf is what stat says of a file or directory.
type leaf struct{ unix.Stat_t }

func (l *leaf) isDir() bool     { return l.Mode&unix.S_IFMT == unix.S_IFDIR }
func (l *leaf) isRegular() bool { return l.Mode&unix.S_IFMT == unix.S_IFREG }
func (l *leaf) isSymlink() bool { return l.Mode&unix.S_IFMT == unix.S_IFLNK }

func (l *leaf) changed() time.Time { return time.Unix(l.Ctim.Unix()) }

// like reports whether both look the same without being read.
func (l *leaf) like(other *leaf) bool {
	return l.Mode == other.Mode && l.Size == other.Size && l.Mtim == other.Mtim
}

// walk calls visit with everything below dir, with one goroutine a processor,
// each in a directory of its own. A directory is visited before what is in it.
func walk(dir string, visit func(path string, l leaf) error) error {
	group := new(errgroup.Group)
	group.SetLimit(runtime.NumCPU())
	var enter func(dir string) error
	enter = func(dir string) error {
		subs, err := walkDir(dir, visit)
		if err != nil {
			return err
		}
		var failed error
		for _, sub := range subs {
			if !group.TryGo(func() error { return enter(sub) }) {
				failed = errors.Join(failed, enter(sub))
			}
		}
		return failed
	}
	return errors.Join(enter(dir), group.Wait())
}

// walkDir visits what is in one directory and returns its directories.
func walkDir(dir string, visit func(path string, l leaf) error) (subs []string, err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		var l leaf
		if err := unix.Fstatat(int(f.Fd()), name, &l.Stat_t, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return nil, fmt.Errorf("stat %q: %w", path, err)
		}
		if err := visit(path, l); err != nil {
			return nil, err
		}
		if l.isDir() {
			subs = append(subs, path)
		}
	}
	return subs, nil
}

// lstat returns what is at a path.
func lstat(path string) (l leaf, err error) {
	if err := unix.Lstat(path, &l.Stat_t); err != nil {
		return l, fmt.Errorf("stat %q: %w", path, err)
	}
	return l, nil
}

// rebase returns where a path below one directory is below another.
func rebase(path, from, to string) string { return to + path[len(from):] }

func syncfs(f *os.File) error {
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("sync file system: %w", err)
	}
	return nil
}
