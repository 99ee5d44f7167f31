package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/pack"
	"github.com/warmstore/warmstore/internal/planted"
)

// RepairOptions configure Repair. The zero value works.
type RepairOptions struct {
	// Progress is called with the bytes read since the last call, if set.
	Progress func(files, bytes int64)
}

// A RepairReport is what Repair found and did.
type RepairReport struct {
	Packs     int      // that could be read
	Blobs     int      // that were read
	Damaged   int      // of them
	Refilled  int      // damaged or missing chunks that live volumes still had
	Rebuilt   bool     // the index was not what packs and records say
	Moved     []string // files that went to quarantine, each with the reason
	Snapshots []SnapshotState
}

// A SnapshotState says whether a snapshot is whole.
type SnapshotState struct {
	App   string `json:"app"`
	ID    ID     `json:"snapshot"`
	Whole bool   `json:"whole"`
	Cause string `json:"cause,omitempty"` // if it is not

	seq uint64 // of its record; the highest there is if that is lost
}

// Lost returns the apps that have a snapshot that is not whole, and none that
// is newer and whole, by name.
func (r *RepairReport) Lost() []string {
	state := make(map[string]bool)
	for _, s := range r.Snapshots { // oldest first
		state[s.App] = s.Whole || s.seq == math.MaxUint64 && state[s.App]
	}
	var lost []string
	for app, whole := range state {
		if !whole {
			lost = append(lost, app)
		}
	}
	slices.Sort(lost)
	return lost
}

// Repair reads everything in the store, moves what is damaged to quarantine,
// and saves what can be saved: chunks that have another copy, or that the live
// volumes still hold. Then it makes the index what packs and records say. It
// deletes nothing. Nobody else may use the store meanwhile: ErrLocked.
func (s *Store) Repair(ctx context.Context, opts RepairOptions) (*RepairReport, error) {
	noGC, err := s.lockGC(ctx)
	if err != nil {
		return nil, err
	}
	defer noGC.Unlock()
	alone, err := s.lockAlone(ctx, max(s.opts.Wait, aloneWait))
	if err != nil {
		return nil, err
	}
	defer alone.Unlock()
	r := &repair{store: s, opts: opts, report: new(RepairReport)}
	if err := r.run(ctx); err != nil {
		return nil, fmt.Errorf("repair: %w", full(err))
	}
	r.note()
	return r.report, nil
}

// A repair is one run of Repair.
type repair struct {
	store   *Store
	opts    RepairOptions
	report  *RepairReport
	before  *state // what the index said; nil if it cannot be read
	all     *rebuilt
	load    *loader
	damaged []index.Pack         // packs with a damaged blob
	wanted  map[blob.ID]struct{} // chunks of snapshots that cannot be had
}

func (r *repair) run(ctx context.Context) (err error) {
	known := make(map[ID]pack.Tail)
	if r.before, err = r.store.state(); err == nil {
		for p := range r.before.chunks.Packs() {
			known[p.ID] = p.Tail
		}
	} else if r.before = nil; !errors.Is(err, index.ErrCorrupt) {
		return err
	}
	if r.all, err = r.store.readAll(ctx, known); err != nil {
		return err
	}
	if err := r.marks(); err != nil {
		return err
	}
	r.report.Packs = len(r.all.packs)
	r.load = newLoader(r.store.packs, index.NewChunks(r.all.packs))
	defer r.load.close()
	if err := r.read(ctx); err != nil {
		return err
	}
	if err := r.want(); err != nil {
		return err
	}
	if err := r.refill(ctx); err != nil {
		return err
	}
	if err := r.salvage(ctx); err != nil {
		return err
	}
	if err := r.all.complete(ctx); err != nil {
		return err
	}
	r.judge()
	return r.write()
}

// read reads every blob and finds the packs with damaged ones.
func (r *repair) read(ctx context.Context) error {
	x := r.load.spare.Get().(*scratch)
	defer r.load.spare.Put(x)
	r.wanted = make(map[blob.ID]struct{})
	var raw []byte
	for _, p := range r.all.packs {
		broken := 0
		for i := range p.Tail.Len() {
			if err := ctx.Err(); err != nil {
				return err
			}
			e := p.Tail.Entry(i)
			if !r.load.chunks.Complete(e) {
				continue // garbage, unless a record wants it
			}
			got, err := r.load.read(raw, x, blob.Location{Pack: p.ID, Entry: e})
			if err != nil && !errors.Is(err, ErrCorrupt) {
				return err // it cannot be read now: no damage to the file
			}
			if err != nil {
				broken++
				r.wanted[e.ID] = struct{}{}
				continue
			}
			raw = got
			if r.opts.Progress != nil {
				r.opts.Progress(0, int64(e.Stored))
			}
		}
		isSame := func(o index.Pack) bool { return o.ID == p.ID }
		if r.report.Blobs += p.Tail.Len(); broken > 0 || slices.ContainsFunc(r.all.suspect, isSame) {
			r.report.Damaged += broken
			r.damaged = append(r.damaged, p)
		}
	}
	return nil
}

