package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/warmstore/warmstore/index"
)

// A state is what the index says at one time.
type state struct {
	chunks *index.Chunks
	apps   []index.App
}

func (s *Store) state() (*state, error) {
	st := new(state)
	err := s.index.View(func(tx *index.Tx) (err error) {
		for app, err := range tx.Apps() {
			if err != nil {
				return err
			}
			st.apps = append(st.apps, app)
		}
		st.chunks, err = tx.Chunks()
		return err
	})
	return st, err
}

// lookup returns the app's snapshots, oldest first, and where all chunks are, as
// of one time.
func (s *Store) lookup(app string) (ids []ID, chunks *index.Chunks, err error) {
	err = s.index.View(func(tx *index.Tx) (err error) {
		if ids, err = tx.App(app); err != nil {
			return err
		}
		chunks, err = tx.Chunks()
		return err
	})
	return ids, chunks, err
}

// sameApps reports whether both list the same snapshots.
func (st *state) sameApps(other *state) bool {
	return slices.EqualFunc(st.apps, other.apps, func(a, b index.App) bool {
		return a.Name == b.Name && slices.Equal(a.Snapshots, b.Snapshots)
	})
}

// pinned returns the snapshots that unfinished restores need although the index
// may not list them any more.
func (s *Store) pinned() (ids []ID, err error) {
	files, err := os.ReadDir(s.path("restoring"))
	if err != nil {
		return nil, fmt.Errorf("read marks: %w", err)
	}
	for _, f := range files {
		app, ok := strings.CutSuffix(f.Name(), ".json")
		if !ok {
			continue
		}
		m, err := s.Unfinished(app)
		if err != nil {
			return nil, err
		}
		if m == nil {
			continue
		}
		if _, err := os.Stat(s.recordPath(m.Snapshot)); err == nil {
			ids = append(ids, m.Snapshot)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return ids, nil
}

// roots returns every snapshot that must stay whole: all that are listed, and
// all that are pinned.
func (s *Store) roots(st *state) ([]ID, error) {
	ids, err := s.pinned()
	if err != nil {
		return nil, err
	}
	for _, app := range st.apps {
		ids = append(ids, app.Snapshots...)
	}
	slices.SortFunc(ids, ID.Compare)
	return slices.Compact(ids), nil
}

// eachRecord calls f with the record of each of the snapshots. If one was
// forgotten since the index was read, the error is errStale.
func (s *Store) eachRecord(ctx context.Context, ids []ID, f func(ID, *Record) error) error {
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return err
		}
		r, err := s.record(id)
		if errors.Is(err, fs.ErrNotExist) && s.unlisted(id) {
			return errStale
		}
		if err == nil {
			err = f(id, r)
		}
		if err != nil {
			return fmt.Errorf("snapshot %s: %w", id.Short(), err)
		}
	}
	return nil
}

// inOneState calls f, which reads what the state names, while no pack is dropped:
// again with a new index if that is damaged, and again if f returns errStale.
func (s *Store) inOneState(ctx context.Context, f func(*state) error) error {
	return s.healing(ctx, func() (err error) {
		for range replans {
			if err = s.shared(ctx, f); !errors.Is(err, errStale) {
				break
			}
		}
		return err
	})
}

// shared calls f with what the index says, with the store's lock shared.
func (s *Store) shared(ctx context.Context, f func(*state) error) error {
	shared, err := s.lockShared(ctx)
	if err != nil {
		return err
	}
	defer shared.Unlock()
	st, err := s.state()
	if err != nil {
		return err
	}
	return f(st)
}

// records returns the ID of every record file.
func (s *Store) records() (ids []ID, err error) {
	paths, err := filepath.Glob(s.path("snapshots", "*.json"))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		if id, err := ParseID(strings.TrimSuffix(filepath.Base(path), ".json")); err == nil {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
