package store

import (
	"context"
	"errors"
	"slices"

	"github.com/warmstore/warmstore/index"
)

// An index can be older than the records: an old copy was put back, or damage
// to the newer of bbolt's two meta pages has brought back the state before the
// last commit. A snapshot that was killed right before its commit leaves the
// same, and nobody can tell. Its record and packs are durable, so it is complete;
// making it the last-good loses nothing, and not doing so might.

// catchUp rebuilds an index that does not have the newest record of the app, or
// of any app if app is empty. If others keep it from that, the index is used as
// it is.
func (s *Store) catchUp(ctx context.Context, app string) error {
	behind, err := s.behind(app)
	if err != nil || !behind {
		return err
	}
	err = s.healIndex(ctx)
	if errors.Is(err, ErrLocked) {
		s.notice("the index lacks the newest snapshot of %s, and is in use: it is taken as it is", app)
		return nil
	}
	return err
}

// behind reports whether a record that the index does not list is newer than
// those of its app that it lists. An index that cannot be read is not behind.
func (s *Store) behind(app string) (bool, error) {
	listed := make(map[string][]ID)
	err := s.index.View(func(tx *index.Tx) error {
		for a, err := range tx.Apps() {
			if err != nil {
				return err
			}
			listed[a.Name] = a.Snapshots
		}
		return nil
	})
	if errors.Is(err, index.ErrCorrupt) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	ids, err := s.records()
	if err != nil {
		return false, err
	}
	for _, id := range ids {
		if s.newer(id, app, listed) {
			return true, nil
		}
	}
	return false, nil
}

// newer reports whether the record is one of the app's, or of any app's if app
// is empty, and newer than all that are listed.
func (s *Store) newer(id ID, app string, listed map[string][]ID) bool {
	for _, ids := range listed {
		if slices.Contains(ids, id) {
			return false
		}
	}
	r, err := s.record(id)
	if err != nil || app != "" && r.App != app {
		return false
	}
	ids := listed[r.App]
	if len(ids) == 0 {
		return true
	}
	last, err := s.record(ids[len(ids)-1])
	return err == nil && r.Seq > last.Seq
}
