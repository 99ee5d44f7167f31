package fsx

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Disjoint returns an error unless every path is a directory and none is at,
// above or below another, symlinks followed. The paths must be UTF-8, since
// records and marks hold them.
func Disjoint(paths ...string) error {
	var seen []string
	for _, path := range paths {
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

// resolve returns the absolute path of a directory, symlinks followed.
func resolve(path string) (string, error) {
	if !utf8.ValidString(path) {
		return "", fmt.Errorf("path %q is not UTF-8", path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(abs)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", fmt.Errorf("%q: %w", path, ErrNotDirectory)
	}
	return filepath.EvalSymlinks(abs)
}

func within(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}
