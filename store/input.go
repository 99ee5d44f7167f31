package store

import (
	"fmt"
	"slices"
	"strings"

	"github.com/warmstore/warmstore/internal/fsx"
)

// maxKey bounds names of apps and volumes, so that they fit in a file name
// with something beside them.
const maxKey = 128 // bytes

// CheckName returns ErrInvalid if name cannot be an app's or a volume's. Such a
// name is a safe path component: letters, digits and "_.-", the first a letter
// or a digit, as Docker has them.
func CheckName(name string) error {
	inner := func(r rune) bool { return strings.ContainsRune("_.-", r) || alphanumeric(r) }
	switch {
	case name == "":
		return fmt.Errorf("%w name: it is empty", ErrInvalid)
	case len(name) > maxKey:
		return fmt.Errorf("%w name %.40q…: more than %d bytes", ErrInvalid, name, maxKey)
	case !alphanumeric(rune(name[0])) || strings.ContainsFunc(name, func(r rune) bool { return !inner(r) }):
		return fmt.Errorf("%w name %q: use letters, digits, '_', '.' and '-', beginning with a letter or digit",
			ErrInvalid, name)
	}
	return nil
}

func alphanumeric(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// checkSnapshot refuses what cannot be taken a snapshot of, and returns the
// volumes by ascending name.
func (s *Store) checkSnapshot(app string, volumes []Volume, opts SnapshotOptions) ([]Volume, error) {
	if err := CheckName(app); err != nil {
		return nil, err
	}
	if len(volumes) == 0 {
		return nil, fmt.Errorf("%w: no volumes: nothing to snapshot", ErrInvalid)
	}
	if err := opts.Exclude.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if opts.Keep < 0 {
		return nil, fmt.Errorf("%w: keep %d snapshots", ErrInvalid, opts.Keep)
	}
	volumes = slices.SortedFunc(slices.Values(volumes), func(a, b Volume) int {
		return strings.Compare(a.Name, b.Name)
	})
	paths := []string{s.dir}
	for i, v := range volumes {
		if err := CheckName(v.Name); err != nil {
			return nil, err
		}
		if i > 0 && v.Name == volumes[i-1].Name {
			return nil, fmt.Errorf("%w: two volumes are named %s", ErrInvalid, v.Name)
		}
		if v.Tree != nil {
			continue
		}
		if err := fsx.CheckDirectory(v.Path); err != nil {
			return nil, fmt.Errorf("%w: volume %s: %w", ErrInvalid, v.Name, err)
		}
		paths = append(paths, v.Path)
	}
	if err := fsx.Disjoint(paths...); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return volumes, nil
}
