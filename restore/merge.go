package restore

import (
	"context"
	"path"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
)

// A merge walks the tree that is wanted and the one that is there together, and
// sends a node for each path that may differ, in the order of the walk.
type merge struct {
	volume string
	want   *manifest.Decoder // nil: nothing is wanted
	have   present           // nil: nothing is there
	dirs   []string          // the names of the directories down to the entries
	nodes  chan *node
}

// A present is a tree that is there.
type present interface {
	// next returns the next entry in the order of a walk. It is valid until the
	// following call.
	next() (item, error)
	// compare says in n how it differs from e. Both have one name. It may leave the
	// work to others.
	compare(ctx context.Context, e *manifest.Entry, it item, n *node) error
}

// An item is an entry of a present tree.
type item struct {
	name string
	end  bool // of a directory, as manifest.End
	dir  bool

	in    *fsx.SharedDir  // of a live tree, what it is in; nil for its root
	stat  *fsx.Stat       // of a live tree
	entry *manifest.Entry // of a stored one
}

// A node is a change that may not be complete yet.
type node struct {
	Change
	ready chan struct{} // closed when it is; nil: it is already
	err   error
}

func (n *node) wait() {
	if n.ready != nil {
		<-n.ready
	}
}

// all walks both trees to their end.
func (m *merge) all(ctx context.Context) error {
	var e *manifest.Entry
	var it item
	var err error
	if m.want != nil {
		if e, err = m.want.Next(); err != nil {
			return err
		}
	}
	if m.have != nil {
		if it, err = m.have.next(); err != nil {
			return err
		}
	}
	switch {
	case m.want == nil:
		return m.removed(ctx, it)
	case m.have == nil:
		return m.added(ctx, e)
	}
	return m.both(ctx, e, it)
}

// directory walks what is in a directory that both trees have, up to its End.
func (m *merge) directory(ctx context.Context) error {
	e, err := m.want.Next()
	if err != nil {
		return err
	}
	it, err := m.have.next()
	for err == nil {
		wanted, there := e.Kind != manifest.End, !it.end
		switch {
		case !wanted && !there:
			return nil
		case wanted && (!there || e.Name < it.name):
			if err = m.added(ctx, e); err == nil {
				e, err = m.want.Next()
			}
		case !wanted || it.name < e.Name:
			if err = m.removed(ctx, it); err == nil {
				it, err = m.have.next()
			}
		default:
			if err = m.both(ctx, e, it); err != nil {
				return err
			}
			if e, err = m.want.Next(); err == nil {
				it, err = m.have.next()
			}
		}
	}
	return err
}

// both compares what has one name in both trees, and all below it.
func (m *merge) both(ctx context.Context, e *manifest.Entry, it item) error {
	n := m.node(e.Name)
	if err := m.have.compare(ctx, e, it, n); err != nil {
		return err
	}
	if err := m.send(ctx, n); err != nil {
		return err
	}
	m.dirs = append(m.dirs, it.name)
	defer func() { m.dirs = m.dirs[:len(m.dirs)-1] }()
	switch {
	case e.IsDir() && it.dir:
		return m.directory(ctx)
	case e.IsDir():
		return m.addedBelow(ctx)
	case it.dir:
		return m.removedBelow(ctx)
	}
	return nil
}

// added tells of an entry that is wanted and not there, and all below it.
func (m *merge) added(ctx context.Context, e *manifest.Entry) error {
	n := m.node(e.Name)
	n.Kind, n.Bytes = Added, contentBytes(e)
	if err := m.send(ctx, n); err != nil || !e.IsDir() {
		return err
	}
	m.dirs = append(m.dirs, e.Name)
	defer func() { m.dirs = m.dirs[:len(m.dirs)-1] }()
	return m.addedBelow(ctx)
}

func (m *merge) addedBelow(ctx context.Context) error {
	for {
		e, err := m.want.Next()
		if err != nil || e.Kind == manifest.End {
			return err
		}
		if err := m.added(ctx, e); err != nil {
			return err
		}
	}
}

// removed tells of an entry that is there and not wanted, and all below it.
func (m *merge) removed(ctx context.Context, it item) error {
	n := m.node(it.name)
	n.Kind = Removed
	if err := m.send(ctx, n); err != nil || !it.dir {
		return err
	}
	m.dirs = append(m.dirs, it.name)
	defer func() { m.dirs = m.dirs[:len(m.dirs)-1] }()
	return m.removedBelow(ctx)
}

func (m *merge) removedBelow(ctx context.Context) error {
	for {
		it, err := m.have.next()
		if err != nil || it.end {
			return err
		}
		if err := m.removed(ctx, it); err != nil {
			return err
		}
	}
}

// node returns one that says that nothing differs.
func (m *merge) node(name string) *node {
	return &node{Change: Change{
		Volume: m.volume,
		Path:   path.Join(append(append([]string{"."}, m.dirs...), name)...),
	}}
}

// send sends a node unless it is known that nothing differs.
func (m *merge) send(ctx context.Context, n *node) error {
	if n.ready == nil && n.Kind == 0 {
		return ctx.Err()
	}
	select {
	case m.nodes <- n:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// contentBytes returns what writing the content of e takes.
func contentBytes(e *manifest.Entry) (n int64) {
	for _, p := range e.Pieces {
		if !p.ID.IsZero() {
			n += p.Length
		}
	}
	return n
}
