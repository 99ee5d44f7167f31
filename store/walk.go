package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/warmstore/warmstore/internal/crew"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
)

// ahead bounds how many entries the walk is ahead of the manifest, and with it
// the memory of entries that wait for a file before them.
const ahead = 1024

// A node is an entry of the manifest on its way there. Nodes travel in the
// order of the walk; the content of files is filled in on the way.
type node struct {
	entry manifest.Entry
	ready chan struct{} // closed when entry is complete; nil if it is already
	err   error         // why it never will be

	// Of a regular file: how it looked when it was complete, and, if it is to be
	// read, where it is and what it held in the previous snapshot.
	id     fsx.Identity
	dir    *fsx.SharedDir
	before []manifest.Piece
}

// A walk goes through one volume and hands its nodes on in order.
type walk struct {
	run    *session
	before *prior
	out    chan<- *node
	files  *crew.Crew // reading files, and parts of them
	links  map[inode]*links
	groups uint64
}

// inode tells inodes of one volume apart; a volume is within one mount.
type inode uint64

// links is an inode with several names.
type links struct {
	group uint64
	rest  uint32 // names not seen yet
}

// volume takes one volume into the snapshot.
func (run *session) volume(ctx context.Context, v Volume) error {
	if v.Tree != nil {
		return run.given(ctx, v)
	}
	return run.directory(ctx, v)
}

// directory takes a volume that is a directory.
func (run *session) directory(ctx context.Context, v Volume) error {
	root, err := fsx.OpenRoot(v.Path, v.Seen)
	if err != nil {
		return err
	}
	run.roots = append(run.roots, root)
	clean := fsx.Settled() // before the sync: what changes later is not clean
	if err := root.Syncfs(); err != nil {
		return err
	}
	before := run.prior(v.Name, root.Dir)
	defer before.close()
	seen, err := run.see(v.Name, root.Dir, clean)
	if err != nil {
		return err
	}
	return run.build(ctx, run.newTree(v, seen), before, func(ctx context.Context, w *walk) error {
		return w.directory(ctx, root.Dir)
	})
}

// build makes the manifest of a volume from the nodes that send sends.
func (run *session) build(ctx context.Context, tree *tree, before *prior,
	send func(ctx context.Context, w *walk) error) error {
	nodes := make(chan *node, ahead)
	stages, ctx := errgroup.WithContext(ctx)
	stages.Go(func() error {
		defer close(nodes)
		return run.walk(ctx, before, nodes, send)
	})
	stages.Go(func() error { return tree.build(ctx, nodes) })
	if err := stages.Wait(); err != nil {
		return err
	}
	if err := before.cursor.Err(); err != nil {
		run.warn("volume %s: the previous snapshot is damaged, so everything was read: %v", tree.record.Name, err)
	}
	run.record.Volumes = append(run.record.Volumes, tree.record)
	return nil
}

func (run *session) warn(format string, args ...any) {
	run.warnings = append(run.warnings, fmt.Sprintf(format, args...))
}

// walk sends all nodes of a volume and waits for its files.
func (run *session) walk(ctx context.Context, before *prior, out chan<- *node,
	send func(ctx context.Context, w *walk) error) error {
	files, ctx := crew.New(ctx, run.store.opts.Workers)
	w := &walk{run: run, before: before, out: out, files: files, links: make(map[inode]*links)}
	err := send(ctx, w)
	if failed := files.Wait(); failed != nil {
		return failed // the cause, if the walk was cancelled because of it
	}
	return err
}

// directory sends all nodes of the tree whose root is open.
func (w *walk) directory(ctx context.Context, root *fsx.Dir) error {
	sights := make(chan sight, surveyAhead)
	survey := &survey{exclude: w.run.opts.Exclude, files: w.files, out: sights}
	both, surveying := errgroup.WithContext(ctx)
	both.Go(func() error {
		defer close(sights)
		return survey.root(surveying, root)
	})
	both.Go(func() error { return w.follow(ctx, sights) }) // files are read until after it
	err := both.Wait()
	for s := range sights { // what nobody dealt with, after an error
		s.dir.Release()
	}
	return err
}

