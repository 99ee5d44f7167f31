package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/fsx"
)

// StatusOptions configure Status. The zero value works.
type StatusOptions struct {
	App        string        // tell of this app and of the store as such; empty: of all apps
	MaxAge     time.Duration // a last-good that is older needs attention; 0: none does
	MinFree    int           // percent of the disk; less that is free needs attention
	MaxGarbage int           // percent of the blobs; more garbage needs attention; 0: 50
}

const defaultMaxGarbage = 50 // percent: twice of what gc by itself leaves

// A Concern is a kind of thing that needs attention.
type Concern string

// The concerns, the worst first.
const (
	ConcernDamage     Concern = "damage"     // a last-good that is not whole
	ConcernUnfinished Concern = "unfinished" // a restore was begun and not finished
	ConcernOlder      Concern = "older"      // a snapshot that is no last-good is not whole
	ConcernAge        Concern = "age"        // a last-good is older than MaxAge
	ConcernDisk       Concern = "disk"       // less than MinFree is free
	ConcernGarbage    Concern = "garbage"    // more than MaxGarbage is garbage
	ConcernGC         Concern = "gc"         // the last gc failed
	ConcernCheck      Concern = "check"      // the last check failed, or found problems
)

// An Attention is one thing that needs it.
type Attention struct {
	Concern Concern `json:"concern"`
	App     string  `json:"app,omitempty"`
	Text    string  `json:"text"`
}

// An AppStatus is the health of one app.
type AppStatus struct {
	App        string  `json:"app"`
	Snapshots  int     `json:"snapshots"`
	LastGood   ID      `json:"last_good,omitzero"` // zero if there is none
	Record     *Record `json:"-"`                  // of it; nil if it cannot be read
	Whole      bool    `json:"whole"`              // manifests can be read, chunks are located, packs are there
	Unfinished *Mark   `json:"unfinished"`         // the restore that was begun and not finished; nil: none
}

// A Status is the health of a store.
type Status struct {
	Apps      []AppStatus // by name; those with an unfinished restore among them, if they have no snapshot
	Attention []Attention // the worst first
	GC        *GCNote     // how it ended last; nil: never, as far as is known
	Check     *CheckNote  // the same

	// Needed are the bytes of the blobs that something needs, as far as what is
	// damaged tells, and Garbage those of the others.
	Needed, Garbage int64

	Total int64 // bytes of the store's files
	Free  int64 // bytes of its disk that are free
	Disk  int64 // bytes of its disk
}

