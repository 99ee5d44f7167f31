package restore

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
)

// A file is one regular file being restored.
type file struct {
	tree  *tree
	dir   *fsx.SharedDir
	entry manifest.Entry
	live  *fsx.Stat // what is there; nil if nothing is

	os    *os.File // being written
	fresh bool     // os was just made: there is nothing to compare with
}

// restore makes the file what its entry says.
func (f *file) restore(ctx context.Context) error {
	err := f.choose(ctx)
	if err == nil {
		err = f.learn()
	}
	f.tree.run.progress(1, 0)
	return located(f.dir, f.entry.Name, err)
}

// learn writes down how the file looks now, unless it has another label than the
// snapshot: the next one has to see that.
func (f *file) learn() error {
	if f.tree.after == nil {
		return nil
	}
	xattrs, err := f.dir.Xattrs(f.entry.Name)
	if err != nil || fsx.Label(xattrs) != fsx.Label(f.entry.Meta.Xattrs) {
		return err
	}
	stat, err := f.dir.Stat(f.entry.Name)
	f.tree.learn(f.entry.Number, &stat.ID)
	return err
}

// choose writes to the live file only if it has no other name.
func (f *file) choose(ctx context.Context) error {
	switch {
	case f.live == nil:
		return f.create(ctx, f.entry.Name)
	case f.live.Links == 1:
		return f.rewrite(ctx)
	case f.entry.Group != 0:
		same, err := f.same(ctx)
		if err != nil || same {
			return err
		}
	}
	return f.replace(ctx)
}

// replace makes a new file beside the live one and renames it over that.
func (f *file) replace(ctx context.Context) error {
	tmp := ".warmstore-" + rand.Text()
	err := f.create(ctx, tmp)
	if err == nil {
		err = f.dir.Rename(tmp, f.entry.Name)
	}
	if err != nil {
		f.dir.RemoveAll(tmp)
	}
	return err
}

// create makes the file anew under a name that is free.
func (f *file) create(ctx context.Context, name string) (err error) {
	if f.os, err = f.dir.Create(name); err != nil {
		return err
	}
	f.fresh = true
	if err := f.write(ctx); err != nil {
		f.os.Close()
		return err
	}
	if err := f.os.Close(); err != nil {
		return err
	}
	return f.dir.ApplySingle(name, f.tree.run.meta(&f.entry))
}

// rewrite changes what differs in the live file.
func (f *file) rewrite(ctx context.Context) (err error) {
	if err := f.dir.Unprotect(f.entry.Name); err != nil {
		return err
	}
	var stat fsx.Stat
	if f.os, stat, err = f.dir.OpenFileRW(f.entry.Name); err != nil {
		return err
	}
	defer f.os.Close()
	if stat.Links != 1 {
		return errors.New("it was linked to another name meanwhile")
	}
	if err := f.write(ctx); err != nil {
		return err
	}
	return f.dir.ApplySingle(f.entry.Name, f.tree.run.meta(&f.entry))
}

// write makes size, content and holes of the open file those of the entry.
func (f *file) write(ctx context.Context) error {
	if f.fresh || f.live.ID.Size != f.entry.Size {
		if err := f.os.Truncate(f.entry.Size); err != nil {
			return err
		}
	}
	c := &content{run: f.tree.run, files: f.tree.files, write: f.writeAt, zero: f.writeZeros, wrote: f.wrote}
	if !f.fresh {
		c.live = f.os
	}
	if err := c.compare(ctx, f.entry.Pieces); err != nil {
		return err
	}
	return f.holes()
}

func (f *file) writeAt(data []byte, offset int64) error {
	f.tree.run.count.written.Add(int64(len(data)))
	_, err := f.os.WriteAt(data, offset)
	return err
}

func (f *file) writeZeros(e fsx.Extent) error {
	f.tree.run.count.written.Add(e.Length)
	return fsx.WriteZeros(f.os, e)
}

// wrote has a part of the file on its way to the disk while the rest is compared,
// so that the sync at the end waits less.
func (f *file) wrote(e fsx.Extent) error { return fsx.StartWriteback(f.os, e.Offset, e.Length) }

// holes makes the holes of the file, which reads as it should, those of the
// entry.
func (f *file) holes() error {
	live, err := fsx.Holes(f.os, f.entry.Size)
	if err != nil {
		return err
	}
	for _, e := range fsx.Subtract(f.entry.Holes, live) {
		if err := fsx.PunchHole(f.os, e); err != nil {
			return err
		}
	}
	for _, e := range fsx.Subtract(live, f.entry.Holes) {
		if err := fsx.WriteZeros(f.os, e); err != nil {
			return err
		}
	}
	return nil
}

// same reports whether the live file is what the entry says already.
func (f *file) same(ctx context.Context) (bool, error) {
	if f.live.ID.Size != f.entry.Size {
		return false, nil
	}
	meta, err := f.dir.Meta(f.entry.Name)
	if err != nil || !meta.Satisfies(f.tree.run.meta(&f.entry)) {
		return false, err
	}
	in, _, err := f.dir.OpenFile(f.entry.Name)
	if err != nil {
		return false, err
	}
	defer in.Close()
	holes, err := fsx.Holes(in, f.entry.Size)
	if err != nil || len(fsx.Subtract(holes, f.entry.Holes))+len(fsx.Subtract(f.entry.Holes, holes)) > 0 {
		return false, err
	}
	return f.sameContent(ctx, in)
}

func (f *file) sameContent(ctx context.Context, in io.ReaderAt) (bool, error) {
	b := f.tree.run.spare.take()
	defer f.tree.run.spare.give(b)
	offset := int64(0)
	for _, p := range f.entry.Pieces {
		for n := int64(0); n < p.Length; n += blob.MaxRaw {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			if err := b.read(in, offset+n, min(p.Length-n, blob.MaxRaw)); err != nil {
				return false, err
			}
			if p.ID.IsZero() && !allZero(b.live) || !p.ID.IsZero() && blob.Sum(b.live) != p.ID {
				return false, nil
			}
		}
		offset += p.Length
	}
	f.tree.run.progress(0, f.entry.Size)
	return true, nil
}
