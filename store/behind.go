package store

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

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
	lacks, err := s.staysBehind(ctx, app)
	if err != nil || !lacks.any() {
		return err
	}
	err = s.healIndex(ctx)
	if errors.Is(err, ErrLocked) {
		s.notice("the index lacks the newest snapshot of %s, and is in use: it is taken as it is", app)
		return nil
	}
	return err
}

const (
	// commitTime is longer than a snapshot needs from its record to its commit.
	commitTime = 50 * time.Millisecond
	// commitTimes is how many such times to wait for one on a slow disk.
	commitTimes = 6
)

// A lag is what an index lacks.
type lag struct {
	foreign bool // everything: it is the index of another store
	newer   []ID // snapshots that are newer than those it lists of their apps
}

func (l lag) any() bool { return l.foreign || len(l.newer) > 0 }

// staysBehind is behind, but for the time in which a snapshot commits.
func (s *Store) staysBehind(ctx context.Context, app string) (lacks lag, err error) {
	for range commitTimes {
		if lacks, err = s.behind(app); err != nil || !lacks.any() {
			return lacks, err
		}
		select {
		case <-ctx.Done():
			return lacks, ctx.Err()
		case <-time.After(commitTime):
		}
	}
	return lacks, nil
}

// behind returns the records that the index does not list although they are
// newer than those of their app that it lists: of one app, or of all if app is
// empty. An index that cannot be read is not behind.
func (s *Store) behind(app string) (lacks lag, err error) {
	listed := make(map[string][]ID)
	err = s.index.View(func(tx *index.Tx) error {
		for a, err := range tx.Apps() {
			if err != nil {
				return err
			}
			listed[a.Name] = a.Snapshots
		}
		lacks.foreign = s.foreign(tx, listed)
		return nil
	})
	if errors.Is(err, index.ErrCorrupt) {
		return lag{}, nil
	}
	if err != nil {
		return lag{}, err
	}
	ids, err := s.records()
	for _, id := range ids {
		if s.newer(id, app, listed) {
			lacks.newer = append(lacks.newer, id)
		}
	}
	return lacks, err
}

// foreign reports whether the index lists packs and snapshots, and not one that
// is here: it is that of another store. No two stores have a pack of one name.
func (s *Store) foreign(tx *index.Tx, snapshots map[string][]ID) bool {
	for _, ids := range snapshots {
		for _, id := range ids {
			if _, err := os.Stat(s.recordPath(id)); err == nil {
				return false
			}
		}
	}
	listed := false
	for p, err := range tx.Packs() {
		if err != nil {
			return false
		}
		if _, err := os.Stat(s.packs.Path(p.ID)); err == nil {
			return false
		}
		listed = true
	}
	return listed
}

// unlisted reports whether the index is there and does not list the snapshot.
func (s *Store) unlisted(id ID) bool {
	st, err := s.state()
	listed := func(a index.App) bool { return slices.Contains(a.Snapshots, id) }
	return err == nil && !slices.ContainsFunc(st.apps, listed)
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
