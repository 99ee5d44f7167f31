package docker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// A place is a directory of this machine and all that lie above it, each by
// its path and by what it is (device and inode), so that two places can be
// compared however they are reached: through symlinks or through bind mounts.
type place []step

// A step is one directory of a place: the place itself is the first, / the
// last.
type step struct {
	path string
	info os.FileInfo // nil if it cannot be seen from here
}

// locate finds the place that path leads to.
func (e *Engine) locate(ctx context.Context, path string) (place, error) {
	return ask(ctx, e, fmt.Sprintf("look at %q", path), func(ctx context.Context) (place, error) {
		return await(ctx, func() (place, error) { return placeOf(path), nil })
	})
}

// placeOf is locate without a deadline. What does not exist, or is not visible
// from here, takes part by its path alone.
func placeOf(path string) place {
	var p place
	for path = resolve(filepath.Clean(path)); ; path = filepath.Dir(path) {
		info, err := os.Lstat(path)
		if err != nil {
			info = nil
		}
		p = append(p, step{path, info})
		if path == filepath.Dir(path) {
			return p
		}
	}
}

// resolve follows the symlinks in as much of path as exists.
func resolve(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(resolve(parent), filepath.Base(path))
}

// within reports whether p is q or lies below it.
func (p place) within(q place) bool {
	for _, s := range p {
		if s.same(q[0]) {
			return true
		}
	}
	return false
}

// same reports whether both steps are one directory.
func (s step) same(t step) bool {
	return s.path == t.path || s.info != nil && t.info != nil && os.SameFile(s.info, t.info)
}
