package store

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/blob"
)

// An App is one app of the store.
type App struct {
	Name      string
	Snapshots []ID    // oldest first
	LastGood  *Record // of the newest one; nil if it cannot be read
	Err       error   // then, why
}

// Apps returns every app by ascending name.
func (s *Store) Apps() ([]App, error) {
	var apps []App
	err := s.view(func(tx *index.Tx) error {
		apps = nil
		for app, err := range tx.Apps() {
			if err != nil {
				return err
			}
			apps = append(apps, App{Name: app.Name, Snapshots: app.Snapshots})
		}
		return nil
	})
	for i := range apps {
		a := &apps[i]
		a.LastGood, a.Err = s.record(a.Snapshots[len(a.Snapshots)-1])
	}
	return apps, err
}

// view reads the index for who holds no lock. A damaged one is rebuilt.
func (s *Store) view(f func(*index.Tx) error) error {
	return s.healing(context.Background(), func() error { return s.index.View(f) })
}

// Snapshots returns the IDs of the app's snapshots, oldest first; none for an
// unknown app.
func (s *Store) Snapshots(app string) (ids []ID, err error) {
	if err := CheckName(app); err != nil {
		return nil, err
	}
	err = s.view(func(tx *index.Tx) error {
		ids, err = tx.App(app)
		return err
	})
	return ids, err
}

// LastGood returns the newest snapshot of the app, or ErrNotFound.
func (s *Store) LastGood(app string) (ID, *Record, error) {
	ids, err := s.Snapshots(app)
	if err != nil {
		return ID{}, nil, err
	}
	if len(ids) == 0 {
		return ID{}, nil, fmt.Errorf("%s has no snapshot: %w", app, ErrNotFound)
	}
	id := ids[len(ids)-1]
	r, err := s.record(id)
	return id, r, err
}

// Lookup returns the record of a snapshot of the app. What the index does not
// list is ErrNotFound.
func (s *Store) Lookup(app string, id ID) (*Record, error) {
	ids, err := s.Snapshots(app)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(ids, id) {
		return nil, fmt.Errorf("%s has no snapshot %s: %w", app, id.Short(), ErrNotFound)
	}
	return s.record(id)
}

// Has returns nil if the app's last-good is complete: its manifests can be
// read, every chunk is located, and the packs that hold them are there, of the
// right size. Otherwise the error says what is missing: ErrNotFound if there is
// no snapshot, ErrCorrupt if there is an incomplete one.
func (s *Store) Has(ctx context.Context, app string) error {
	c, err := s.Checkout(ctx, app, ID{}, false)
	if err != nil {
		return err
	}
	defer c.Close()
	set := c.load.chunks.NewSet()
	if err := c.load.reach(set, c.Record); err != nil {
		return err
	}
	return c.load.checkPacks(set)
}

// Forget removes a snapshot of the app, or all of them if id is zero. The space
// of chunks that nothing else needs is freed by gc.
func (s *Store) Forget(ctx context.Context, app string, id ID) (forgotten []ID, err error) {
	if err := CheckName(app); err != nil {
		return nil, err
	}
	held, err := s.lockWriter(ctx, app)
	if err != nil {
		return nil, err
	}
	defer held.unlock()
	s.reached(forgetLocked)
	if err := s.checkNotRestoring(app, id); err != nil {
		return nil, err
	}
	_, err = s.updateFreeing(func(tx *index.Tx) error {
		ids, err := tx.App(app)
		if err != nil {
			return err
		}
		kept, dropped := split(ids, id)
		if len(dropped) == 0 {
			return fmt.Errorf("%s has no snapshot to forget: %w", app, ErrNotFound)
		}
		forgotten = dropped
		if err := tx.PutLive(0); err != nil { // nobody knows until gc counts again
			return err
		}
		return tx.PutApp(app, kept)
	})
	if err != nil {
		return nil, full(err)
	}
	s.reached(forgetFlipped)
	if err := s.removeRecords(forgotten); err != nil {
		return nil, fmt.Errorf("the snapshot may come back: %w", err)
	}
	if id.IsZero() {
		os.RemoveAll(s.path("witness", app))
	}
	return forgotten, nil
}

// checkNotRestoring returns ErrUnfinished if an unfinished restore of the app
// needs the snapshot, or any if id is zero.
func (s *Store) checkNotRestoring(app string, id ID) error {
	m, err := s.Unfinished(app)
	if err != nil || m == nil || !id.IsZero() && id != m.Snapshot {
		return err
	}
	return s.checkFinished(app)
}

// split parts the snapshots to keep from the one, or all, to forget.
func split(ids []ID, id ID) (kept, dropped []ID) {
	for _, i := range ids {
		if id.IsZero() || i == id {
			dropped = append(dropped, i)
		} else {
			kept = append(kept, i)
		}
	}
	return kept, dropped
}

// ParseID reads an ID as String writes it.
func ParseID(text string) (ID, error) {
	id, err := blob.ParseID(text)
	if err != nil {
		return ID{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return id, nil
}

// minPrefix is how much of an ID must be given to find a snapshot by it.
const minPrefix = 4 // hexadecimal digits

// Find returns the one snapshot of the app whose ID begins with prefix.
func (s *Store) Find(app, prefix string) (found ID, err error) {
	if len(prefix) < minPrefix {
		return ID{}, fmt.Errorf("%w: snapshot %q: give at least %d digits", ErrInvalid, prefix, minPrefix)
	}
	ids, err := s.Snapshots(app)
	if err != nil {
		return ID{}, err
	}
	for _, id := range ids {
		if !strings.HasPrefix(id.String(), prefix) {
			continue
		}
		if !found.IsZero() {
			return ID{}, fmt.Errorf("%w: %s has several snapshots %s…", ErrInvalid, app, prefix)
		}
		found = id
	}
	if found.IsZero() {
		return ID{}, fmt.Errorf("%s has no snapshot %q: %w", app, prefix, ErrNotFound)
	}
	return found, nil
}
