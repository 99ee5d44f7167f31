package store

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/pack"
)

// A rebuilt is what packs and records say by themselves: all that an index
// holds.
type rebuilt struct {
	store   *Store
	known   map[ID]pack.Tail // that the index has
	packs   []index.Pack     // readable ones, by ascending ID
	suspect []index.Pack     // of them, those with a damaged footer
	records map[ID]*Record   // readable ones
	listed  map[string][]ID  // complete snapshots of each app, oldest first
	moved   []string         // what was moved to quarantine
	broken  []string         // why
}

// healIndex makes a new index if the one there is still damaged when nobody
// else uses the store. The damaged one is moved to quarantine. gc must not run:
// what it is about to remove would be listed.
func (s *Store) healIndex(ctx context.Context) error {
	noGC, err := s.lockGC(ctx)
	if err != nil {
		return err
	}
	defer noGC.Unlock()
	return s.healIndexBesideGC(ctx)
}

// healIndexBesideGC is healIndex for who holds gc's lock.
func (s *Store) healIndexBesideGC(ctx context.Context) error {
	alone, err := s.lockAlone(ctx, max(s.opts.Wait, aloneWait))
	if err != nil {
		return err
	}
	defer alone.Unlock()
	what := "was damaged"
	if _, err := s.state(); !errors.Is(err, index.ErrCorrupt) {
		lacks, failed := s.behind("")
		if !lacks.any() {
			return errors.Join(err, failed) // another process was first
		}
		what = "lacked a newer snapshot"
	}
	r, err := s.readAll(ctx, nil)
	if err != nil {
		return err
	}
	if err := r.write(); err != nil {
		return err
	}
	s.notice("the index %s; it was rebuilt from %d packs and %d records", what, len(r.packs), len(r.records))
	return nil
}

// healing calls f, and once more with a new index if it met a damaged one. f
// must have given back its locks.
func (s *Store) healing(ctx context.Context, f func() error) error {
	err := f()
	if !errors.Is(err, index.ErrCorrupt) {
		return err
	}
	if failed := s.healIndex(ctx); failed != nil {
		return errors.Join(err, fmt.Errorf("rebuild index: %w", failed))
	}
	return f()
}

func (s *Store) notice(format string, args ...any) {
	if s.opts.Notice != nil {
		s.opts.Notice(fmt.Sprintf(format, args...))
	}
}

// readAll reads every footer and record. What cannot be read is moved to
// quarantine, so that gc does not take it for garbage. Of a pack whose footer
// alone is damaged the index may know it: known has such footers.
func (s *Store) readAll(ctx context.Context, known map[ID]pack.Tail) (*rebuilt, error) {
	r := &rebuilt{store: s, known: known, records: make(map[ID]*Record)}
	if err := r.readPacks(ctx); err != nil {
		return nil, err
	}
	if err := r.readRecords(); err != nil {
		return nil, err
	}
	return r, r.complete(ctx)
}

func (r *rebuilt) readPacks(ctx context.Context) error {
	for f, err := range r.store.packs.List() {
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return err
		}
		if f.ID.IsZero() {
			continue
		}
		tail, err := r.store.tail(f.ID)
		if err != nil && !errors.Is(err, ErrCorrupt) {
			return err // of a newer version, or not to be read now: no damage
		}
		if copied, ok := r.known[f.ID]; err != nil && ok && copied.Size() == f.Size {
			tail, err = copied, nil
			r.suspect = append(r.suspect, index.Pack{ID: f.ID, Tail: tail})
		}
		if err != nil {
			if err := r.quarantine(f.Path, err); err != nil {
				return err
			}
			continue
		}
		r.packs = append(r.packs, index.Pack{ID: f.ID, Tail: tail})
	}
	slices.SortFunc(r.packs, func(a, b index.Pack) int { return a.ID.Compare(b.ID) })
	return nil
}

// tail reads the footer of a pack.
func (s *Store) tail(id ID) (pack.Tail, error) {
	reader, err := s.packs.Open(id)
	if err != nil {
		return pack.Tail{}, err
	}
	defer reader.Close()
	return reader.Tail()
}

