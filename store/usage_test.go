package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/store"
)

// usage weighs the store, which must succeed.
func usage(t *testing.T, s *store.Store, opts store.UsageOptions) *store.Usage {
	t.Helper()
	u, err := s.Usage(t.Context(), opts)
	check(t, err)
	return u
}

// pair takes a snapshot of an app of two volumes, in which a few files changed.
func (m *model) pair(rt *rapid.T) {
	app := m.app(rt)
	var volumes []store.Volume
	for _, name := range []string{"x", "y"} {
		dir := filepath.Join(m.volumes[app], name)
		must(rt, os.MkdirAll(dir, 0o755))
		m.edit(rt, dir)
		m.touch(rt, dir)
		volumes = append(volumes, store.Volume{Name: name, Path: dir})
	}
	keep := rapid.IntRange(1, 3).Draw(rt, "keep")
	r, err := m.s.Snapshot(context.Background(), app, volumes, store.SnapshotOptions{Keep: keep})
	must(rt, err)
	shots := append(slices.Clone(m.apps[app]), shot{id: r.ID})
	m.apps[app] = shots[max(0, len(shots)-keep):]
}

// touch changes a byte of each file, perhaps: a delta.
func (m *model) touch(rt *rapid.T, dir string) {
	files, err := filepath.Glob(dir + "/*")
	must(rt, err)
	for _, path := range files {
		if rapid.Bool().Draw(rt, "touch") {
			content, err := os.ReadFile(path)
			must(rt, err)
			must(rt, os.WriteFile(path, similar(content), 0o644))
		}
	}
}

func TestUsageAddsUpAndForgettingFreesWhatIsUnique(t *testing.T) {
	old := unix.Umask(0o022)
	defer unix.Umask(old)
	steps := map[string]string{"rapid.checks": "15", "rapid.steps": "10", "rapid.nofailfile": "true"}
	defer setFlags(t, steps)()
	deltas, shared, unlisted := false, false, false
	history := func(rt *rapid.T) {
		m := newModel(t, rt)
		defer os.RemoveAll(m.base)
		rt.Repeat(map[string]func(*rapid.T){
			"snapshot": m.pair, "again": m.pair, "once more": m.pair,
			"forget": m.forget, "gc": m.gc, "litter": m.litter,
		})
		u, err := m.s.Usage(context.Background(), store.UsageOptions{})
		must(rt, err)
		deltas = deltas || u.Store.Delta > 0
		shared = shared || u.Store.Shared > 0
		unlisted = unlisted || u.Store.Unlisted > 0
		m.wantSums(rt, u)
		m.wantNaive(rt, u)
		for _, app := range u.Apps {
			m.wantFreed(rt, app)
		}
	}
	const rounds = 10 // at most: one in twenty meets no litter that stays
	for range rounds {
		if rapid.Check(t, history); t.Failed() || deltas && shared && unlisted {
			break
		}
	}
	if !deltas || !shared || !unlisted {
		t.Errorf("deltas were met: %t, shared blobs: %t, packs nobody lists: %t", deltas, shared, unlisted)
	}
}

// wantSums fails unless all parts add up to the bytes on disk.
func (m *model) wantSums(rt *rapid.T, u *store.Usage) {
	var unique, named, added int64
	for _, app := range u.Apps {
		unique, named = unique+app.Unique, named+app.Named
		if app.Stored != app.Unique+app.Shared || app.Snapshots != len(m.apps[app.App]) {
			rt.Errorf("%+v does not add up", app)
		}
	}
	for _, event := range u.Snapshots {
		added += event.Added
	}
	d := u.Store
	if unique != d.Unique || named != d.Named || unique+d.Shared != d.Stored || added != d.Stored {
		rt.Errorf("apps have %d unique bytes of %d named, snapshots added %d: the store %+v", unique, named, added, d)
	}
	packs := d.Stored + d.Garbage + d.Footers + d.Unlisted
	if got := packBytes(m.t, m.root); got != packs {
		rt.Errorf("the packs have %d bytes on disk, by account %d", got, packs)
	}
	total := packs + d.Index + d.Records + d.Witness + d.Reserve + d.Unfinished + d.Quarantine + d.Other
	if got := treeBytes(m.t, inStore(m.root)); got != total || got != d.Total {
		rt.Errorf("the store has %d bytes on disk, by account %d = %d", got, total, d.Total)
	}
}

