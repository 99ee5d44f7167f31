package restore

import (
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/warmstore/warmstore/internal/crew"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
)

// A tree is one volume being restored. One goroutine walks the manifest and the
// live tree together; files are left to workers.
type tree struct {
	*volume
	dec   *manifest.Decoder
	top   *fsx.SharedDir
	files *crew.Crew      // restoring files, and parts of them
	links map[uint64]link // the first names of inodes that have several
}

// A link is the first name of an inode, and the inode it is.
type link struct {
	path string
	id   fsx.Identity
}

// tree makes the volume's root what the manifest says.
func (v *volume) tree(ctx context.Context, dec *manifest.Decoder) error {
	e, err := dec.Next()
	if err != nil {
		return err
	}
	own, err := v.root.OpenPath("")
	if err != nil {
		return err
	}
	files, ctx := crew.New(ctx, v.run.opts.Workers)
	t := &tree{volume: v, dec: dec, files: files, links: make(map[uint64]link)}
	t.top = fsx.Share(own, becomes(t.run.meta(e)))
	err = t.directory(ctx, t.top)
	if failed := files.Wait(); failed != nil {
		return failed // the cause, if the walk was cancelled because of it
	}
	return err
}

// meta returns what the inode of e is to have on this machine.
func (r *run) meta(e *manifest.Entry) fsx.Meta {
	meta := e.Meta
	meta.Xattrs = r.attributes(meta.Xattrs)
	return meta
}

// becomes returns what gives a directory, when it is done, its metadata.
func becomes(meta fsx.Meta) func(*fsx.Dir) error {
	return func(dir *fsx.Dir) error { return dir.Apply("", meta) }
}

// directory restores directory d and all below it, and leaves it. Its metadata
// comes when everything in it is done, since that changes its times.
func (t *tree) directory(ctx context.Context, d *fsx.SharedDir) (err error) {
	defer func() {
		if left := d.Leave(); err == nil && left != nil {
			err = located(d, "", left)
		}
	}()
	if err := d.Unprotect(""); err != nil {
		return err
	}
	live, err := d.Names()
	if err != nil {
		return err
	}
	return t.entries(ctx, d, t.run.src.Excluded().Keep(live, d.Path))
}

// entries restores what is in d, where these names are live, up to its End.
func (t *tree) entries(ctx context.Context, d *fsx.SharedDir, live []string) error {
	for {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		e, err := t.dec.Next()
		if err != nil {
			return err
		}
		for len(live) > 0 && (e.Kind == manifest.End || live[0] < e.Name) {
			if err := t.remove(d, live[0]); err != nil {
				return err
			}
			live = live[1:]
		}
		if e.Kind == manifest.End {
			return nil
		}
		exists := len(live) > 0 && live[0] == e.Name
		if exists {
			live = live[1:]
		}
		if err := t.entry(ctx, d, e, exists); err != nil {
			return err
		}
	}
}

func (t *tree) remove(d *fsx.SharedDir, name string) error {
	t.run.count.removed.Add(1)
	if err := d.RemoveAll(name); err != nil {
		return fmt.Errorf("remove %q: %w", d.Path(name), err)
	}
	return nil
}

// entry restores one name in d, which may exist already as something else.
func (t *tree) entry(ctx context.Context, d *fsx.SharedDir, e *manifest.Entry, exists bool) error {
	var live *fsx.Stat
	if exists {
		stat, err := d.Stat(e.Name)
		if err != nil {
			return located(d, e.Name, err)
		}
		live = &stat
	}
	if e.Kind == manifest.Link {
		return located(d, e.Name, t.link(d, e, live))
	}
	if live != nil && !keeps(live, e) {
		if err := t.remove(d, e.Name); err != nil {
			return err
		}
		live = nil
	}
	switch e.Meta.Type {
	case fsx.Directory:
		return t.descend(ctx, d, e, live)
	case fsx.Regular:
		return t.file(ctx, d, e, live)
	}
	if err := t.special(d, e, live); err != nil {
		return located(d, e.Name, err)
	}
	return t.first(d, e)
}

