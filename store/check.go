package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/manifest"
)

// CheckOptions configure Check. The zero value works.
type CheckOptions struct {
	App      string // check only this app's snapshots; empty: all
	ReadData bool   // read every blob, and check that it hashes to its ID

	// With Parts above 1 only every Parts-th pack is read: those of Part, from
	// 1. So Parts runs read all of them.
	Part, Parts int

	// Progress is called with the bytes read since the last call, if set, by
	// several goroutines at a time.
	Progress func(files, bytes int64)
}

// A Problem is something in the store that is not as it should be.
type Problem struct {
	App      string `json:"app,omitempty"` // whose snapshot is affected, if one is
	Snapshot ID     `json:"snapshot,omitzero"`
	LastGood bool   `json:"last_good,omitempty"` // the snapshot is its app's last-good
	Pack     ID     `json:"pack,omitzero"`
	Text     string `json:"text"`
}

// String returns the problem as a line.
func (p Problem) String() string {
	switch {
	case p.LastGood:
		return fmt.Sprintf("last-good of %s, %s: %s", p.App, p.Snapshot.Short(), p.Text)
	case p.App != "":
		return fmt.Sprintf("snapshot %s of %s: %s", p.Snapshot.Short(), p.App, p.Text)
	}
	return p.Text
}

// A CheckReport accounts for everything in a store.
type CheckReport struct {
	Problems  []Problem
	Apps      int
	Snapshots int

	Packs        int   // listed
	Blobs        int   // in them
	LiveBlobs    int   // that some snapshot needs; the others are garbage
	BlobsRead    int64 // by this check
	GarbagePacks int   // files that are not listed, or belong to a snapshot in progress
	OldRecords   int   // the same of records
	Unfinished   int   // files in tmp
	Unlisted     []Unlisted
	Strays       []string
}

// An Unlisted is a complete record that the index does not list although it is
// newer than the last-good that it lists: the index has gone back in time, or
// the snapshot was killed right before its commit. Whoever uses the app next
// lists it.
type Unlisted struct {
	App      string `json:"app"`
	Snapshot ID     `json:"snapshot"`
}

// Affected returns the apps whose last-good is affected, by name.
func (r *CheckReport) Affected() (apps []string) {
	for _, p := range r.Problems {
		if p.LastGood {
			apps = append(apps, p.App)
		}
	}
	slices.Sort(apps)
	return slices.Compact(apps)
}

// Check looks for every problem of the store, and accounts for every file and
// blob of it. It changes nothing but the note of how it ended, and others may use
// the store meanwhile. The error says that it could not look, ErrCorrupt that the index cannot even be
// opened.
func (s *Store) Check(ctx context.Context, opts CheckOptions) (*CheckReport, error) {
	if opts.Parts > 1 && (opts.Part < 1 || opts.Part > opts.Parts) {
		return nil, fmt.Errorf("check: %w: part %d of %d", ErrInvalid, opts.Part, opts.Parts)
	}
	shared, err := s.lockShared(ctx)
	if err != nil {
		return nil, err
	}
	defer shared.Unlock()
	c := &check{store: s, opts: opts, report: new(CheckReport)}
	err = c.run(ctx)
	c.note(err)
	if err != nil {
		return nil, fmt.Errorf("check: %w", err)
	}
	return c.report, nil
}

// A check is one run of Check.
type check struct {
	store *Store
	opts  CheckOptions
	state *state // as far as it could be read
	load  *loader
	live  *index.Set

	mu     sync.Mutex
	report *CheckReport
	bad    *index.Set // blobs that cannot be read
}

func (c *check) run(ctx context.Context) error {
	if err := c.index(); err != nil {
		return err
	}
	c.load = newLoader(c.store.packs, c.state.chunks)
	defer c.load.close()
	c.live, c.bad = c.state.chunks.NewSet(), c.state.chunks.NewSet()
	if err := c.packs(ctx); err != nil {
		return err
	}
	if err := c.apps(ctx); err != nil {
		return err
	}
	c.report.Blobs, c.report.LiveBlobs = c.state.chunks.Len(), c.live.Len()
	c.files()
	return c.unlisted(ctx)
}

