package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/pack"
	"github.com/warmstore/warmstore/internal/planted"
)

const (
	// DefaultMinGarbage is the share of a pack that must be garbage for it to be
	// rewritten, and of the store for Collect to run by itself. ARCHITECTURE.md
	// has what others cost over 30 nights.
	DefaultMinGarbage = 15 // percent
	// dropAtOnce bounds the packs that one transaction drops, and with it the
	// space that the index needs for it: on a full disk that is the reserve.
	dropAtOnce = 16
	// replans bounds how often gc begins anew because snapshots were taken or
	// forgotten meanwhile.
	replans = 5
)

// GCOptions configure Collect. The zero value works.
type GCOptions struct {
	MinGarbage int  // percent of a pack that must be garbage to rewrite it; 0: DefaultMinGarbage
	DryRun     bool // plan only
	// IfDue does nothing but a sweep unless that share of the whole store seems
	// to be garbage, and does not wait for anybody.
	IfDue bool
	// Progress is called with how many of the total bytes to copy are copied, if
	// set. A plan that is made anew begins anew.
	Progress func(done, total int64)
}

// A GCResult is what gc did.
type GCResult struct {
	Plan     *GCPlan // the last one; nil if none was made; all of it was done unless Busy
	Freed    int64   // bytes on disk
	Removed  int     // files
	Copied   int64   // bytes of live blobs that were rewritten
	Folded   int     // deltas that were stored whole, and are no more
	Busy     bool    // others used the store all the time: some of the plan is left
	Elapsed  time.Duration
	Reserved bool // the reserve was needed, because the disk is full
}

// Collect frees the space of what no snapshot and no unfinished restore needs.
// A record or manifest that cannot be read makes it stop before it changes
// anything. While it holds up others, it does for one transaction at a time; it
// gives way to whoever uses the store. One gc runs at a time: ErrLocked.
func (s *Store) Collect(ctx context.Context, opts GCOptions) (*GCResult, error) {
	begun := time.Now()
	if opts.MinGarbage == 0 {
		opts.MinGarbage = DefaultMinGarbage
	}
	if opts.MinGarbage < 0 || opts.MinGarbage > 100 {
		return nil, fmt.Errorf("gc: %w: %d percent garbage", ErrInvalid, opts.MinGarbage)
	}
	alone, err := s.lockGC(ctx)
	if err != nil {
		return nil, err
	}
	defer alone.Unlock()
	c := &collection{store: s, opts: opts, result: new(GCResult)}
	err = c.runHealed(ctx)
	c.result.Elapsed = time.Since(begun)
	c.note(err)
	if err != nil {
		return nil, fmt.Errorf("gc: %w", full(err))
	}
	return c.result, nil
}

// A collection is one run of gc.
type collection struct {
	store  *Store
	opts   GCOptions
	result *GCResult
	// Bytes that the plan being carried out has copied, and all that it copies.
	copied, toCopy int64

	// Of the plan being carried out:
	state   *state
	load    *loader
	live    *index.Set
	folding *folding
	plan    *GCPlan
	waiting map[ID]bool // packs that are to be rewritten, and are not yet
}

// errStale means that snapshots came or went since the plan was made.
var errStale = errors.New("the plan is stale")

// runHealed sees to an index that is damaged, or that lacks a snapshot: what
// that names is no garbage.
func (c *collection) runHealed(ctx context.Context) error {
	lacks, err := c.store.staysBehind(ctx, "")
	if err == nil && (c.opts.DryRun || !lacks.any()) {
		err = c.run(ctx)
	}
	if c.opts.IfDue || c.opts.DryRun || !lacks.any() && !errors.Is(err, index.ErrCorrupt) {
		return err
	}
	err = c.store.healIndexBesideGC(ctx)
	if errors.Is(err, ErrLocked) {
		c.result.Busy = true
		return nil
	}
	if err != nil {
		return err
	}
	return c.run(ctx)
}

// run plans and executes, and does so again when others changed the store.
func (c *collection) run(ctx context.Context) error {
	for range replans {
		err := c.once(ctx)
		if !errors.Is(err, errStale) && !errors.Is(err, ErrLocked) {
			return err
		}
		if c.opts.IfDue {
			break
		}
	}
	c.result.Busy = true
	return nil
}