// want completes the set of chunks to look for with those that are not stored.
func (r *repair) want() error {
	for _, record := range r.all.records {
		err := r.eachChunk(record, func(id blob.ID) {
			if _, ok := r.load.chunks.Find(id); !ok {
				r.wanted[id] = struct{}{}
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// salvage copies the good blobs of damaged packs and drops these packs.
func (r *repair) salvage(ctx context.Context) error {
	if len(r.damaged) == 0 {
		return nil
	}
	tails, err := r.pack(ctx, func(packs *packer) error {
		for _, p := range r.damaged {
			if err := r.copy(packs, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.add(tails)
	for _, p := range r.damaged {
		r.all.packs = slices.DeleteFunc(r.all.packs, func(o index.Pack) bool { return o.ID == p.ID })
	}
	return nil
}

// copy copies those blobs of a pack that can be read, now that lost bases may be
// back.
func (r *repair) copy(packs *packer, p index.Pack) error {
	x := r.load.spare.Get().(*scratch)
	defer r.load.spare.Put(x)
	for i := range p.Tail.Len() {
		e := p.Tail.Entry(i)
		if _, err := r.load.read(nil, x, blob.Location{Pack: p.ID, Entry: e}); err != nil {
			continue
		}
		if err := packs.add(e, x.stored); err != nil {
			return err
		}
	}
	return nil
}

// pack stores what fill adds, durably, and returns the tails of the packs.
func (r *repair) pack(ctx context.Context, fill func(*packer) error) ([]pack.Tail, error) {
	packs := newPacker(ctx, r.store, r.load.chunks, false)
	err := fill(packs)
	if err == nil {
		var tails []pack.Tail
		if tails, err = packs.close(); err == nil {
			return tails, nil
		}
	}
	packs.abort()
	return nil, err
}

// add makes new packs part of what there is, and returns them by ascending ID.
func (r *repair) add(tails []pack.Tail) (added []index.Pack) {
	for _, tail := range tails {
		added = append(added, index.Pack{ID: tail.ID(), Tail: tail})
	}
	byID := func(a, b index.Pack) int { return a.ID.Compare(b.ID) }
	slices.SortFunc(added, byID)
	r.all.packs = append(r.all.packs, added...)
	slices.SortFunc(r.all.packs, byID)
	return added
}

// judge says of every snapshot whether it is whole.
func (r *repair) judge() {
	for id, record := range r.all.records {
		s := SnapshotState{App: record.App, ID: id, seq: record.Seq}
		s.Whole = slices.Contains(r.all.listed[record.App], id)
		if !s.Whole {
			at := slices.IndexFunc(r.all.broken, func(line string) bool { return strings.Contains(line, id.Short()) })
			s.Cause = r.all.broken[at]
		}
		r.report.Snapshots = append(r.report.Snapshots, s)
	}
	r.judgeLost()
	slices.SortStableFunc(r.report.Snapshots, func(a, b SnapshotState) int {
		return cmp.Or(strings.Compare(a.App, b.App), cmp.Compare(a.seq, b.seq))
	})
}

// judgeLost says of every snapshot that the index listed, and whose record is
// damaged or gone, that it is lost.
func (r *repair) judgeLost() {
	if r.before == nil {
		return
	}
	for _, app := range r.before.apps {
		for _, id := range app.Snapshots {
			if r.all.records[id] == nil {
				r.report.Snapshots = append(r.report.Snapshots, SnapshotState{
					App: app.Name, ID: id, Cause: "its record is damaged or gone", seq: math.MaxUint64,
				})
			}
		}
	}
}

// marks moves marks that cannot be read to quarantine: they hold up gc, and the
// restore that would finish what they stand for.
func (r *repair) marks() error {
	paths, err := filepath.Glob(r.store.path("restoring", "*.json"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		app := strings.TrimSuffix(filepath.Base(path), ".json")
		_, err := r.store.Unfinished(app)
		if !errors.Is(err, ErrCorrupt) {
			continue
		}
		err = r.all.quarantine(path, fmt.Errorf("a restore of %s was unfinished: run it again", app))
		if err != nil {
			return err
		}
	}
	return nil
}

// write makes the index what packs and records say, if it is not, and then
// moves the damaged packs to quarantine.
func (r *repair) write() error {
	if r.before == nil || !r.all.sameAs(r.before) {
		r.report.Rebuilt = true
		if planted.Bug("damaged packs moved before the index") {
			r.moveDamaged()
		}
		if err := r.all.write(); err != nil {
			return err
		}
	}
	err := r.moveDamaged()
	r.report.Moved = r.all.moved
	return err
}

// moveDamaged moves the damaged packs to quarantine.
func (r *repair) moveDamaged() error {
	for _, p := range r.damaged {
		if err := r.all.quarantine(r.store.packs.Path(p.ID), errors.New("it holds damaged blobs")); err != nil {
			return err
		}
	}
	return nil
}
