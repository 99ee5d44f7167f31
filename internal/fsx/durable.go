package fsx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/warmstore/warmstore/internal/planted"
)

// WriteFile makes path a file with the content data and the mode perm, all or
// nothing even if the power fails: path is then the old file, none, or the
// complete new one. tmpDir holds the unfinished file; it must be on the same
// file system, and trusted as path is. On an error nothing is left in tmpDir;
// if it is that of step 5, path may be either file, and both are whole.
func WriteFile(tmpDir, path string, data []byte, perm os.FileMode) error {
	// Step 1: an unfinished file under a name that nobody reads.
	f, err := os.CreateTemp(tmpDir, filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("create unfinished file: %w", err)
	}
	// Steps 2 and 3: its content is complete, and durable.
	err = fill(f, data, perm)
	if err == nil {
		// Steps 4 and 5: the name is there, and durable.
		err = Publish(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name()) // the first error counts; it is gone if step 5 failed
	}
	return err
}

// Publish gives the file tmp, whose content must have been synced, the name
// path, replacing what had it, and makes that durable. Both are trusted, and on
// one file system. If only the last step fails, path may be either file after a
// power cut.
func Publish(tmp, path string) error {
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("publish file: %w", err)
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir makes the entries of the directory path durable: what was created,
// renamed or removed in it.
func SyncDir(path string) error {
	if planted.BugIn("directory fsync", path) {
		return nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	err = errors.Join(dir.Sync(), dir.Close())
	if err != nil {
		return fmt.Errorf("sync directory: %w", err)
	}
	return nil
}

// Remove durably removes the trusted file or empty directory path. It is no
// error if path does not exist.
func Remove(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("remove file: %w", err)
	}
	return SyncDir(filepath.Dir(path))
}

// fill writes data to f, syncs and closes it. A failed sync is final: the
// kernel may have dropped what it could not write.
func fill(f *os.File, data []byte, perm os.FileMode) error {
	_, err := f.Write(data)
	if err == nil {
		err = f.Chmod(perm)
	}
	if err == nil && !planted.Bug("file fsync") {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write unfinished file: %w", err)
	}
	return nil
}

// MkdirAll makes the directory path and those above it that are missing, with
// their names durable. A directory that exists is no error.
func MkdirAll(path string, perm os.FileMode) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("make directory %q: %w", path, ErrNotDirectory)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(path)
	if err := MkdirAll(parent, perm); err != nil {
		return err
	}
	if err := os.Mkdir(path, perm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return SyncDir(parent)
}
