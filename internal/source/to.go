package source

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/warmstore/warmstore/restore"
	"github.com/warmstore/warmstore/store"
)

// Below returns targets in dir: a new, empty directory for each volume of the
// snapshot, or for those named by only.
func Below(dir string, r *store.Record, only []string) ([]restore.Target, error) {
	var targets []restore.Target
	for _, v := range r.Volumes {
		if len(only) > 0 && !slices.Contains(only, v.Name) {
			continue
		}
		path, err := filepath.Abs(filepath.Join(dir, v.Name))
		if err != nil {
			return nil, err
		}
		if err := makeEmpty(path); err != nil {
			return nil, err
		}
		targets = append(targets, restore.Target{Volume: v.Name, Path: path})
	}
	for _, name := range only {
		if r.Volume(name) == nil {
			return nil, fmt.Errorf("%w: the snapshot has no volume %q", ErrAbsent, name)
		}
	}
	return targets, nil
}

// makeEmpty makes a directory, or makes sure that the one there is empty: a
// plain extraction removes nothing.
func makeEmpty(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Readdirnames(1); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: %q is not an empty directory", ErrSpec, path)
	}
	return nil
}
