package fsx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Disjoint returns an error if a path is at, above or below another, symlinks
// followed. Paths need not exist. They must be UTF-8, since records and marks
// hold them.
func Disjoint(paths ...string) error {
	var seen []string
	for _, path := range paths {
		if !utf8.ValidString(path) {
			return fmt.Errorf("path %q is not UTF-8", path)
		}
		resolved, err := resolve(path)
		if err != nil {
			return err
		}
		for i, other := range seen {
			if within(resolved, other) || within(other, resolved) {
				return fmt.Errorf("%q and %q overlap", paths[i], path)
			}
		}
		seen = append(seen, resolved)
	}
	return nil
}

// resolve returns the absolute path, symlinks followed as far as it exists.
func resolve(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	resolved, err := filepath.EvalSymlinks(abs)
	if !errors.Is(err, fs.ErrNotExist) || abs == "/" {
		return resolved, err
	}
	above, err := resolve(filepath.Dir(abs))
	return filepath.Join(above, filepath.Base(abs)), err
}

// CheckDirectory returns an error unless path is a directory, symlinks followed.
func CheckDirectory(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%q: %w", path, ErrNotDirectory)
	}
	return nil
}

// CheckEmpty returns an error unless path is a directory that holds nothing.
func CheckEmpty(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Readdirnames(1); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%q is not an empty directory", path)
	}
	return nil
}

func within(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}