func (c *check) found(p Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Problems = append(c.report.Problems, p)
}

// index reads what the index says, and reports the records of it that are
// damaged.
func (c *check) index() error {
	var packs []index.Pack
	c.state = new(state)
	err := c.store.index.View(func(tx *index.Tx) error {
		for p, err := range tx.Packs() {
			if err != nil {
				c.found(Problem{Text: err.Error()})
				continue
			}
			packs = append(packs, index.Pack{ID: p.ID, Tail: p.Tail.Clone()})
		}
		for app, err := range tx.Apps() {
			if err != nil {
				c.found(Problem{App: app.Name, LastGood: true, Text: err.Error()})
				continue
			}
			c.state.apps = append(c.state.apps, app)
		}
		return nil
	})
	c.state.chunks = index.NewChunks(packs)
	c.report.Packs = len(packs)
	return err
}

// packs checks every listed pack, and reads some of them.
func (c *check) packs(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(c.store.opts.Workers)
	number := 0
	for p := range c.state.chunks.Packs() {
		read := c.opts.ReadData && (c.opts.Parts <= 1 || number%c.opts.Parts == c.opts.Part-1)
		number++
		group.Go(func() error {
			if err := c.tail(p); err != nil {
				c.lost(p, err)
				return ctx.Err()
			}
			if read {
				c.blobs(ctx, p)
			}
			return ctx.Err()
		})
	}
	return group.Wait()
}

// tail compares a pack's footer with the one in the index.
func (c *check) tail(p index.Pack) error {
	r, err := c.load.pack(p.ID)
	if err != nil {
		return err
	}
	tail, err := r.Tail()
	if err != nil {
		return err
	}
	if !slices.Equal(tail.Bytes(), p.Tail.Bytes()) {
		return fmt.Errorf("pack %s: footer and index differ: %w", p.ID.Short(), ErrCorrupt)
	}
	return nil
}

// lost reports a pack of which nothing can be read.
func (c *check) lost(p index.Pack, err error) {
	c.found(Problem{Pack: p.ID, Text: fmt.Sprintf("pack %s, %d blobs: %v", p.ID.Short(), p.Tail.Len(), err)})
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range p.Tail.Len() {
		c.bad.Add(blob.Location{Pack: p.ID, Entry: p.Tail.Entry(i)})
	}
}

// blobs reads every blob of a pack.
func (c *check) blobs(ctx context.Context, p index.Pack) {
	x := c.load.spare.Get().(*scratch)
	defer c.load.spare.Put(x)
	var raw []byte
	for i := range p.Tail.Len() {
		if ctx.Err() != nil {
			return
		}
		e := p.Tail.Entry(i)
		if !c.state.chunks.Complete(e) {
			continue // garbage, or else there is a snapshot that cannot have it
		}
		got, err := c.load.read(raw, x, blob.Location{Pack: p.ID, Entry: e})
		c.mu.Lock()
		c.report.BlobsRead++
		if err != nil {
			c.bad.Add(blob.Location{Pack: p.ID, Entry: p.Tail.Entry(i)})
		}
		c.mu.Unlock()
		if err != nil {
			c.found(Problem{Pack: p.ID, Text: err.Error()})
			continue
		}
		raw = got
		if c.opts.Progress != nil {
			c.opts.Progress(0, int64(e.Stored))
		}
	}
}

// apps checks that every snapshot is complete.
func (c *check) apps(ctx context.Context) error {
	for _, app := range c.state.apps {
		if c.opts.App != "" && app.Name != c.opts.App {
			continue
		}
		c.report.Apps++
		seq := uint64(0)
		for i, id := range app.Snapshots {
			if err := ctx.Err(); err != nil {
				return err
			}
			c.report.Snapshots++
			at := Problem{App: app.Name, Snapshot: id, LastGood: i == len(app.Snapshots)-1}
			seq = c.snapshot(at, seq)
		}
	}
	return nil
}