// Status looks at the health of the store. It reads every manifest and the end
// of every pack that a last-good needs, but not the chunks: that is left to Check.
// Damage is no error but needs attention. An app that is not in the store
// is ErrNotFound. Others may use the store meanwhile.
func (s *Store) Status(ctx context.Context, opts StatusOptions) (*Status, error) {
	if opts.App != "" {
		if err := s.checkKnown(opts.App); err != nil {
			return nil, err
		}
	}
	var found *Status
	err := s.inOneState(ctx, func(st *state) (err error) {
		found, err = s.status(ctx, st, opts)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("status: %w", err)
	}
	return found, nil
}

// checkKnown returns ErrNotFound unless the app has a snapshot, or an unfinished
// restore.
func (s *Store) checkKnown(app string) error {
	ids, err := s.Snapshots(app)
	if err != nil || len(ids) > 0 {
		return err
	}
	if _, err := os.Stat(s.markPath(app)); err != nil {
		return fmt.Errorf("%s has no snapshot: %w", app, ErrNotFound)
	}
	return nil
}

func (s *Store) status(ctx context.Context, st *state, opts StatusOptions) (*Status, error) {
	x := &examination{store: s, opts: opts, state: st, load: newLoader(s.packs, st.chunks),
		live: st.chunks.NewSet(), status: new(Status)}
	defer x.load.close()
	if err := x.apps(ctx); err != nil {
		return nil, err
	}
	if err := x.disk(); err != nil {
		return nil, err
	}
	x.notes()
	slices.SortStableFunc(x.status.Attention, func(a, b Attention) int {
		return a.Concern.rank() - b.Concern.rank()
	})
	return x.status, nil
}

// rank is lower for what is worse.
func (c Concern) rank() int {
	return slices.Index([]Concern{ConcernDamage, ConcernUnfinished, ConcernOlder, ConcernAge,
		ConcernDisk, ConcernGarbage, ConcernGC, ConcernCheck}, c)
}

// An examination is one run of Status.
type examination struct {
	store  *Store
	opts   StatusOptions
	state  *state
	load   *loader
	live   *index.Set // what could be found to be needed
	blind  bool       // and that is not all
	status *Status
}

func (x *examination) concern(c Concern, app, format string, args ...any) {
	x.status.Attention = append(x.status.Attention, Attention{c, app, fmt.Sprintf(format, args...)})
}

// told reports whether the result tells of the app.
func (x *examination) told(app string) bool { return x.opts.App == "" || x.opts.App == app }

// apps examines every app, and those that have only an unfinished restore.
func (x *examination) apps(ctx context.Context) error {
	marked, err := os.ReadDir(x.store.path("restoring"))
	if err != nil {
		return err
	}
	apps := slices.Clone(x.state.apps)
	for _, f := range marked {
		name, ok := strings.CutSuffix(f.Name(), ".json")
		listed := func(a index.App) bool { return a.Name == name }
		if ok && CheckName(name) == nil && !slices.ContainsFunc(apps, listed) {
			apps = append(apps, index.App{Name: name})
		}
	}
	slices.SortFunc(apps, func(a, b index.App) int { return strings.Compare(a.Name, b.Name) })
	for _, app := range apps {
		if err := x.app(ctx, app); err != nil {
			return err
		}
	}
	x.pinned()
	return nil
}

// pinned finds out what unfinished restores need of snapshots that nobody lists.
func (x *examination) pinned() {
	ids, err := x.store.pinned()
	if err != nil {
		x.blind = true
	}
	for _, id := range ids {
		listed := func(a index.App) bool { return slices.Contains(a.Snapshots, id) }
		if slices.ContainsFunc(x.state.apps, listed) {
			continue
		}
		if _, err := x.snapshot(id); err != nil {
			x.blind = true
		}
	}
}

func (x *examination) app(ctx context.Context, app index.App) error {
	a := AppStatus{App: app.Name, Snapshots: len(app.Snapshots)}
	seq := uint64(0)
	for i, id := range app.Snapshots {
		if err := ctx.Err(); err != nil {
			return err
		}
		r, err := x.snapshot(id)
		if errors.Is(err, fs.ErrNotExist) && x.store.unlisted(id) {
			return errStale
		}
		if r != nil {
			err = errors.Join(err, r.checkPlace(app.Name, seq))
			seq = r.Seq
		}
		newest := i == len(app.Snapshots)-1
		if newest {
			a.LastGood, a.Record, a.Whole = id, r, err == nil
		}
		if err != nil {
			x.blind = true
			x.damaged(app.Name, id, newest, err)
		}
	}
	if !x.told(app.Name) {
		return nil
	}
	x.age(&a)
	if err := x.restoring(&a); err != nil {
		return err
	}
	x.status.Apps = append(x.status.Apps, a)
	return nil
}

// snapshot finds out what a snapshot needs, and whether that is there.
func (x *examination) snapshot(id ID) (*Record, error) {
	r, err := x.store.record(id)
	if err != nil {
		return nil, err
	}
	needs := x.state.chunks.NewSet()
	err = x.load.reach(needs, r)
	x.live.Unite(needs)
	if err != nil {
		return r, err
	}
	return r, x.load.checkPacks(needs)
}

func (x *examination) damaged(app string, id ID, newest bool, err error) {
	switch {
	case !x.told(app):
	case newest:
		x.concern(ConcernDamage, app, "the last-good of %s, snapshot %s, is not whole: %v", app, id.Short(), err)
	default:
		x.concern(ConcernOlder, app, "snapshot %s of %s is not whole: %v", id.Short(), app, err)
	}
}

func (x *examination) age(a *AppStatus) {
	if a.Record == nil || x.opts.MaxAge <= 0 {
		return
	}
	if age := time.Since(a.Record.Time); age > x.opts.MaxAge {
		x.concern(ConcernAge, a.App, "the last-good of %s is %v old", a.App, age.Truncate(time.Second))
	}
}

// restoring finds out whether a restore of the app is unfinished.
func (x *examination) restoring(a *AppStatus) error {
	err := x.store.checkFinished(a.App)
	unfinished := new(UnfinishedError)
	switch {
	case errors.As(err, &unfinished):
		a.Unfinished = unfinished.Mark
		x.concern(ConcernUnfinished, a.App, "%s: %v", a.App, err)
	case errors.Is(err, ErrCorrupt):
		x.concern(ConcernUnfinished, a.App, "nobody knows whether a restore of %s is finished: %v", a.App, err)
	default:
		return err
	}
	return nil
}

// disk accounts for the space.
func (x *examination) disk() error {
	st := x.status
	plan := newPlan(x.state.chunks, x.live, nil, DefaultMinGarbage)
	st.Needed, st.Garbage = plan.Live, plan.Dead
	most := x.opts.MaxGarbage
	if most == 0 {
		most = defaultMaxGarbage
	}
	if plan.Garbage() > most && !x.blind {
		x.concern(ConcernGarbage, "", "%d %% of the store is garbage", plan.Garbage())
	}
	files, err := x.store.fileBytes()
	if err != nil {
		return err
	}
	for _, n := range files {
		st.Total += n
	}
	on, err := fsx.FilesystemAt(x.store.dir)
	if err != nil {
		return err
	}
	st.Free, st.Disk = on.Free, on.Total
	if on.Total > 0 && on.Free*100 < on.Total*int64(x.opts.MinFree) {
		x.concern(ConcernDisk, "", "only %d %% of the store's disk is free", on.Free*100/on.Total)
	}
	return nil
}

// notes reads how gc and check ended last. What a check found of a last-good counts
// as long as that is the last-good.
func (x *examination) notes() {
	st := x.status
	st.GC, st.Check = readNote[GCNote](x.store, noteOfGC), readNote[CheckNote](x.store, noteOfCheck)
	if st.GC != nil && st.GC.Error != "" {
		x.concern(ConcernGC, "", "the last gc failed: %s", st.GC.Error)
	}
	if st.Check == nil {
		return
	}
	for i := range st.Apps {
		a := &st.Apps[i]
		if a.Whole && slices.Contains(st.Check.Affected, LastGood{a.App, a.LastGood}) {
			a.Whole = false
			x.concern(ConcernDamage, a.App, "a check found the last-good of %s, snapshot %s, damaged",
				a.App, a.LastGood.Short())
		}
	}
	switch {
	case st.Check.Error != "":
		x.concern(ConcernCheck, "", "the last check could not look: %s", st.Check.Error)
	case st.Check.Problems > 0:
		x.concern(ConcernCheck, "", "the last check found %d problems", st.Check.Problems)
	}
}