// treeBytes adds up the sizes of all files below dir. The reserve has none, but
// occupies space.
func treeBytes(t *testing.T, dir string) (n int64) {
	t.Helper()
	check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		var st unix.Stat_t
		err = unix.Lstat(path, &st)
		if n += st.Size; d.Name() == "reserve" {
			n += st.Blocks * 512
		}
		return err
	}))
	return n
}

// wantNaive compares with maps of chunks, where no chunk is stored twice.
func (m *model) wantNaive(rt *rapid.T, u *store.Usage) {
	at := entries(m.t, m.root)
	if len(at) != u.Store.Blobs {
		return
	}
	users := m.users(at)
	for _, app := range u.Apps {
		want := store.Space{Named: app.Named, Compression: app.Compression, Deduplication: app.Deduplication}
		for id, apps := range users {
			if !apps[app.App] {
				continue
			}
			stored := int64(at[id].Stored)
			want.Raw += int64(at[id].Raw)
			want.Stored += stored
			if at[id].IsDelta() {
				want.Delta += stored
			}
			if len(apps) == 1 {
				want.Unique += stored
			}
		}
		if want.Shared = want.Stored - want.Unique; app.Space != want {
			rt.Errorf("%s has %+v, want %+v", app.App, app.Space, want)
		}
	}
}

// users returns for each chunk the apps that need it.
func (m *model) users(at map[blob.ID]blob.Location) map[blob.ID]map[string]bool {
	users := map[blob.ID]map[string]bool{}
	for app, shots := range m.apps {
		live := map[blob.ID]bool{}
		for _, s := range shots {
			reachable(m.t, m.s, app, s.id, live)
		}
		for id := range maps.Clone(live) {
			if at[id].IsDelta() {
				live[at[id].Base] = true
			}
		}
		for id := range live {
			if users[id] == nil {
				users[id] = map[string]bool{}
			}
			users[id][app] = true
		}
	}
	return users
}

// wantFreed forgets an app in a copy of the store: gc must find exactly what was
// unique to be garbage, and free it.
func (m *model) wantFreed(rt *rapid.T, app store.AppUsage) {
	m.roots++
	root := filepath.Join(m.base, fmt.Sprint("copy", m.roots))
	must(rt, os.CopyFS(root, os.DirFS(m.root)))
	must(rt, os.Chmod(root, 0o755))
	s, err := store.Open(root, store.Options{Workers: 1})
	must(rt, err)
	before, err := s.Collect(context.Background(), store.GCOptions{DryRun: true})
	must(rt, err)
	_, err = s.Forget(context.Background(), app.App, store.ID{})
	must(rt, err)
	after, err := s.Collect(context.Background(), store.GCOptions{DryRun: true})
	must(rt, err)
	if got := after.Plan.Dead - before.Plan.Dead; got != app.Unique {
		rt.Errorf("forgetting %s makes %d bytes garbage, unique are %d", app.App, got, app.Unique)
	}
	packs := packBytes(m.t, root)
	_, err = s.Collect(context.Background(), store.GCOptions{MinGarbage: 1})
	must(rt, err)
	freed := packs - packBytes(m.t, root)
	if least := after.Plan.Dead - after.Plan.Stored/100; freed < least {
		rt.Errorf("gc frees %d bytes after %s was forgotten, want %d at least", freed, app.App, least)
	}
}

