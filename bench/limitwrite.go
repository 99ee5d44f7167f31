package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// pageSize is what the kernel writes at least.
const pageSize = 4 << 10 // bytes

// copyTree copies all below from into the directory to, several files at a
// time, with owners, modes and times.
func copyTree(from, to string) error {
	return eachFile(from, func(path string, l leaf) error { return copyFile(path, rebase(path, from, to), l) },
		func(path string, _ leaf) error { return os.Mkdir(rebase(path, from, to), 0o700) },
		func(path string, l leaf) error { return dress(rebase(path, from, to), l) })
}

// patchTree makes to, which differs little, what from is, several files at a
// time. Files of the same size and mtime it takes for the same.
func patchTree(from, to string) error {
	if err := prune(from, to); err != nil {
		return err
	}
	return eachFile(from, func(path string, l leaf) error { return patchFile(path, rebase(path, from, to), l) },
		func(path string, _ leaf) error {
			err := os.Mkdir(rebase(path, from, to), 0o700)
			if errors.Is(err, fs.ErrExist) {
				return nil
			}
			return err
		},
		func(path string, l leaf) error { return dress(rebase(path, from, to), l) })
}

// eachFile calls enter with each directory below dir when it is found, file
// with all else by several goroutines, and leave at the end with the directories
// from the deepest up, dir included.
func eachFile(dir string, file, enter, leave func(path string, l leaf) error) error {
	type found struct {
		path string
		leaf leaf
	}
	root, err := lstat(dir)
	if err != nil {
		return err
	}
	dirs := []found{{dir, root}}
	files := new(errgroup.Group)
	files.SetLimit(runtime.NumCPU())
	for n := 0; n < len(dirs); n++ {
		_, err := walkDir(dirs[n].path, func(path string, l leaf) error {
			if l.isDir() {
				dirs = append(dirs, found{path, l})
				return enter(path, l)
			}
			files.Go(func() error { return file(path, l) })
			return nil
		})
		if err != nil {
			return errors.Join(err, files.Wait())
		}
	}
	if err := files.Wait(); err != nil {
		return err
	}
	for n := len(dirs) - 1; n >= 0; n-- {
		if err := leave(dirs[n].path, dirs[n].leaf); err != nil {
			return err
		}
	}
	return nil
}

// prune removes what to has and from does not.
func prune(from, to string) error {
	var mu sync.Mutex
	var extra []string
	err := walk(to, func(path string, _ leaf) error {
		_, err := os.Lstat(rebase(path, to, from))
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		extra = append(extra, path)
		return nil
	})
	for _, path := range extra {
		err = errors.Join(err, os.RemoveAll(path))
	}
	return err
}

func copyFile(from, to string, l leaf) error {
	switch {
	case l.isSymlink():
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		if err := os.Symlink(target, to); err != nil {
			return err
		}
	case l.isRegular():
		if err := copyContent(from, to, l.Size); err != nil {
			return err
		}
	default:
		return fmt.Errorf("copy %q: it is no file", from)
	}
	return dress(to, l)
}

// copyContent copies what a file of this size holds; a hole stays one.
func copyContent(from, to string, size int64) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = out.Truncate(size)
	if err == nil {
		err = eachData(0, size, func(offset, end int64) error { return copyRange(in, out, offset, end) }, in)
	}
	return errors.Join(err, out.Close())
}

// copyRange copies by copy_file_range.
func copyRange(in, out *os.File, offset, end int64) error {
	for _, f := range []*os.File{in, out} {
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			return err
		}
	}
	_, err := io.CopyN(out, in, end-offset)
	return err
}

func patchFile(from, to string, l leaf) error {
	var there leaf
	err := unix.Lstat(to, &there.Stat_t)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return copyFile(from, to, l)
	case err != nil:
		return fmt.Errorf("stat %q: %w", to, err)
	case there.like(&l) || !l.isRegular():
		return nil
	}
	if err := patchContent(from, to, l.Size); err != nil {
		return err
	}
	return dress(to, l)
}

// patchContent writes the pages of from that differ in to.
func patchContent(from, to string, size int64) error {
	want, err := os.Open(from)
	if err != nil {
		return err
	}
	defer want.Close()
	live, err := os.OpenFile(to, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = live.Truncate(size)
	buf, old := make([]byte, readSize), make([]byte, readSize)
	if err == nil {
		err = eachData(0, size, func(offset, end int64) error {
			return patchRange(want, live, offset, end, buf, old)
		}, want, live)
	}
	return errors.Join(err, live.Close())
}

// patchRange reads a range of both files into the buffers, a part at a time, and
// writes the pages of want that differ in live.
func patchRange(want, live *os.File, offset, end int64, buf, old []byte) error {
	for ; offset < end; offset += readSize {
		n := min(readSize, end-offset)
		if _, err := want.ReadAt(buf[:n], offset); err != nil {
			return err
		}
		if _, err := live.ReadAt(old[:n], offset); err != nil {
			return err
		}
		if err := writePages(live, buf[:n], old[:n], offset); err != nil {
			return err
		}
	}
	return nil
}

func writePages(f *os.File, data, old []byte, offset int64) error {
	for at := 0; at < len(data); at += pageSize {
		end := min(at+pageSize, len(data))
		if bytes.Equal(data[at:end], old[at:end]) {
			continue
		}
		if _, err := f.WriteAt(data[at:end], offset+int64(at)); err != nil {
			return err
		}
	}
	return nil
}

// dress gives a file its owner, mode and times.
func dress(path string, l leaf) error {
	if err := os.Lchown(path, int(l.Uid), int(l.Gid)); err != nil {
		return err
	}
	if !l.isSymlink() {
		if err := unix.Chmod(path, l.Mode&0o7777); err != nil {
			return fmt.Errorf("chmod %q: %w", path, err)
		}
	}
	times := []unix.Timespec{l.Atim, l.Mtim}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, path, times, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("set times of %q: %w", path, err)
	}
	return nil
}