func (c *collection) once(ctx context.Context) error {
	if due, err := c.due(); err != nil || !due {
		return errors.Join(err, c.sweep(ctx))
	}
	if err := c.mark(ctx); err != nil {
		return err
	}
	defer c.load.close()
	c.store.reached(gcPlanned)
	c.result.Plan = c.plan
	if c.opts.DryRun {
		return nil
	}
	if c.opts.IfDue && c.plan.Garbage() < c.opts.MinGarbage {
		_, err := c.store.updateFreeing(func(tx *index.Tx) error { return tx.PutLive(c.plan.needed()) })
		return errors.Join(err, c.sweep(ctx))
	}
	// What frees space without needing any comes first: the disk may be full.
	if err := c.drop(ctx); err != nil {
		return err
	}
	if err := c.rewrite(ctx); err != nil {
		return err
	}
	return c.sweep(ctx)
}

// due guesses from what was live last time whether there is enough garbage. The
// live part of a store hardly shrinks but by forgetting, which the next count
// sees.
func (c *collection) due() (bool, error) {
	if !c.opts.IfDue {
		return true, nil
	}
	var now Capacity
	err := c.store.index.View(func(tx *index.Tx) (err error) {
		now, err = capacityOf(tx)
		return err
	})
	return (now.Stored-now.Live)*100 >= now.Stored*int64(c.opts.MinGarbage) && now.Stored > 0, err
}

// mark finds out what is live and makes the plan. It changes nothing, and others
// may use the store meanwhile.
func (c *collection) mark(ctx context.Context) error {
	shared, err := c.store.lockShared(ctx)
	if err != nil {
		return err
	}
	defer shared.Unlock()
	if c.state, err = c.store.state(); err != nil {
		return err
	}
	c.store.reached(gcListed)
	roots, err := c.store.roots(c.state)
	if err != nil {
		return err
	}
	c.load = newLoader(c.store.packs, c.state.chunks)
	named := c.state.chunks.NewSet()
	err = c.store.eachRecord(ctx, roots, func(_ ID, r *Record) error { return c.load.name(named, r) })
	if err == nil {
		err = c.choose(named)
	}
	if err != nil {
		c.load.close()
		return fmt.Errorf("nothing was changed: %w", err)
	}
	return nil
}

// choose makes the plan, given what snapshots name. Folding makes packs worth
// rewriting, and is worth it only within these: so each is chosen twice.
func (c *collection) choose(named *index.Set) (err error) {
	c.live, c.folding, err = c.load.withBases(named, c.opts.MinGarbage)
	for range 2 {
		if err == nil {
			c.plan = newPlan(c.state.chunks, c.live, c.folding, c.opts.MinGarbage)
			c.folding, err = c.folding.within(c.plan.Rewrite)
		}
	}
	return err
}

// drop removes the packs that hold nothing live.
func (c *collection) drop(ctx context.Context) error {
	for batch := range slices.Chunk(c.plan.Drop, dropAtOnce) {
		if err := c.condemn(ctx, batch, nil); err != nil {
			return err
		}
	}
	return nil
}

// rewrite replaces packs by new ones that hold what is live in them, about one
// new pack at a time, so that little more space is needed.
func (c *collection) rewrite(ctx context.Context) error {
	var batch []PackUse
	var live int64
	c.copied, c.toCopy = 0, 0
	c.waiting = ids(c.plan.Rewrite)
	for _, use := range c.plan.Rewrite {
		c.toCopy += use.Live
	}
	for i, use := range c.plan.Rewrite {
		batch = append(batch, use)
		live += use.Live
		if live < packSize && len(batch) < dropAtOnce && i < len(c.plan.Rewrite)-1 {
			continue
		}
		if err := c.replace(ctx, batch); err != nil {
			return err
		}
		c.result.Copied += live
		batch, live = nil, 0
	}
	return nil
}

// replace copies what is live in the packs, durably, and condemns them.
func (c *collection) replace(ctx context.Context, batch []PackUse) error {
	shared, err := c.store.lockShared(ctx)
	if err != nil {
		return err
	}
	packs := newPacker(ctx, c.store, c.state.chunks, false)
	tails, err := c.copy(packs, batch)
	shared.Unlock()
	c.store.reached(gcCopied)
	if err == nil {
		err = c.condemn(ctx, batch, tails)
	}
	if err != nil && !errors.Is(err, errCommit) {
		packs.abort()
	}
	return err
}

