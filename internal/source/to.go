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
	volumes, err := Chosen(r, only)
	if err != nil {
		return nil, err
	}
	var targets []restore.Target
	for _, v := range volumes {
		path, err := filepath.Abs(filepath.Join(dir, v.Name))
		if err != nil {
			return nil, err
		}
		targets = append(targets, restore.Target{Volume: v.Name, Path: path})
	}
	return targets, nil
}

// VolumesOf returns the names of the volumes that any of the snapshots has, by
// name, or those of only.
func VolumesOf(only []string, records ...*store.Record) ([]string, error) {
	var names []string
	for _, r := range records {
		for _, v := range r.Volumes {
			names = append(names, v.Name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(only) == 0 {
		return names, nil
	}
	for _, name := range only {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("%w %q", ErrUnknown, name)
		}
	}
	return slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(only, name) }), nil
}

// Chosen returns the volumes of the snapshot, or those named by only, by
// ascending name. A name that the snapshot does not have is ErrUnknown.
func Chosen(r *store.Record, only []string) (volumes []*store.VolumeRecord, err error) {
	for _, name := range only {
		if r.Volume(name) == nil {
			return nil, fmt.Errorf("%w %q", ErrUnknown, name)
		}
	}
	for i := range r.Volumes {
		if v := &r.Volumes[i]; len(only) == 0 || slices.Contains(only, v.Name) {
			volumes = append(volumes, v)
		}
	}
	return volumes, nil
}