// keeps reports whether the live inode can become what e says, without a change
// to one that has another name.
func keeps(live *fsx.Stat, e *manifest.Entry) bool {
	switch {
	case live.Type != e.Meta.Type:
		return false
	case live.Type == fsx.Directory, live.Type == fsx.Regular:
		return true // a file sees to its links itself
	}
	return live.Links == 1 && live.Rdev == e.Meta.Rdev
}

func (t *tree) descend(ctx context.Context, d *fsx.SharedDir, e *manifest.Entry, live *fsx.Stat) error {
	if live == nil {
		if err := d.Mkdir(e.Name); err != nil {
			return located(d, e.Name, err)
		}
	}
	sub, err := d.Enter(e.Name, becomes(t.run.meta(e)))
	if err != nil {
		return located(d, e.Name, err)
	}
	return t.directory(ctx, sub)
}

// file leaves a regular file to a worker. One of several names is restored at
// once, for the next name may come before a worker does.
func (t *tree) file(ctx context.Context, d *fsx.SharedDir, e *manifest.Entry, live *fsx.Stat) error {
	if live != nil && t.before.Same(e.Number, e.Size, e.Meta.ModTime, &live.ID) {
		t.run.progress(1, e.Size)
		t.learn(e.Number, &live.ID)
		return t.first(d, e)
	}
	f := &file{tree: t, dir: d, entry: *e, live: live}
	f.entry.Holes, f.entry.Pieces = slices.Clone(e.Holes), slices.Clone(e.Pieces)
	if e.Group != 0 {
		if err := f.restore(ctx); err != nil {
			return err
		}
		return t.first(d, e)
	}
	d.Use()
	t.files.Go(func() error {
		err := f.restore(ctx)
		if released := d.Release(); err == nil {
			err = released
		}
		return err
	})
	return nil
}

// learn writes down how a file looks that is as it should be.
func (t *tree) learn(number int64, id *fsx.Identity) {
	if t.after != nil {
		t.after.Put(number, id)
	}
}

// special restores what is neither a directory nor a regular file.
func (t *tree) special(d *fsx.SharedDir, e *manifest.Entry, live *fsx.Stat) error {
	t.run.progress(1, 0)
	if live != nil && live.Type == fsx.Symlink {
		target, err := d.Readlink(e.Name)
		if err != nil {
			return err
		}
		if target != e.Meta.Target {
			if err := t.remove(d, e.Name); err != nil {
				return err
			}
			live = nil
		}
	}
	if live == nil {
		if err := create(d, e); err != nil {
			return err
		}
	}
	return d.ApplySingle(e.Name, t.run.meta(e))
}

func create(d *fsx.SharedDir, e *manifest.Entry) error {
	if e.Meta.Type == fsx.Symlink {
		return d.Symlink(e.Meta.Target, e.Name)
	}
	return d.Mknod(e.Name, e.Meta)
}

// first remembers the first name of an inode that has several.
func (t *tree) first(d *fsx.SharedDir, e *manifest.Entry) error {
	if e.Group == 0 {
		return nil
	}
	stat, err := d.Stat(e.Name)
	if err != nil {
		return located(d, e.Name, err)
	}
	t.links[e.Group] = link{path: d.Path(e.Name), id: stat.ID}
	return nil
}

// link makes e a further name of its inode.
func (t *tree) link(d *fsx.SharedDir, e *manifest.Entry, live *fsx.Stat) error {
	t.run.progress(1, 0)
	to := t.links[e.Group]
	if live != nil {
		if live.ID.Ino == to.id.Ino && live.ID.Dev == to.id.Dev {
			return nil
		}
		if err := t.remove(d, e.Name); err != nil {
			return err
		}
	}
	dir, name := path.Split(to.path)
	from, err := t.top.OpenPath(path.Clean(dir))
	if err != nil {
		return err
	}
	defer from.Close()
	if err := d.Link(from, name, e.Name); err != nil {
		return err
	}
	made, err := d.Stat(e.Name)
	if err == nil && made.ID.Ino != to.id.Ino {
		err = fmt.Errorf("%q was replaced meanwhile", to.path)
	}
	return err
}

// located says where in the volume err happened, if it did.
func located(d *fsx.SharedDir, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%q: %w", d.Path(name), err)
}
