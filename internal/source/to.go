package source

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/warmstore/warmstore/restore"
	"github.com/warmstore/warmstore/store"
)

// Below returns targets in dir: a directory for each volume of the snapshot, or
// for those named by only.
func Below(dir string, r *store.Record, only []string) ([]restore.Target, error) {
	if err := checkOnly(r, only); err != nil {
		return nil, err
	}
	var targets []restore.Target
	for _, v := range r.Volumes {
		if len(only) > 0 && !slices.Contains(only, v.Name) {
			continue
		}
		path, err := filepath.Abs(filepath.Join(dir, v.Name))
		if err != nil {
			return nil, err
		}
		targets = append(targets, restore.Target{Volume: v.Name, Path: path})
	}
	return targets, nil
}

// checkOnly refuses names of volumes that the snapshot does not have.
func checkOnly(r *store.Record, only []string) error {
	for _, name := range only {
		if r.Volume(name) == nil {
			return fmt.Errorf("%w %q", ErrUnknown, name)
		}
	}
	return nil
}
