package store

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/warmstore/warmstore/index"
)

// A weighing is one run of Usage.
type weighing struct {
	store *Store
	opts  UsageOptions
	state *state
	load  *loader

	apps    map[string]*AppUsage
	newest  map[string]ID // snapshot of each app
	volumes []*weight     // by app and name
	live    *index.Set    // what the snapshots need that were weighed so far
	usage   *Usage
	largest ranking
	changed ranking
}

// A weight is what is known of one volume.
type weight struct {
	usage VolumeUsage
	needs *index.Set
}

func newWeighing(s *Store, st *state, opts UsageOptions) *weighing {
	w := &weighing{
		store: s, opts: opts, state: st, load: newLoader(s.packs, st.chunks),
		apps: make(map[string]*AppUsage), newest: make(map[string]ID),
		live: st.chunks.NewSet(), usage: new(Usage),
		largest: ranking{limit: opts.Top, measure: func(f *FileUsage) int64 { return f.Bytes }},
		changed: ranking{limit: opts.Top, measure: func(f *FileUsage) int64 { return f.New }},
	}
	for _, app := range st.apps {
		w.newest[app.Name] = app.Snapshots[len(app.Snapshots)-1]
	}
	return w
}

// told reports whether the result tells of the app.
func (w *weighing) told(app string) bool { return w.opts.App == "" || w.opts.App == app }

// app returns what is known of an app.
func (w *weighing) app(name string) *AppUsage {
	if w.apps[name] == nil {
		w.apps[name] = &AppUsage{App: name}
	}
	return w.apps[name]
}

// volume returns what is known of a volume.
func (w *weighing) volume(app, name string) *weight {
	at, known := slices.BinarySearchFunc(w.volumes, name, func(v *weight, name string) int {
		return cmp.Or(strings.Compare(v.usage.App, app), strings.Compare(v.usage.Volume, name))
	})
	if !known {
		made := &weight{usage: VolumeUsage{App: app, Volume: name}, needs: w.state.chunks.NewSet()}
		w.volumes = slices.Insert(w.volumes, at, made)
	}
	return w.volumes[at]
}

// snapshot weighs a snapshot, which comes after all that are older.
func (w *weighing) snapshot(id ID, r *Record) error {
	app := w.app(r.App)
	app.Snapshots, app.Bytes = app.Snapshots+1, r.Bytes()
	event := SnapshotUsage{App: r.App, Snapshot: id, Time: r.Time, Bytes: r.Bytes()}
	for i := range r.Volumes {
		v := &r.Volumes[i]
		weight := w.volume(r.App, v.Name)
		weight.usage.Files, weight.usage.Bytes = v.Files, v.Bytes
		weight.usage.Named += v.Bytes + v.Manifest.Bytes
		scan := &scan{weighing: w, record: v, weight: weight, added: &event.Added, later: app.Snapshots > 1}
		if id == w.newest[r.App] && w.told(r.App) {
			scan.describe()
		}
		if err := scan.run(); err != nil {
			return fmt.Errorf("volume %s: %w", v.Name, err)
		}
	}
	if w.told(r.App) {
		w.usage.Snapshots = append(w.usage.Snapshots, event)
	}
	return nil
}

// result adds everything up.
func (w *weighing) result() (*Usage, error) {
	w.usage.Largest, w.usage.Changed = w.largest.files, w.changed.files
	w.weighVolumes()
	several := w.weighApps()
	total := &w.usage.Store.Space
	for _, app := range w.apps {
		total.Named += app.Named
	}
	total.weigh(w.live, several)
	return w.usage, w.store.weighDisk(w.state, w.live, &w.usage.Store)
}

// weighVolumes says what each volume takes, and what of it no other needs.
func (w *weighing) weighVolumes() {
	once, several := w.state.chunks.NewSet(), w.state.chunks.NewSet()
	for _, v := range w.volumes {
		several.Unite(once.Common(v.needs))
		once.Unite(v.needs)
	}
	for _, v := range w.volumes {
		v.usage.weigh(v.needs, several)
		w.app(v.usage.App).Named += v.usage.Named
		if w.told(v.usage.App) {
			w.usage.Volumes = append(w.usage.Volumes, v.usage)
		}
	}
}

// weighApps says what each app takes, and what of it no other needs. It returns
// what several need.
func (w *weighing) weighApps() (several *index.Set) {
	once := w.state.chunks.NewSet()
	several = w.state.chunks.NewSet()
	for _, needs := range w.needs() {
		several.Unite(once.Common(needs))
		once.Unite(needs)
	}
	for app, needs := range w.needs() {
		app.weigh(needs, several)
		if w.told(app.App) {
			w.usage.Apps = append(w.usage.Apps, *app)
		}
	}
	return several
}

// needs yields every app, by name, with what it needs: what its volumes do.
func (w *weighing) needs() iter.Seq2[*AppUsage, *index.Set] {
	return func(yield func(*AppUsage, *index.Set) bool) {
		for _, name := range slices.Sorted(maps.Keys(w.apps)) {
			needs := w.state.chunks.NewSet()
			for _, v := range w.volumes {
				if v.usage.App == name {
					needs.Unite(v.needs)
				}
			}
			if !yield(w.apps[name], needs) {
				return
			}
		}
	}
}

// weigh says what the blobs of needs take, of which others need those of several
// too.
func (s *Space) weigh(needs, several *index.Set) {
	for _, entries := range needs.Packs() {
		for e := range entries {
			s.Raw += int64(e.Raw)
			s.Stored += int64(e.Stored)
			if e.IsDelta() {
				s.Delta += int64(e.Stored)
			}
		}
	}
	for _, entries := range needs.Without(several).Packs() {
		for e := range entries {
			s.Unique += int64(e.Stored)
		}
	}
	s.Shared = s.Stored - s.Unique
	if s.Raw > 0 {
		s.Compression = float64(s.Raw) / float64(s.Stored)
		s.Deduplication = float64(s.Named) / float64(s.Raw)
	}
}
