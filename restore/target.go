package restore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/warmstore/warmstore/internal/fsx"
)

// A Target is a directory to restore a volume into.
type Target struct {
	Volume string
	Path   string // symlinks on the way are followed
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
	return checkEmpty(t.Path)
}

func checkEmpty(path string) error {
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

// roots are the root directories of the targets, in the same order.
type roots []*fsx.Dir

// open opens all roots, those that it makes included; after an error, those
// that it could.
func (r *run) open(targets []Target) (dirs roots, err error) {
	for _, t := range targets {
		if r.opts.Create {
			if err := fsx.MkdirAll(t.Path, 0o700); err != nil {
				return dirs, err
			}
		}
		dir, err := fsx.OpenDir(t.Path)
		if err != nil {
			return dirs, err
		}
		dirs = append(dirs, dir)
	}
	return dirs, nil
}

func (r roots) close() {
	for _, dir := range r {
		dir.Close()
	}
}
