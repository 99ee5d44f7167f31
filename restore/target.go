package restore

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/warmstore/warmstore/internal/fsx"
)

// A Target is a directory to restore a volume into.
type Target struct {
	Volume string
	Path   string    // symlinks on the way are followed
	Seen   fsx.Place // where Path led to when the caller looked; zero: it did not
}

// check refuses targets that cannot be restored into as asked.
func (r *run) check(targets []Target) error {
	paths := append([]string(nil), r.opts.Apart...)
	for _, t := range targets {
		paths = append(paths, t.Path)
		if err := r.checkOne(t); err != nil {
			return fmt.Errorf("%w target for volume %s: %w", ErrInvalid, t.Volume, err)
		}
	}
	if err := fsx.Disjoint(paths...); err != nil {
		return fmt.Errorf("%w targets: %w", ErrInvalid, err)
	}
	return nil
}

func (r *run) checkOne(t Target) error {
	err := fsx.CheckDirectory(t.Path)
	if errors.Is(err, fs.ErrNotExist) {
		if r.opts.Create {
			return nil
		}
		return fmt.Errorf("%w: %q", ErrMissing, t.Path)
	}
	if err != nil || !r.opts.Empty {
		return err
	}
	return fsx.CheckEmpty(t.Path)
}

// roots are the root directories of the targets, in the same order; nil where
// one does not exist yet.
type roots []*fsx.Root

// open opens the roots that exist; after an error, those that it could.
func (r *run) open(targets []Target) (roots, error) {
	all := make(roots, len(targets))
	for i, t := range targets {
		root, err := fsx.OpenRoot(t.Path, t.Seen)
		if errors.Is(err, fs.ErrNotExist) && r.opts.Create {
			continue
		}
		if err != nil {
			return all, fmt.Errorf("volume %s: %w", t.Volume, err)
		}
		all[i] = root
	}
	return all, nil
}

// make makes and opens the roots that do not exist.
func (all roots) make(targets []Target) error {
	for i, t := range targets {
		if all[i] != nil {
			continue
		}
		if err := fsx.MkdirAll(t.Path, 0o700); err != nil {
			return err
		}
		root, err := fsx.OpenRoot(t.Path, fsx.Place{})
		if err != nil {
			return fmt.Errorf("volume %s: %w", t.Volume, err)
		}
		all[i] = root
	}
	return nil
}

func (all roots) close() {
	for _, root := range all {
		if root != nil {
			root.Close()
		}
	}
}
