package store

import (
	"errors"
	"io"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/manifest"
)

// A scan reads one manifest.
type scan struct {
	*weighing
	record *VolumeRecord
	weight *weight
	added  *int64 // bytes of blobs that no snapshot before it needs
	later  bool   // the app has snapshots before it

	files bool          // rank the files
	tree  *treeBuilder  // nil: not asked for
	path  manifest.Path // of the entry
	file  FileUsage     // of the entry: what is new
}

// describe has the scan look at the files, not only at their chunks.
func (s *scan) describe() {
	s.files = s.opts.Top > 0
	if s.opts.Tree {
		s.tree = newTreeBuilder(s.record)
	}
}

func (s *scan) run() error {
	for _, id := range s.record.Manifest.Chunks {
		if err := s.load.include(s.weight.needs, id, s.count); err != nil {
			return err
		}
	}
	dec := manifest.NewDecoder(s.load.manifest(s.record.Manifest))
	for {
		e, err := dec.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := s.entry(e); err != nil {
			return err
		}
	}
	if s.tree != nil {
		s.weight.usage.Tree = s.tree.root
	}
	return nil
}

func (s *scan) entry(e *manifest.Entry) error {
	s.file = FileUsage{}
	for _, p := range e.Pieces {
		if p.ID.IsZero() {
			continue
		}
		if err := s.load.include(s.weight.needs, p.ID, s.count); err != nil {
			return err
		}
	}
	if s.tree != nil {
		s.tree.step(e)
	}
	if s.files {
		s.path.Step(e)
		s.rank(e)
	}
	return nil
}

// count counts a blob that the volume did not need before.
func (s *scan) count(loc blob.Location) {
	s.file.New += int64(loc.Raw)
	s.file.NewStored += int64(loc.Stored)
	if s.live.Add(loc) {
		*s.added += int64(loc.Stored)
	}
}

// rank gives a file its place among the largest, and those that changed most.
func (s *scan) rank(e *manifest.Entry) {
	if !e.IsFile() {
		return
	}
	s.file.App, s.file.Volume, s.file.Bytes = s.weight.usage.App, s.weight.usage.Volume, e.Size
	s.largest.offer(s.file, &s.path)
	if s.later {
		s.changed.offer(s.file, &s.path)
	}
}
