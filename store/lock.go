package store

import (
	"context"
	"fmt"

	"github.com/warmstore/warmstore/internal/fsx"
)

// Locks are flocks on files that are never unlinked, so a killed process
// leaves none. Whoever takes both takes the app's first.

// lockShared holds off the part of gc that removes.
func (s *Store) lockShared(ctx context.Context) (*fsx.Lock, error) {
	lock, err := fsx.LockFile(ctx, s.path("lock", "store.lock"), fsx.Shared, s.opts.Wait)
	if err != nil {
		return nil, fmt.Errorf("lock store: %w", err)
	}
	return lock, nil
}

// lockApp excludes other writers of the app: snapshot, restore in place, forget.
func (s *Store) lockApp(ctx context.Context, app string) (*fsx.Lock, error) {
	lock, err := fsx.LockFile(ctx, s.path("lock", "apps", app+".lock"), fsx.Exclusive, s.opts.Wait)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", app, err)
	}
	return lock, nil
}

// locks are held together and given back in reverse order.
type locks []*fsx.Lock

func (l locks) unlock() {
	for i := len(l) - 1; i >= 0; i-- {
		l[i].Unlock()
	}
}

// lockWriter takes the locks of a writer of the app.
func (s *Store) lockWriter(ctx context.Context, app string) (locks, error) {
	appLock, err := s.lockApp(ctx, app)
	if err != nil {
		return nil, err
	}
	shared, err := s.lockShared(ctx)
	if err != nil {
		appLock.Unlock()
		return nil, err
	}
	return locks{appLock, shared}, nil
}
