package store

import (
	"context"
	"errors"
	"slices"

	"github.com/warmstore/warmstore/internal/crew"
	"github.com/warmstore/warmstore/internal/exclude"
	"github.com/warmstore/warmstore/internal/fsx"
)

// surveyAhead bounds how many sights a survey is ahead of the walk.
const surveyAhead = 32

// A survey lists a directory tree and looks at its names, ahead of the walk that
// compares them with the previous manifest: where nothing changed, both take long.
type survey struct {
	exclude exclude.Patterns
	files   *crew.Crew // whose idle workers help to look
	out     chan<- sight
}

// A sight is what a survey saw at one place. Sights are in the order of the walk.
type sight struct {
	kind sightKind
	dir  *fsx.SharedDir // the sight is a user of it, until the walk has dealt with it

	name string   // entered and left: of dir in its parent; empty: it is the root
	self fsx.Stat // and how it looked when it was entered, extended attributes included

	names []string // listed: some in dir that are no directories
	looks []look
}

type sightKind int

const (
	entered sightKind = iota
	listed
	left
)

// root sends all sights of the tree whose root is open.
func (s *survey) root(ctx context.Context, root *fsx.Dir) error {
	own, err := root.OpenPath("")
	if err != nil {
		return err
	}
	top := fsx.Share(own, nil)
	defer top.Leave()
	return s.directory(ctx, top, "")
}

// directory sends the sights of d and of all below it.
func (s *survey) directory(ctx context.Context, d *fsx.SharedDir, name string) error {
	self, err := d.Self()
	if err != nil {
		return located(d.Path(""), err)
	}
	if self.Meta.Xattrs, err = d.Xattrs(""); err != nil {
		return located(d.Path(""), err)
	}
	if err := s.send(ctx, sight{kind: entered, dir: d, name: name, self: self}); err != nil {
		return err
	}
	names, err := d.Names()
	if err != nil {
		return located(d.Path(""), err)
	}
	for names := range slices.Chunk(s.exclude.Keep(names, d.Path), lookAhead) {
		if err := s.list(ctx, d, names, s.look(d, names)); err != nil {
			return err
		}
	}
	return s.send(ctx, sight{kind: left, dir: d, name: name, self: self})
}

// list sends what are no directories of these names, and descends into the others
// between.
func (s *survey) list(ctx context.Context, d *fsx.SharedDir, names []string, looks []look) error {
	rest := 0
	for i, look := range looks {
		if look.err != nil || look.stat.Type != fsx.Directory {
			continue
		}
		if err := s.listed(ctx, d, names[rest:i], looks[rest:i]); err != nil {
			return err
		}
		if err := s.descend(ctx, d, names[i]); err != nil {
			return err
		}
		rest = i + 1
	}
	return s.listed(ctx, d, names[rest:], looks[rest:])
}

func (s *survey) listed(ctx context.Context, d *fsx.SharedDir, names []string, looks []look) error {
	if len(names) == 0 {
		return nil
	}
	return s.send(ctx, sight{kind: listed, dir: d, names: names, looks: looks})
}

// descend surveys the subdirectory name of d.
func (s *survey) descend(ctx context.Context, d *fsx.SharedDir, name string) (err error) {
	sub, err := d.Enter(name, nil)
	if err != nil {
		return located(d.Path(name), err)
	}
	defer func() {
		if left := sub.Leave(); err == nil && left != nil {
			err = located(d.Path(name), errors.Join(ErrChanged, left))
		}
	}()
	return s.directory(ctx, sub, name)
}

func (s *survey) send(ctx context.Context, sight sight) error {
	sight.dir.Use()
	select {
	case s.out <- sight:
		return nil
	case <-ctx.Done():
		sight.dir.Release()
		return context.Cause(ctx)
	}
}