// copy copies the live blobs of the packs as they are stored, but for what is
// folded. Each is decoded and hashed first: damage is not copied.
func (c *collection) copy(packs *packer, batch []PackUse) ([]pack.Tail, error) {
	x := c.load.spare.Get().(*scratch)
	defer c.load.spare.Put(x)
	for _, use := range batch {
		if err := c.fold(packs, x, use); err != nil {
			return nil, err
		}
	}
	var raw []byte
	for _, use := range batch {
		for e := range c.live.Entries(use.ID) {
			var err error
			if raw, err = c.load.read(raw, x, blob.Location{Pack: use.ID, Entry: e}); err != nil {
				return nil, err
			}
			if err := packs.add(e, x.stored); err != nil {
				return nil, err
			}
			c.progress(int64(e.Stored))
		}
		delete(c.waiting, use.ID)
	}
	return packs.close()
}

// progress tells that so many bytes more are copied.
func (c *collection) progress(bytes int64) {
	c.copied += bytes
	if c.opts.Progress != nil {
		c.opts.Progress(c.copied, c.toCopy)
	}
}

// errCommit means that an index transaction failed: nobody knows whether it
// took place.
var errCommit = errors.New("commit")

// condemn drops packs from the index, in favour of those with these tails, and
// then removes them. The steps are those of FORMAT.md section 9.
func (c *collection) condemn(ctx context.Context, batch []PackUse, tails []pack.Tail) error {
	// Step 3: nobody else uses the store, and no snapshot came or went.
	alone, err := c.store.lockAlone(ctx, c.patience())
	if err != nil {
		return err
	}
	defer alone.Unlock()
	if err := c.checkPlan(); err != nil && !planted.Bug("stale plan carried out") {
		return err
	}
	if planted.Bug("packs unlinked before the commit") {
		c.unlink(batch)
	}
	c.store.reached(gcAlone)
	// Step 4: the commit point.
	if err := c.commit(batch, tails); err != nil {
		return fmt.Errorf("%w: %w", errCommit, err)
	}
	// Step 5: nobody can find the packs any more, so others may go on.
	alone.Unlock()
	c.store.reached(gcCommitted)
	c.unlink(batch)
	for _, tail := range tails {
		c.result.Freed -= tail.Size()
	}
	return nil
}

// unlink removes packs that the index no longer names.
func (c *collection) unlink(packs []PackUse) {
	for _, use := range packs {
		c.remove(c.store.packs.Path(use.ID), use.Size)
	}
}

// patience is how long to wait for others: a gc by itself has come at a bad time
// if there are any.
func (c *collection) patience() time.Duration {
	if c.opts.IfDue {
		return 0
	}
	return max(c.store.opts.Wait, aloneWait)
}

// checkPlan returns errStale if what is live may have changed. Nothing can
// change while the store is locked.
func (c *collection) checkPlan() error {
	now := new(state)
	err := c.store.index.View(func(tx *index.Tx) error {
		for app, err := range tx.Apps() {
			if err != nil {
				return err
			}
			now.apps = append(now.apps, app)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !c.state.sameApps(now) {
		return errStale
	}
	return nil
}

// commit records the new packs and drops the old ones.
func (c *collection) commit(batch []PackUse, tails []pack.Tail) error {
	reserved, err := c.store.updateFreeing(func(tx *index.Tx) error {
		for _, tail := range tails {
			if err := tx.PutPack(tail); err != nil {
				return err
			}
		}
		for _, use := range batch {
			if err := tx.DropPack(use.ID); err != nil {
				return err
			}
		}
		return tx.PutLive(c.plan.needed())
	})
	c.result.Reserved = c.result.Reserved || reserved
	return err
}

// sweep removes what the index does not name: files of snapshots that were never
// committed, and records that were forgotten.
func (c *collection) sweep(ctx context.Context) error {
	alone, err := c.store.lockAlone(ctx, c.patience())
	if err != nil {
		return err
	}
	defer alone.Unlock()
	now, err := c.store.state()
	if err != nil {
		return err
	}
	garbage, err := c.store.garbage(now)
	if err != nil {
		return err
	}
	if lacks, err := c.store.behind(""); err != nil || lacks.any() {
		return err // what the index lacks is no garbage
	}
	for _, f := range slices.Concat(garbage.tmp, garbage.records) {
		c.remove(f.path, f.size)
	}
	if err := fsx.SyncDir(c.store.path("snapshots")); err != nil {
		return err
	}
	alone.Unlock() // a pack's name is never used again, so others may go on
	c.store.reached(gcListedGarbage)
	for _, f := range garbage.packs {
		c.remove(f.path, f.size)
	}
	return c.store.keepReserve()
}

// remove unlinks garbage. What cannot be removed stays garbage for the next gc.
func (c *collection) remove(path string, size int64) {
	if os.Remove(path) == nil {
		c.result.Removed++
		c.result.Freed += size
	}
}
