package restore

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
)

// A demand is what a volume asks of the file system that is to hold it: of each
// kind of thing that not every file system can hold, the inode that asks most.
// It is small, however large the volume is.
type demand struct {
	entries int64
	most    map[kind]*most
	order   []kind // in which they appeared
}

// A kind is one of those things: what, and which of them.
type kind struct {
	what  string
	which string
	flags uint32
}

// A most is the inode that asks most of a kind.
type most struct {
	rank  int64
	entry int64 // its number
	trial fsx.Trial
}

// note takes one entry into account, which is to get these attributes.
func (d *demand) note(e *manifest.Entry, xattrs []fsx.Xattr) {
	if e.Kind != manifest.Inode {
		return
	}
	d.entries++
	m := &e.Meta
	d.raise(kind{what: "type", flags: uint32(m.Type)}, 0, e, xattrs)
	d.raise(kind{what: "past"}, -m.ModTime.Sec, e, xattrs)
	d.raise(kind{what: "future"}, m.ModTime.Sec, e, xattrs)
	d.raise(kind{what: "fraction"}, precision(m.ModTime.Nsec), e, xattrs)
	d.raise(kind{what: "user"}, int64(m.UID), e, xattrs)
	d.raise(kind{what: "group"}, int64(m.GID), e, xattrs)
	d.raise(kind{what: "size"}, e.Size, e, xattrs)
	d.raise(kind{what: "name"}, int64(len(e.Name)), e, xattrs)
	d.raise(kind{what: "target"}, int64(len(m.Target)), e, xattrs)
	if m.Type == fsx.CharDevice || m.Type == fsx.BlockDevice {
		d.raise(kind{what: "first device"}, -int64(m.Rdev), e, xattrs)
		d.raise(kind{what: "last device"}, int64(m.Rdev), e, xattrs) // by minor number, then major
	}
	if len(e.Holes) > 0 {
		d.raise(kind{what: "holes"}, 0, e, xattrs)
	}
	if m.Flags != 0 {
		d.raise(kind{what: "flags", flags: m.Flags}, 0, e, xattrs)
	}
	total, largest := 0, 0
	for _, x := range xattrs {
		d.raise(kind{what: "attribute", which: fsx.AttributeKind(x.Name)}, 0, e, xattrs)
		total += len(x.Name) + len(x.Value)
		largest = max(largest, len(x.Value))
	}
	d.raise(kind{what: "attributes"}, int64(total), e, xattrs)
	d.raise(kind{what: "value"}, int64(largest), e, xattrs)
}

// precision ranks fractions of a second by how fine a clock they need.
func precision(nsec uint32) (rank int64) {
	for _, unit := range []uint32{1e9, 1e6, 1e3, 1e2} {
		if nsec%unit == 0 {
			return rank
		}
		rank++
	}
	return rank
}

// raise makes e the entry that asks most of this kind, if it does.
func (d *demand) raise(k kind, rank int64, e *manifest.Entry, xattrs []fsx.Xattr) {
	old := d.most[k]
	if old != nil && old.rank >= rank {
		return
	}
	if d.most == nil {
		d.most = make(map[kind]*most)
	}
	if old == nil {
		d.order = append(d.order, k)
	}
	trial := fsx.Trial{Name: e.Name, Meta: e.Meta, Size: e.Size, Holes: len(e.Holes) > 0}
	trial.Meta.Xattrs = xattrs
	d.most[k] = &most{rank, d.entries, trial}
}

// checkDemands returns ErrIncapable unless the file system of each target can hold
// what is demanded of it.
func (r *run) checkDemands(targets []Target, demands []demand) error {
	for i, t := range targets {
		if err := demands[i].check(t.Path); err != nil {
			return fmt.Errorf("volume %s cannot be in %q: %w", t.Volume, t.Path, err)
		}
	}
	return nil
}

// check tries everything in the directory at path, or in the one above it that
// exists: that is where path will be made.
func (d *demand) check(path string) error {
	dir, err := fsx.OpenDir(path)
	if errors.Is(err, fs.ErrNotExist) && path != filepath.Dir(path) {
		return d.check(filepath.Dir(path))
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	tried := make(map[int64]bool)
	for _, k := range d.order {
		m := d.most[k]
		if tried[m.entry] {
			continue
		}
		tried[m.entry] = true
		if err := dir.Try(m.trial); err != nil {
			return fmt.Errorf("%q in the snapshot: %w", m.trial.Name, err)
		}
	}
	return nil
}
