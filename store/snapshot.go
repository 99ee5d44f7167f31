package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/exclude"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/pack"
	"github.com/warmstore/warmstore/internal/planted"
)

// A Volume is a directory tree to take a snapshot of. Nobody may write to it
// meanwhile.
type Volume struct {
	Name   string
	Path   string          // of its root directory; symlinks on the way are followed
	Object json.RawMessage // what the caller wants to keep with it, if anything
	Seen   fsx.Place       // where Path led to when the caller looked; zero: it did not
	Tree   Tree            // what the volume holds, if Path is not a directory
}

// SnapshotOptions say what a snapshot is recorded with. The zero value works.
type SnapshotOptions struct {
	Domain, Version, Commit string
	Labels                  map[string]string
	Source                  Source
	// Exclude are the paths that the snapshot leaves out of every volume, and that
	// a restore of it leaves alone.
	Exclude     exclude.Patterns
	Time        time.Time // when the volumes were so; zero: now
	Keep        int       // how many of the app's snapshots to keep, this one included; 0: 1
	DryRun      bool      // read everything, but write nothing
	Rehash      bool      // read also what looks unchanged since the last snapshot
	IgnoreSpace bool      // begin even if there seems to be far too little space

	// Recheck is called right before the commit, if set. Its error discards
	// the snapshot: it tells whether the volumes stayed unused.
	Recheck func(context.Context) error
	// Progress is called with what was done since the last call, if set, by
	// several goroutines at a time.
	Progress func(files, bytes int64)
}

// A Result is what taking a snapshot did.
type Result struct {
	ID      ID // zero after a dry run
	Record  *Record
	Stats   Stats
	Elapsed time.Duration
	// Warnings are what should be known although the snapshot is complete.
	Warnings []string
}

