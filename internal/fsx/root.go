package fsx

import (
	"fmt"
	"os"
	"strconv"
)

// A Place says which directory a path leads to, and through which mount. The
// zero Place is none.
type Place struct {
	Dev, Ino uint64
	Mount    uint64 // unique until reboot from Linux 6.8 on
	Magic    int64  // of the file system, as in linux/magic.h
}

// PlaceAt returns where path, which is trusted, leads to. It is the zero Place
// if nothing can be opened there: opening it later says why.
func PlaceAt(path string) Place {
	d, err := OpenDir(path)
	if err != nil {
		return Place{}
	}
	defer d.Close()
	place, _ := d.place()
	return place
}

// A Root is the root directory of a tree, opened once. All access to the tree
// goes through it, whatever its path leads to by then.
type Root struct {
	*Dir
	path  string
	place Place
}

// OpenRoot opens the root of a tree at path, which is trusted. It returns
// ErrReplaced if path leads to another place than seen, the one it led to
// earlier, if that is not zero; and ErrMount if something is mounted below: a
// tree is on one mount. The caller closes the Root.
func OpenRoot(path string, seen Place) (*Root, error) {
	d, err := OpenDir(path)
	if err != nil {
		return nil, err
	}
	r := &Root{Dir: d, path: path}
	if err := r.check(seen); err != nil {
		d.Close()
		return nil, err
	}
	return r, nil
}

func (r *Root) check(seen Place) (err error) {
	if r.place, err = r.Dir.place(); err != nil {
		return err
	}
	if seen != (Place{}) && seen != r.place {
		return fmt.Errorf("%q: %w: %s", r.path, ErrReplaced, seen.difference(r.place))
	}
	return r.checkMounts()
}

// Unmoved returns ErrReplaced unless the path still leads to this directory
// through the same mount: it may have been unmounted, mounted over or renamed,
// and then nobody else sees the tree that was worked on.
func (r *Root) Unmoved() error {
	now, err := OpenDir(r.path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrReplaced, err)
	}
	defer now.Close()
	place, err := now.place()
	if err == nil && place != r.place {
		err = fmt.Errorf("%q: %w: %s", r.path, ErrReplaced, r.place.difference(place))
	}
	return err
}

func (d *Dir) place() (Place, error) {
	stat, err := d.Self()
	if err != nil {
		return Place{}, err
	}
	on, err := d.Filesystem()
	return Place{Dev: stat.ID.Dev, Ino: stat.ID.Ino, Mount: stat.ID.Mount, Magic: on.Magic}, err
}

// difference says in words how the place now differs from p.
func (p Place) difference(now Place) string {
	switch {
	case now.Mount == p.Mount:
		return "it is another directory now"
	case now.Dev == p.Dev && now.Ino == p.Ino:
		return "it was mounted anew"
	}
	return fmt.Sprintf("it was on %s and is on %s now: something was mounted or unmounted",
		describeMagic(p.Magic), describeMagic(now.Magic))
}

func describeMagic(magic int64) string {
	if name := filesystemName(magic); name != "" {
		return name
	}
	return "file system 0x" + strconv.FormatInt(magic, 16)
}

// checkMounts returns ErrMount if something is mounted below r. It spares a long
// walk that would end there; the walk itself finds what is mounted later.
func (r *Root) checkMounts() error {
	id, err := mountID(r.fd)
	if err != nil {
		return err
	}
	path, err := os.Readlink(procPath(r.fd))
	if err != nil {
		return err
	}
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("read mounts: %w", err)
	}
	if below := mountBelow(string(table), id, path); below != "" {
		return fmt.Errorf("%q: %w", below, ErrMount)
	}
	return nil
}
