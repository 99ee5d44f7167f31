package store

import (
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
	"github.com/warmstore/warmstore/internal/witness"
)

// A prior is what the previous snapshot knows of a volume: its manifest, and
// how its files looked then.
type prior struct {
	cursor  *manifest.Cursor
	witness *witness.Reader
}

// prior returns what is known of a volume whose root is open, nil if it is no
// directory.
func (run *session) prior(volume string, root *fsx.Dir) *prior {
	v := run.previous.Volume(volume)
	if v == nil {
		return new(prior)
	}
	p := &prior{cursor: manifest.NewCursor(manifest.NewDecoder(run.load.manifest(v.Manifest)))}
	if root != nil && !run.opts.Rehash {
		p.witness = run.store.recall(run.record.App, volume, run.base, root)
	}
	return p
}

// same reports whether the file that the previous manifest has as old, and that
// looks like now, is unchanged.
func (p *prior) same(old *manifest.Entry, now *fsx.Identity) bool {
	return old != nil && old.IsFile() && p.witness.Same(old.Number, old.Size, old.Meta.ModTime, now)
}

func (p *prior) close() { p.witness.Close() }

// seen is how the files of a volume looked when they were stored. What changed
// before clean was on disk then.
type seen struct {
	witness *witness.Writer
	volume  string
	root    fsx.Identity
	clean   fsx.Time
}

// see starts to write down how the files of a volume look; not for a dry run.
func (run *session) see(volume string, root *fsx.Dir, clean fsx.Time) (*seen, error) {
	if run.opts.DryRun {
		return nil, nil
	}
	stat, err := root.Self()
	if err != nil {
		return nil, err
	}
	w, err := witness.Create(run.store.path("tmp"))
	if err != nil {
		run.warn("volume %s: the next snapshot will read everything: %v", volume, err)
		return nil, nil
	}
	s := &seen{witness: w, volume: volume, root: stat.ID, clean: clean}
	run.seen = append(run.seen, s)
	return s, nil
}

// remember keeps how the files of all volumes looked, for the next snapshot.
func (run *session) remember(id ID) {
	for _, s := range run.seen {
		err := run.store.remember(s.witness, run.record.App, s.volume, id, s.root, s.clean)
		if err != nil {
			run.warn("volume %s: the next snapshot will read everything: %v", s.volume, err)
		}
	}
	run.seen = nil
}