func (r *rebuilt) readRecords() error {
	ids, err := r.store.records()
	if err != nil {
		return err
	}
	for _, id := range ids {
		record, err := r.store.record(id)
		if err != nil && !errors.Is(err, ErrCorrupt) {
			return err
		}
		if err != nil {
			if err := r.quarantine(r.store.recordPath(id), err); err != nil {
				return err
			}
			continue
		}
		r.records[id] = record
	}
	return nil
}

// complete finds the snapshots whose chunks are all located. Only they may be
// listed: an app's last-good must be complete.
func (r *rebuilt) complete(ctx context.Context) error {
	r.listed, r.broken = make(map[string][]ID), nil
	load := newLoader(r.store.packs, index.NewChunks(r.packs))
	defer load.close()
	for id, record := range r.records {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := load.reach(load.chunks.NewSet(), record); err != nil {
			r.broken = append(r.broken, fmt.Sprintf("snapshot %s of %s is incomplete: %v", id.Short(), record.App, err))
			continue
		}
		r.listed[record.App] = append(r.listed[record.App], id)
	}
	slices.Sort(r.broken)
	for _, ids := range r.listed {
		slices.SortFunc(ids, func(a, b ID) int {
			return cmp.Or(cmp.Compare(r.records[a].Seq, r.records[b].Seq), a.Compare(b))
		})
	}
	return nil
}

// write makes the index that packs and records give, and moves the old one to
// quarantine in the same step. Records that are not listed go there too.
func (r *rebuilt) write() error {
	for id, record := range r.records {
		if slices.Contains(r.listed[record.App], id) {
			continue
		}
		if err := r.quarantine(r.store.recordPath(id), errors.New("incomplete")); err != nil {
			return err
		}
	}
	tmp := r.store.path("tmp", "index-"+time.Now().UTC().Format("20060102T150405.000000000"))
	err := r.replace(tmp)
	if err != nil {
		os.Remove(tmp)
	}
	return err
}

// replace makes the new index in file tmp and puts it in the old one's place.
func (r *rebuilt) replace(tmp string) error {
	db := index.DB(tmp)
	if err := db.Create(); err != nil {
		return err
	}
	if err := db.Update(r.fill); err != nil {
		return err
	}
	if err := r.store.keepAside(string(r.store.index)); err != nil {
		return err
	}
	return fsx.Publish(tmp, string(r.store.index))
}

func (r *rebuilt) fill(tx *index.Tx) error {
	for _, p := range r.packs {
		if err := tx.PutPack(p.Tail); err != nil {
			return err
		}
	}
	for app, ids := range r.listed {
		if err := tx.PutApp(app, ids); err != nil {
			return err
		}
	}
	return nil
}

// quarantine moves a file that cannot be used out of the way. Nothing that might
// be of use to somebody is ever deleted.
func (r *rebuilt) quarantine(path string, cause error) error {
	if err := r.store.keepAside(path); err != nil {
		return err
	}
	if err := fsx.Remove(path); err != nil {
		return err
	}
	r.moved = append(r.moved, fmt.Sprintf("%s: %v", filepath.Base(path), cause))
	return nil
}

// keepAside gives a file, if it exists, a durable second name in quarantine.
func (s *Store) keepAside(path string) error {
	dir := s.path("quarantine")
	if err := fsx.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	name := time.Now().UTC().Format("20060102T150405.000000000-") + filepath.Base(path)
	if err := os.Link(path, filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("move to quarantine: %w", err)
	}
	return fsx.SyncDir(dir)
}

// sameAs reports whether the index holds exactly what packs and records give.
func (r *rebuilt) sameAs(st *state) bool {
	var packs []index.Pack
	for p := range st.chunks.Packs() {
		packs = append(packs, p)
	}
	listed := make(map[string][]ID)
	for _, app := range st.apps {
		listed[app.Name] = app.Snapshots
	}
	same := slices.EqualFunc(packs, r.packs, func(a, b index.Pack) bool {
		return a.ID == b.ID && bytes.Equal(a.Tail.Bytes(), b.Tail.Bytes())
	})
	for app, ids := range r.listed {
		same = same && slices.Equal(ids, listed[app])
	}
	return same && len(listed) == len(r.listed)
}