// snapshot checks a snapshot that comes after one numbered seq, and returns its
// number.
func (c *check) snapshot(at Problem, seq uint64) uint64 {
	r, err := c.store.record(at.Snapshot)
	if errors.Is(err, fs.ErrNotExist) && c.store.unlisted(at.Snapshot) {
		return seq // it was forgotten since the index was read
	}
	if err != nil {
		at.Text = err.Error()
		c.found(at)
		return seq
	}
	if err := r.checkPlace(at.App, seq); err != nil {
		at.Text = err.Error()
		c.found(at)
	}
	for i := range r.Volumes {
		if text := c.volume(&r.Volumes[i]); text != "" {
			at.Text = fmt.Sprintf("volume %s: %s", r.Volumes[i].Name, text)
			c.found(at)
		}
	}
	return r.Seq
}

// volume checks that every chunk of a volume can be had, as far as is known,
// and returns what is wrong.
func (c *check) volume(v *VolumeRecord) string {
	for _, id := range v.Manifest.Chunks {
		if !c.has(id) {
			return fmt.Sprintf("its manifest needs chunk %s, which cannot be read", id.Short())
		}
	}
	lost, first, err := c.lostFiles(v)
	switch {
	case err != nil:
		return err.Error()
	case lost > 0:
		return fmt.Sprintf("%d files cannot be restored, the first one is %q", lost, first)
	}
	return ""
}

// lostFiles counts the files that need a chunk that cannot be had.
func (c *check) lostFiles(v *VolumeRecord) (lost int, first string, err error) {
	dec := manifest.NewDecoder(c.load.manifest(v.Manifest))
	var path manifest.Path
	for {
		e, err := dec.Next()
		if errors.Is(err, io.EOF) {
			return lost, first, nil
		}
		if err != nil {
			return lost, first, err
		}
		path.Step(e)
		whole := true
		for _, p := range e.Pieces {
			whole = (p.ID.IsZero() || c.has(p.ID)) && whole
		}
		if whole {
			continue
		}
		if lost++; lost == 1 {
			first = path.String()
		}
	}
}

// has reports whether a chunk can be had, as far as is known, and counts it as
// live.
func (c *check) has(id ID) bool { return c.any(c.state.chunks.Copies(id)) }

// any is has for one of these copies.
func (c *check) any(copies iter.Seq[blob.Location]) bool {
	found := false
	for loc := range copies {
		good := !c.bad.Has(loc) && (!loc.IsDelta() || c.any(c.state.chunks.Whole(loc.Base)))
		if !found {
			c.live.Add(loc) // of several good copies gc keeps one
		}
		found = found || good
	}
	return found
}

// files accounts for the files that the index does not name.
func (c *check) files() {
	g, err := c.store.garbage(c.state)
	if err != nil {
		c.found(Problem{Text: err.Error()})
	}
	c.report.GarbagePacks, c.report.OldRecords = len(g.packs), len(g.records)
	c.report.Unfinished = len(g.tmp)
	for _, f := range g.strays {
		c.report.Strays = append(c.report.Strays, strings.TrimPrefix(f.path, c.store.dir+"/"))
	}
}

// unlisted finds the records that the index should list and does not.
func (c *check) unlisted(ctx context.Context) error {
	lacks, err := c.store.staysBehind(ctx, c.opts.App)
	if err != nil {
		return err
	}
	if lacks.foreign {
		c.found(Problem{Text: "the index is that of another store: repair, or the next snapshot, makes it anew"})
	}
	for _, id := range lacks.newer {
		r, err := c.store.record(id)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was forgotten since
		}
		if err != nil {
			return err
		}
		c.report.Unlisted = append(c.report.Unlisted, Unlisted{App: r.App, Snapshot: id})
	}
	return nil
}