// follow sends the nodes of all sights.
func (w *walk) follow(ctx context.Context, sights <-chan sight) error {
	for s := range sights {
		err := w.sight(ctx, s)
		s.dir.Release()
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) sight(ctx context.Context, s sight) error {
	switch s.kind {
	case entered:
		return w.enter(ctx, s)
	case left:
		return w.leave(ctx, s)
	}
	for i, look := range s.looks {
		if err := w.entry(ctx, s.dir, s.names[i], look); err != nil {
			return err
		}
	}
	return nil
}

// enter sends the node of a directory.
func (w *walk) enter(ctx context.Context, s sight) error {
	if s.name != "" { // else it is the root, where the cursor is
		w.before.cursor.Find(s.name)
		w.before.cursor.Enter()
	}
	return w.send(ctx, &node{entry: manifest.Entry{Kind: manifest.Inode, Name: s.name, Meta: s.self.Meta}})
}

// leave sends the end of a directory, in which nothing may have changed meanwhile.
func (w *walk) leave(ctx context.Context, s sight) error {
	if now, err := s.dir.Self(); err != nil || now.ID != s.self.ID {
		return located(s.dir.Path(""), errors.Join(ErrChanged, err))
	}
	if s.name != "" {
		w.before.cursor.Leave()
	}
	return w.send(ctx, &node{entry: manifest.Entry{Kind: manifest.End}})
}

// entry sends the node of one name in d that is no directory, and looks like this.
func (w *walk) entry(ctx context.Context, d *fsx.SharedDir, name string, look look) error {
	old := w.before.cursor.Find(name)
	if look.err != nil {
		return located(d.Path(name), look.err)
	}
	stat := look.stat
	n := &node{entry: manifest.Entry{Kind: manifest.Inode, Name: name, Meta: stat.Meta}}
	if w.linked(&n.entry, stat) {
		return w.send(ctx, n)
	}
	if stat.Type == fsx.Regular {
		if w.before.same(old, &stat.ID) {
			return w.skip(ctx, n, old, stat.ID)
		}
		n.dir = d
		if old != nil && old.IsFile() {
			n.before = slices.Clone(old.Pieces)
		}
		return w.file(ctx, n)
	}
	if err := special(d, &n.entry); err != nil {
		return located(d.Path(name), err)
	}
	return w.send(ctx, n)
}

// file sends the node of a regular file and has it read meanwhile.
func (w *walk) file(ctx context.Context, n *node) error {
	n.dir.Use()
	err := w.later(ctx, n, func() error {
		defer n.dir.Release()
		return w.read(ctx, n)
	})
	if err != nil {
		n.dir.Release()
	}
	return err
}

// later sends a node that complete completes meanwhile, unless it returns an
// error.
func (w *walk) later(ctx context.Context, n *node, complete func() error) error {
	n.ready = make(chan struct{})
	if err := w.send(ctx, n); err != nil {
		return err
	}
	w.files.Go(func() error {
		defer close(n.ready)
		n.err = complete()
		return n.err
	})
	return nil
}

// skip sends the node of a regular file that is as it was: nothing is read.
func (w *walk) skip(ctx context.Context, n *node, old *manifest.Entry, id fsx.Identity) error {
	group := n.entry.Group
	n.entry, n.id = *old, id
	n.entry.Group = group
	n.entry.Holes, n.entry.Pieces = slices.Clone(old.Holes), slices.Clone(old.Pieces)
	for _, p := range n.entry.Pieces {
		if !p.ID.IsZero() {
			w.run.counters.reused.Add(1)
		}
	}
	w.run.progress(1, n.entry.Size)
	return w.send(ctx, n)
}

// special completes the entry of what is neither a directory nor a regular file.
func special(d *fsx.SharedDir, e *manifest.Entry) (err error) {
	if e.Meta.Type == fsx.Symlink {
		if e.Meta.Target, err = d.Readlink(e.Name); err != nil {
			return err
		}
	}
	e.Meta.Xattrs, err = d.Xattrs(e.Name)
	return err
}

// linked gives an inode of several names its group, and reports whether this is
// a further name: then the entry is complete.
func (w *walk) linked(e *manifest.Entry, stat fsx.Stat) bool {
	if stat.Links < 2 {
		return false
	}
	seen := w.links[inode(stat.ID.Ino)]
	if seen == nil {
		w.groups++
		w.links[inode(stat.ID.Ino)] = &links{group: w.groups, rest: stat.Links - 1}
		e.Group = w.groups
		return false
	}
	if seen.rest--; seen.rest == 0 {
		delete(w.links, inode(stat.ID.Ino))
	}
	*e = manifest.Entry{Kind: manifest.Link, Name: e.Name, Group: seen.group}
	return true
}

func (w *walk) send(ctx context.Context, n *node) error {
	select {
	case w.out <- n:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// located says where in the volume err happened. What vanished did so since its
// directory was read.
func located(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", ErrChanged, err)
	}
	return fmt.Errorf("%q: %w", path, err)
}
