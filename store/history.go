package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// history returns every snapshot that must stay whole, in the order they were
// taken. Within an app the numbers say that, whatever the clock did.
func (s *Store) history(ctx context.Context, st *state) ([]ID, error) {
	type event struct {
		id  ID
		app string
		seq uint64
		at  time.Time
	}
	roots, err := s.roots(st)
	if err != nil {
		return nil, err
	}
	var events []event
	err = s.eachRecord(ctx, roots, func(id ID, r *Record) error {
		events = append(events, event{id, r.App, r.Seq, r.Time})
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(events, func(a, b event) int {
		return cmp.Or(strings.Compare(a.app, b.app), cmp.Compare(a.seq, b.seq))
	})
	for i := 1; i < len(events); i++ {
		if before := events[i-1]; before.app == events[i].app && events[i].at.Before(before.at) {
			events[i].at = before.at
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.at.Compare(b.at) })
	ids := make([]ID, len(events))
	for i, e := range events {
		ids[i] = e.id
	}
	return ids, nil
}