// Snapshot takes a snapshot of the volumes, all or nothing, and makes it the
// app's last-good. When it returns without an error the snapshot is durable.
// After an error the last-good is the one it was, but for an error of the
// commit itself: then it is the old or the new one, and complete either way.
//
// Errors are ErrInvalid, ErrLocked, ErrUnfinished, ErrChanged, ErrReplaced,
// ErrMount, ErrFull, ErrCorrupt, those of reading the volumes and that of
// Recheck.
func (s *Store) Snapshot(ctx context.Context, app string, volumes []Volume, opts SnapshotOptions) (*Result, error) {
	begun := time.Now()
	var result *Result
	err := s.healing(ctx, func() (err error) {
		if err := s.catchUp(ctx, app); err != nil {
			return err
		}
		result, err = s.snapshot(ctx, app, volumes, opts)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("snapshot %s: %w", app, full(err))
	}
	result.Elapsed = time.Since(begun)
	return result, nil
}

func (s *Store) snapshot(ctx context.Context, app string, volumes []Volume, opts SnapshotOptions) (*Result, error) {
	volumes, err := s.checkSnapshot(app, volumes, opts)
	if err != nil {
		return nil, err
	}
	held, err := s.lockWriter(ctx, app)
	if err != nil {
		return nil, err
	}
	defer held.unlock()
	s.reached(snapshotLocked)
	if err := s.checkFinished(app); err != nil {
		return nil, err
	}
	run, err := s.begin(ctx, app, opts)
	if err != nil {
		return nil, err
	}
	defer run.end()
	s.reached(snapshotBegun)
	if err := run.checkSpace(ctx, volumes); err != nil {
		return nil, err
	}
	for _, v := range volumes {
		if err := run.volume(ctx, v); err != nil {
			return nil, fmt.Errorf("volume %s: %w", v.Name, err)
		}
	}
	id, err := run.commit(ctx)
	if err != nil {
		return nil, err
	}
	return &Result{ID: id, Record: run.record, Stats: run.stats(), Warnings: run.warnings}, nil
}

// A session is one snapshot being taken.
type session struct {
	store     *Store
	opts      SnapshotOptions
	previous  *Record     // the last-good so far; nil if there is none
	record    *Record     // the one being taken
	load      *loader     // of the previous one's chunks
	base      ID          // of the previous one
	missing   []ID        // packs that the index lists, and that are not there
	roots     []*fsx.Root // of its volumes, until the end
	seen      []*seen     // how its volumes look
	packs     *packer
	lanes     chan *lane
	buffers   chan []byte
	cache     int64 // bytes to read into the page cache
	counters  counters
	warnings  []string
	committed bool // or perhaps committed: the packs must stay
}

// begin reads what the store has of the app and prepares for more.
func (s *Store) begin(ctx context.Context, app string, opts SnapshotOptions) (*session, error) {
	ids, chunks, err := s.lookup(app)
	if err != nil {
		return nil, err
	}
	run := &session{store: s, opts: opts, record: newRecord(app, opts), cache: s.cacheBytes()}
	if err := run.follow(ids); err != nil {
		return nil, err
	}
	if chunks, err = run.withoutLost(chunks); err != nil {
		return nil, err
	}
	run.load = newLoader(s.packs, chunks)
	run.lanes = newLanes(s.opts.Workers)
	run.buffers = make(chan []byte, 2*s.opts.Workers)
	run.packs = newPacker(ctx, s, chunks, opts.DryRun)
	return run, nil
}

func newRecord(app string, opts SnapshotOptions) *Record {
	return &Record{
		Format: recordFormat,
		App:    app,
		Seq:    1,
		Time:   recordTime(opts.Time),
		Domain: opts.Domain, Version: opts.Version, Commit: opts.Commit,
		Labels:  opts.Labels,
		Exclude: opts.Exclude,
		Source:  opts.Source,
	}
}

func recordTime(t time.Time) time.Time {
	if t.IsZero() {
		return now()
	}
	return t.UTC().Truncate(time.Second)
}

// follow makes the new record the successor of the app's last one that can be
// read. A damaged record costs time only: the new one takes its place.
func (run *session) follow(ids []ID) (err error) {
	run.record.Seq = uint64(len(ids)) + 1
	for i := len(ids) - 1; i >= 0; i-- {
		run.previous, err = run.store.record(ids[i])
		if errors.Is(err, ErrCorrupt) {
			run.warn("the record of the previous snapshot cannot be used: %v", err)
			continue
		}
		if err != nil {
			return err
		}
		run.base = ids[i]
		run.record.Seq = run.previous.Seq + uint64(len(ids)-i)
		return nil
	}
	return nil
}

// end gives everything back, and removes what was not committed.
func (run *session) end() {
	if !run.committed {
		run.packs.abort()
	}
	for _, s := range run.seen {
		s.witness.Abort() // what was not published
	}
	for _, root := range run.roots {
		root.Close()
	}
	run.load.close()
}

// commit makes the new snapshot the app's last-good. The steps are those of
// FORMAT.md section 7.
func (run *session) commit(ctx context.Context) (ID, error) {
	// Steps 1 to 4 for the packs that are not full; the full ones are done.
	tails, err := run.packs.close()
	if err != nil {
		return ID{}, err
	}
	run.store.reached(snapshotPacked)
	if run.opts.Recheck != nil {
		if err := run.opts.Recheck(ctx); err != nil {
			return ID{}, err
		}
	}
	if err := run.unmoved(); err != nil {
		return ID{}, err
	}
	if err := ctx.Err(); err != nil || run.opts.DryRun {
		return ID{}, err
	}
	// Step 5: the record is durable, and so is all it names.
	write := run.store.writeRecord
	if planted.Bug("commit before the record") {
		write = recordID
		defer run.store.writeRecord(run.record)
	}
	id, err := write(run.record)
	if err != nil {
		return ID{}, err
	}
	if planted.Bug("old record unlinked before the commit") && run.previous != nil {
		old, _ := recordID(run.previous)
		run.store.removeRecords([]ID{old})
	}
	run.store.reached(snapshotWritten)
	// Step 6: the commit point.
	run.committed = true
	dropped, err := run.flip(id, tails)
	if err != nil {
		run.takeBack(id)
		return ID{}, err
	}
	run.store.reached(snapshotFlipped)
	// Step 7: what nothing names any more is removed.
	run.store.removeRecords(dropped)
	run.remember(id)
	return id, nil
}

// unmoved returns ErrReplaced if what was read is no longer where the volumes are.
func (run *session) unmoved() error {
	for i, root := range run.roots {
		if err := root.Unmoved(); err != nil {
			return fmt.Errorf("volume %s: %w", run.record.Volumes[i].Name, err)
		}
	}
	return nil
}

// flip makes snapshot id, which needs the packs with these tails, the newest of
// the app, and returns the oldest ones that it no longer keeps. It takes the tails
// apart: at that moment three copies of them would be the most memory of all.
func (run *session) flip(id ID, tails []pack.Tail) (dropped []ID, err error) {
	err = run.store.index.Update(func(tx *index.Tx) error {
		for i, tail := range tails {
			if err := tx.PutPack(tail); err != nil {
				return err
			}
			tails[i] = pack.Tail{}
		}
		for _, missing := range run.missing {
			if err := tx.DropPack(missing); err != nil {
				return err
			}
		}
		ids, err := tx.App(run.record.App)
		if err != nil {
			return err
		}
		ids = append(ids, id)
		drop := max(0, len(ids)-max(run.opts.Keep, 1))
		dropped = ids[:drop]
		return tx.PutApp(run.record.App, ids[drop:])
	})
	return dropped, err
}

// takeBack removes what a failed transaction was to commit, if the index can be
// read and does not have it: on a full disk nothing must stay behind.
func (run *session) takeBack(id ID) {
	var ids []ID
	err := run.store.index.View(func(tx *index.Tx) (err error) {
		ids, err = tx.App(run.record.App)
		return err
	})
	if err == nil && !slices.Contains(ids, id) {
		run.committed = false
		run.store.removeRecords([]ID{id})
	}
}

// removeRecords unlinks records, oldest first, that the index no longer names.
// What stays is garbage, or comes back as snapshots if it is newer than all
// others: so none is unlinked while an older one stays, and the last-good that
// comes back is the one that was.
func (s *Store) removeRecords(ids []ID) error {
	for _, id := range ids {
		if err := fsx.Remove(s.recordPath(id)); err != nil {
			return err
		}
	}
	return nil
}
