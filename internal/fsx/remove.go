package fsx

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"
)

// RemoveAll removes the entry name and, if it is a directory, everything below
// it. It follows no symlink and enters no mount: a mount point below name is
// ErrMount, and what was removed by then stays removed. Immutable and
// append-only flags are cleared where they are in the way, except d's own. A
// name that does not exist is no error. Depth costs memory but no descriptors:
// a handful is open at a time.
func (d *Dir) RemoveAll(name string) error {
	if err := checkName(name); err != nil {
		return describe(err, "remove", name)
	}
	r := removal{base: d, at: d, names: []string{name}}
	defer func() { r.move(d) }()
	if err := r.run(); err != nil {
		return fmt.Errorf("in %q: %w", r.path(), err)
	}
	return nil
}

// A removal is a walk, deepest entries first. It comes back up through "..",
// which is safe because it compares what that leads to with where it came from.
type removal struct {
	base  *Dir     // the caller's, never closed
	at    *Dir     // where the walk is
	names []string // what is left to remove in at
	above []level  // the way back, base first
}

// A level is a directory that the walk has gone down from.
type level struct {
	id    Identity
	names []string // what is left to remove there
	down  string   // the entry that the walk went into
}

func (r *removal) run() error {
	for {
		for len(r.names) > 0 {
			name := r.names[len(r.names)-1]
			r.names = r.names[:len(r.names)-1]
			err := r.remove(name)
			if errors.Is(err, unix.ENOTEMPTY) {
				err = r.enter(name)
			}
			if err != nil {
				return err
			}
		}
		if len(r.above) == 0 {
			return nil
		}
		if err := r.leave(); err != nil {
			return err
		}
	}
}

// remove removes one entry, which is no error if it is gone already.
func (r *removal) remove(name string) error {
	err := r.at.Remove(name)
	if errors.Is(err, unix.EPERM) && r.at != r.base {
		if err := r.at.Unprotect(""); err != nil {
			return err
		}
		err = r.at.Remove(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// enter goes down into the directory name.
func (r *removal) enter(name string) error {
	self, err := r.at.Self()
	if err != nil {
		return err
	}
	child, err := r.at.OpenDir(name)
	if err != nil {
		return err
	}
	r.above = append(r.above, level{id: self.ID, names: r.names, down: name})
	r.move(child)
	r.names, err = child.Names()
	return err
}

// leave goes back up and removes the directory that it comes from. If that has
// entries again someone is adding them, and the walk might never end.
func (r *removal) leave() error {
	last := r.above[len(r.above)-1]
	r.above = r.above[:len(r.above)-1]
	r.names = last.names
	if len(r.above) == 0 {
		r.move(r.base)
		return r.remove(last.down)
	}
	parent, err := r.at.above(last.id)
	if err != nil {
		return describe(err, "leave directory", last.down)
	}
	r.move(parent)
	return r.remove(last.down)
}

// path returns the way from base to where the walk is.
func (r *removal) path() string {
	names := []string{"."}
	for _, l := range r.above {
		names = append(names, l.down)
	}
	return strings.Join(names, "/")
}

// move makes to the place where the walk is.
func (r *removal) move(to *Dir) {
	if r.at != r.base {
		r.at.Close()
	}
	r.at = to
}
