package restore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync/atomic"

	"github.com/warmstore/warmstore/internal/crew"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
	"github.com/warmstore/warmstore/internal/witness"
)

// A liveTree is a directory that is compared with a manifest. One goroutine
// walks it; files are left to workers.
type liveTree struct {
	run    *run
	root   *fsx.Dir
	before *witness.Reader  // how its files looked when they were right; nil: unknown
	files  *crew.Crew       // comparing files, and parts of them
	levels []level          // the open directories down to where the walk is
	enter  *item            // a directory that the walk goes into next
	links  map[uint64]first // the first names of inodes that the manifest gives several
}

// A level is an open directory and the names in it that are to come.
type level struct {
	dir   *fsx.SharedDir
	names []string
}

// A first is the first name of an inode as it is there.
type first struct {
	id   fsx.Identity
	kind ChangeKind
}

// newLiveTree returns the tree below root, which it closes in the end. It syncs
// the file system, since some know of holes only then.
func (r *run) newLiveTree(ctx context.Context, volume string, root *fsx.Dir) (*liveTree, error) {
	if err := root.Syncfs(); err != nil {
		root.Close()
		return nil, err
	}
	files, _ := crew.New(ctx, r.opts.Workers)
	t := &liveTree{run: r, root: root, files: files, links: make(map[uint64]first)}
	if r.opts.Memory != nil {
		t.before = r.opts.Memory.Recall(volume, root)
	}
	return t, nil
}

// close waits for the workers and closes everything.
func (t *liveTree) close() error {
	err := t.files.Wait()
	for _, l := range slices.Backward(t.levels) {
		l.dir.Leave()
	}
	t.before.Close()
	return errors.Join(err, t.root.Close())
}

func (t *liveTree) next() (item, error) {
	if t.levels == nil && t.enter == nil {
		t.enter = &item{dir: true}
		return *t.enter, nil
	}
	if t.enter != nil {
		if err := t.descend(); err != nil {
			return item{}, err
		}
	}
	return t.advance()
}

// descend opens the directory that was returned last.
func (t *liveTree) descend() error {
	it := *t.enter
	t.enter = nil
	dir, err := t.open(it)
	if err != nil {
		return fmt.Errorf("read directory: %w", err)
	}
	names, err := dir.Names()
	t.levels = append(t.levels, level{dir, t.run.src.Excluded().Keep(names, dir.Path)})
	return err
}

// open opens a directory for the walk to go on in: the root once more, or one
// below where it is.
func (t *liveTree) open(it item) (*fsx.SharedDir, error) {
	if it.in != nil {
		return it.in.Enter(it.name, nil)
	}
	root, err := t.root.OpenPath("")
	if err != nil {
		return nil, err
	}
	return fsx.Share(root, nil), nil
}

// advance returns what comes next in the directory that the walk is in. What is
// gone since that was read is passed over.
func (t *liveTree) advance() (item, error) {
	l := &t.levels[len(t.levels)-1]
	for len(l.names) > 0 {
		it := item{name: l.names[0], in: l.dir}
		l.names = l.names[1:]
		stat, err := l.dir.Stat(it.name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return item{}, located(l.dir, it.name, err)
		}
		it.stat, it.dir = &stat, stat.Type == fsx.Directory
		if it.dir {
			t.enter = &it
		}
		return it, nil
	}
	t.levels = t.levels[:len(t.levels)-1]
	return item{end: true}, l.dir.Leave()
}

// compare holds an inode or a further name of one against its entry.
func (t *liveTree) compare(ctx context.Context, e *manifest.Entry, it item, n *node) error {
	if it.in == nil {
		return t.metadata(e, it, n)
	}
	if e.Kind == manifest.Link {
		t.link(e, it, n)
		return nil
	}
	err := t.inode(ctx, e, it, n)
	if e.Group != 0 {
		t.links[e.Group] = first{it.stat.ID, n.Kind}
	}
	return located(it.in, it.name, err)
}

// link holds a name against the inode that it should be one of.
func (t *liveTree) link(e *manifest.Entry, it item, n *node) {
	to := t.links[e.Group]
	n.Kind = Changed
	if to.id.Ino == it.stat.ID.Ino && to.id.Dev == it.stat.ID.Dev {
		n.Kind = to.kind // as its first name
	}
}

func (t *liveTree) inode(ctx context.Context, e *manifest.Entry, it item, n *node) error {
	switch {
	case e.IsFile() && t.before.Same(e.Number, e.Size, e.Meta.ModTime, &it.stat.ID):
		t.run.progress(1, e.Size)
		return nil
	case it.stat.Type != e.Meta.Type, !it.dir && e.Group == 0 && it.stat.Links > 1:
		n.Kind, n.Bytes = Changed, contentBytes(e)
		return nil
	case !e.IsFile():
		return t.metadata(e, it, n)
	case e.Group != 0:
		return t.file(ctx, e, it, n) // at once, for the next name of it
	}
	t.later(ctx, e, it, n)
	return nil
}

// metadata holds that of anything against its entry.
func (t *liveTree) metadata(e *manifest.Entry, it item, n *node) error {
	meta, err := t.meta(it)
	switch {
	case err != nil:
		return err
	case meta.Rdev != e.Meta.Rdev, meta.Target != e.Meta.Target:
		n.Kind = Changed
	case !meta.Satisfies(t.run.meta(e)):
		n.Kind = Metadata
	}
	return nil
}

func (t *liveTree) meta(it item) (fsx.Meta, error) {
	if it.in != nil {
		return it.in.Meta(it.name)
	}
	stat, err := t.root.Self()
	if err == nil {
		stat.Xattrs, err = t.root.Xattrs("")
	}
	return stat.Meta, err
}

// later leaves a file to a worker.
func (t *liveTree) later(ctx context.Context, e *manifest.Entry, it item, n *node) {
	own := *e
	own.Holes, own.Pieces = slices.Clone(e.Holes), slices.Clone(e.Pieces)
	n.ready = make(chan struct{})
	it.in.Use()
	t.files.Go(func() error {
		defer close(n.ready)
		n.err = located(it.in, it.name, t.file(ctx, &own, it, n))
		return it.in.Release()
	})
}

// file holds content, holes and metadata of a regular file against its entry.
func (t *liveTree) file(ctx context.Context, e *manifest.Entry, it item, n *node) error {
	in, stat, err := it.in.OpenFile(it.name)
	if err != nil {
		return err
	}
	defer in.Close()
	var differs atomic.Int64
	c := &content{run: t.run, files: t.files, live: in,
		write: func(data []byte, _ int64) error { differs.Add(int64(len(data))); return nil },
		zero:  func(e fsx.Extent) error { differs.Add(e.Length); return nil },
	}
	if err := c.compare(ctx, e.Pieces); err != nil {
		return err
	}
	holes, err := fsx.Holes(in, e.Size)
	if err != nil {
		return err
	}
	if err := t.metadata(e, it, n); err != nil {
		return err
	}
	switch n.Bytes = differs.Load(); {
	case n.Bytes > 0, stat.ID.Size != e.Size:
		n.Kind = Changed
	case !slices.Equal(holes, e.Holes):
		n.Kind = Metadata
	}
	if n.Kind != 0 && stat.Links > 1 {
		n.Bytes = contentBytes(e) // it is replaced
	}
	t.run.progress(1, 0)
	return nil
}