func TestUsageReclaimableIsWhatGCFrees(t *testing.T) {
	s, root := newStore(t)
	dir := t.TempDir()
	write(t, dir+"/a", few(1, 3<<20))
	take(t, s, "app", dir, store.SnapshotOptions{})
	write(t, dir+"/a", few(2, 3<<20))
	take(t, s, "app", dir, store.SnapshotOptions{})
	handmade(t, root, false, part{raw: few(3, 1<<20)})
	write(t, inStore(root, "tmp", "half"), few(4, 5000))
	u := usage(t, s, store.UsageOptions{})
	if d := u.Store; d.Unlisted < 1<<20 || d.Unfinished != 5000 || d.Garbage < 3<<20 || d.Reserve < 2<<20 {
		t.Errorf("the store has %+v", d)
	}
	r := gc(t, s, store.GCOptions{})
	if d := u.Store.Reclaimable - r.Freed; d < -10_000 || d > 10_000 {
		t.Errorf("%d bytes were reclaimable, and %d were freed", u.Store.Reclaimable, r.Freed)
	}
	if d := usage(t, s, store.UsageOptions{}).Store; d.Reclaimable != 0 || d.Unlisted != 0 || d.Unfinished != 0 {
		t.Errorf("after gc the store has %+v", d)
	}
}

func TestUsageRanksFiles(t *testing.T) {
	s, _ := newStore(t)
	a, b := t.TempDir(), t.TempDir()
	write(t, a+"/big", few(1, 2<<20))
	write(t, a+"/sub/small", few(2, 1000))
	write(t, b+"/middle", few(3, 1<<20))
	take(t, s, "a", a, store.SnapshotOptions{})
	take(t, s, "b", b, store.SnapshotOptions{})
	u := usage(t, s, store.UsageOptions{Top: 2})
	if got := paths(u.Largest); !slices.Equal(got, []string{"big", "middle"}) || len(u.Changed) > 0 {
		t.Errorf("the largest are %q, of first snapshots changed %v", got, u.Changed)
	}
	write(t, a+"/sub/small", few(4, 1000))
	write(t, a+"/sub/again", few(2, 1000)) // what the older snapshot has is not new
	write(t, a+"/new", few(5, 100_000))
	take(t, s, "a", a, store.SnapshotOptions{Keep: 2})
	u = usage(t, s, store.UsageOptions{Top: 9})
	if got := paths(u.Changed); !slices.Equal(got, []string{"new", "sub/small"}) {
		t.Errorf("changed are %q", got)
	}
	if f := u.Changed[1]; f.App != "a" || f.Volume != "data" || f.New != 1000 || f.NewStored == 0 || f.Bytes != 1000 {
		t.Errorf("the changed file is %+v", f)
	}
	if got := paths(u.Largest); !slices.Equal(got, []string{"big", "middle", "new", "sub/again", "sub/small"}) {
		t.Errorf("the largest are %q", got)
	}
}

func paths(files []store.FileUsage) (paths []string) {
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	return paths
}

func TestUsageTellsOfOneApp(t *testing.T) {
	s, _ := newStore(t)
	dir := t.TempDir()
	write(t, dir+"/dir/file", few(1, 1<<20))
	write(t, dir+"/dir/tiny", few(2, 100))
	take(t, s, "a", dir, store.SnapshotOptions{})
	take(t, s, "b", dir, store.SnapshotOptions{})
	u := usage(t, s, store.UsageOptions{App: "b", Top: 9, Tree: true})
	if len(u.Apps) != 1 || len(u.Volumes) != 1 || len(u.Snapshots) != 1 || len(u.Largest) != 2 {
		t.Fatalf("of one app are told %+v", u)
	}
	if u.Apps[0].Unique != 0 || u.Apps[0].Shared < 1<<20 || u.Store.Shared != u.Apps[0].Shared {
		t.Errorf("both apps have the same, and %+v", u.Apps[0])
	}
	tree := u.Volumes[0].Tree
	if tree.Bytes != 1<<20+100 || tree.Files != 2 || len(tree.In) != 1 || !tree.In[0].Dir || len(tree.In[0].In) != 1 {
		t.Errorf("the tree is %+v", tree)
	}
	if _, err := s.Usage(t.Context(), store.UsageOptions{App: "c"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown app: %v", err)
	}
}
