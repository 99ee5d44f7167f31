package store

import (
	"context"
	"fmt"
	"time"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/planted"
)

// Locks are flocks on files that are never unlinked, so a killed process
// leaves none. Whoever takes both takes the app's first.

const (
	// sharedWait is how long everybody waits for who holds the store alone, which
	// takes one transaction.
	sharedWait = 10 * time.Second
	// aloneWait is how long gc waits for the others: it has time, but a run of
	// it should end.
	aloneWait = time.Second
)

// lockShared holds off the part of gc that drops packs.
func (s *Store) lockShared(ctx context.Context) (*fsx.Lock, error) {
	lock, err := fsx.LockFile(ctx, s.path("lock", "store.lock"), fsx.Shared, max(s.opts.Wait, sharedWait))
	if err != nil {
		return nil, fmt.Errorf("lock store: %w", err)
	}
	return lock, nil
}

// lockAlone waits, for so long, until nobody else uses the store, and keeps everybody out. It
// does not queue: who comes meanwhile goes first.
func (s *Store) lockAlone(ctx context.Context, wait time.Duration) (*fsx.Lock, error) {
	mode := fsx.Exclusive
	if planted.Bug("others not kept out") {
		mode = fsx.Shared
	}
	lock, err := fsx.LockFile(ctx, s.path("lock", "store.lock"), mode, wait)
	if err != nil {
		return nil, fmt.Errorf("lock store: %w", err)
	}
	return lock, nil
}

// lockGC excludes gc, and who must not run beside it. Its holders take it first.
func (s *Store) lockGC(ctx context.Context) (*fsx.Lock, error) {
	lock, err := fsx.LockFile(ctx, s.path("lock", "gc.lock"), fsx.Exclusive, s.opts.Wait)
	if err != nil {
		return nil, fmt.Errorf("lock gc: %w", err)
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
