package store

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/warmstore/warmstore/internal/blob"
)

// garbage is what is on disk but not in the index.
type garbage struct {
	packs, records, tmp []garbageFile
	strays              []garbageFile // of no kind that a store has; nobody removes them
}

type garbageFile struct {
	path string
	size int64 // bytes
}

// garbage lists it, given what the index says. What snapshots in progress have written is among it, unless
// the store's lock is held exclusively.
// It lists what it can, and returns the errors of the rest.
func (s *Store) garbage(st *state) (g *garbage, err error) {
	g = new(garbage)
	listed := make(map[blob.ID]bool)
	for p := range st.chunks.Packs() {
		listed[p.ID] = true
	}
	for f, failed := range s.packs.List() {
		switch {
		case failed != nil:
			err = errors.Join(err, failed)
		case f.ID.IsZero():
			g.strays = append(g.strays, garbageFile{f.Path, f.Size})
		case !listed[f.ID]:
			g.packs = append(g.packs, garbageFile{f.Path, f.Size})
		}
	}
	err = errors.Join(err, s.garbageRecords(g, st))
	var failed error
	g.tmp, failed = s.unfinished()
	return g, errors.Join(err, failed)
}

func (s *Store) garbageRecords(g *garbage, st *state) error {
	roots, err := s.roots(st)
	if err != nil {
		return err
	}
	ids, err := s.records()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, needed := slices.BinarySearchFunc(roots, id, ID.Compare); !needed {
			g.records = append(g.records, garbageFile{path: s.recordPath(id)})
		}
	}
	return nil
}

// unfinished lists the files in tmp.
func (s *Store) unfinished() (files []garbageFile, err error) {
	entries, err := os.ReadDir(s.path("tmp"))
	if err != nil {
		return nil, fmt.Errorf("list unfinished files: %w", err)
	}
	for _, e := range entries {
		f := garbageFile{path: s.path("tmp", e.Name())}
		if info, err := e.Info(); err == nil {
			f.size = info.Size()
		}
		files = append(files, f)
	}
	return files, nil
}
