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
// measure the inode that has most of it, and of each feature the first inode that
// has it. It is small, however large the volume is.
type demand struct {
	inodes   int64
	largest  [measures]most
	features map[feature]struct{} // that were met
	firsts   []most
}

// A measure is a number that has a limit, which differs among file systems.
type measure int

const (
	past measure = iota
	future
	fraction // of a second: how fine a clock it needs
	user
	group
	size
	nameLength
	targetLength
	attributesLength
	attributeLength
	firstDevice
	lastDevice // by minor number, then major
	measures
)

// A feature is what some file systems lack: a type, holes, flags, or a kind of
// attributes.
type feature struct {
	kind   fsx.Type
	holes  bool
	flags  uint32
	xattrs string
}

// maxFeatures bounds a demand: whoever makes up kinds of attributes gets no more.
const maxFeatures = 100

// A most is an inode, and how much of a measure it has.
type most struct {
	amount int64
	inode  int64 // its number, from 1; 0: there is none
	trial  fsx.Trial
}

// note takes one entry into account, which is to get these attributes.
func (d *demand) note(e *manifest.Entry, xattrs []fsx.Xattr) {
	if e.Kind != manifest.Inode {
		return
	}
	d.inodes++
	d.measure(e, xattrs)
	d.meet(feature{kind: e.Meta.Type}, e, xattrs)
	if len(e.Holes) > 0 {
		d.meet(feature{holes: true}, e, xattrs)
	}
	if e.Meta.Flags != 0 {
		d.meet(feature{flags: e.Meta.Flags}, e, xattrs)
	}
	for _, x := range xattrs {
		d.meet(feature{xattrs: fsx.AttributeKind(x.Name)}, e, xattrs)
	}
}

func (d *demand) measure(e *manifest.Entry, xattrs []fsx.Xattr) {
	m := &e.Meta
	d.raise(past, -m.ModTime.Sec, e, xattrs)
	d.raise(future, m.ModTime.Sec, e, xattrs)
	d.raise(fraction, precision(m.ModTime.Nsec), e, xattrs)
	d.raise(user, int64(m.UID), e, xattrs)
	d.raise(group, int64(m.GID), e, xattrs)
	d.raise(size, e.Size, e, xattrs)
	d.raise(nameLength, int64(len(e.Name)), e, xattrs)
	d.raise(targetLength, int64(len(m.Target)), e, xattrs)
	if m.Type == fsx.CharDevice || m.Type == fsx.BlockDevice {
		d.raise(firstDevice, -int64(m.Rdev), e, xattrs)
		d.raise(lastDevice, int64(m.Rdev), e, xattrs)
	}
	total, longest := 0, 0
	for _, x := range xattrs {
		total += len(x.Name) + len(x.Value)
		longest = max(longest, len(x.Value))
	}
	d.raise(attributesLength, int64(total), e, xattrs)
	d.raise(attributeLength, int64(longest), e, xattrs)
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

// raise makes e the inode that has most of a measure, if it does.
func (d *demand) raise(m measure, amount int64, e *manifest.Entry, xattrs []fsx.Xattr) {
	if old := &d.largest[m]; old.inode == 0 || old.amount < amount {
		*old = most{amount, d.inodes, newTrial(e, xattrs)}
	}
}

// meet remembers e if it is the first one with a feature.
func (d *demand) meet(f feature, e *manifest.Entry, xattrs []fsx.Xattr) {
	if _, met := d.features[f]; met || len(d.features) == maxFeatures {
		return
	}
	if d.features == nil {
		d.features = make(map[feature]struct{})
	}
	d.features[f] = struct{}{}
	d.firsts = append(d.firsts, most{inode: d.inodes, trial: newTrial(e, xattrs)})
}

func newTrial(e *manifest.Entry, xattrs []fsx.Xattr) fsx.Trial {
	t := fsx.Trial{Name: e.Name, Meta: e.Meta, Size: e.Size, Holes: len(e.Holes) > 0}
	t.Meta.Xattrs = xattrs
	return t
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
	for _, m := range append(d.firsts, d.largest[:]...) {
		if m.inode == 0 || tried[m.inode] {
			continue
		}
		tried[m.inode] = true
		if err := dir.Try(m.trial); err != nil {
			return fmt.Errorf("%q in the snapshot: %w", m.trial.Name, err)
		}
	}
	return nil
}
