package fsx

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWriteFileReplaces(t *testing.T) {
	dir := t.TempDir()
	tmp, path := filepath.Join(dir, "tmp"), filepath.Join(dir, "record")
	check(t, os.Mkdir(tmp, 0o700))
	for _, content := range []string{"old", "", "new"} {
		check(t, WriteFile(tmp, path, []byte(content), 0o400))
		got, err := os.ReadFile(path)
		check(t, err)
		if string(got) != content {
			t.Errorf("content is %q, want %q", got, content)
		}
	}
	info, err := os.Stat(path)
	check(t, err)
	if info.Mode() != 0o400 {
		t.Errorf("mode is %v", info.Mode())
	}
	wantNames(t, tmp)
	check(t, Remove(path))
	check(t, Remove(path))
	wantError(t, SyncDir(path), fs.ErrNotExist)
}

func TestWriteFileLeavesNothingOnError(t *testing.T) {
	dir := t.TempDir()
	tmp := filepath.Join(dir, "tmp")
	check(t, os.Mkdir(tmp, 0o700))
	check(t, os.MkdirAll(filepath.Join(dir, "full/sub"), 0o700))
	record, nowhere := filepath.Join(dir, "record"), filepath.Join(dir, "none")
	wantError(t, WriteFile(tmp, nowhere+"/record", []byte("x"), 0o600), fs.ErrNotExist)
	if err := WriteFile(tmp, filepath.Join(dir, "full"), []byte("x"), 0o600); err == nil {
		t.Error("replaced a directory")
	}
	wantNames(t, tmp)
	wantError(t, WriteFile(nowhere, record, nil, 0o600), fs.ErrNotExist)
}

// A full file system fails the write itself.
func TestWriteFileLeavesNothingWhenFull(t *testing.T) {
	tmp := t.TempDir()
	mount(t, "", tmp)
	check(t, unix.Mount("", tmp, "", unix.MS_REMOUNT, "size=1m"))
	path := filepath.Join(tmp, "record")
	if err := WriteFile(tmp, path, make([]byte, 2<<20), 0o600); err == nil {
		t.Error("wrote more than fits")
	}
	wantNames(t, tmp)
}
