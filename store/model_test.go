package store_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/pack"
	"github.com/warmstore/warmstore/restore"
	"github.com/warmstore/warmstore/store"
)

// A model is what a store should hold: of each app its snapshots, oldest first,
// and what they restore to.
type model struct {
	t       *testing.T
	base    string // where everything is
	s       *store.Store
	root    string
	roots   int
	volumes map[string]string
	apps    map[string][]shot
	known   map[store.ID]shot // all that ever were
}

type shot struct {
	id   store.ID
	want listing
}

func newModel(t *testing.T, rt *rapid.T) *model {
	base, err := os.MkdirTemp("/dev/shm", "warmstore-test-")
	must(rt, err)
	m := &model{t: t, base: base, root: filepath.Join(base, "warm")}
	m.volumes, m.apps, m.known = map[string]string{}, map[string][]shot{}, map[store.ID]shot{}
	for _, app := range []string{"a", "b", "c"} {
		m.volumes[app] = filepath.Join(base, app)
		must(rt, os.Mkdir(m.volumes[app], 0o755))
	}
	m.s, err = store.Create(m.root, store.Options{Workers: 1})
	must(rt, err)
	must(rt, os.Remove(inStore(m.root, "reserve"))) // it takes time to copy
	return m
}

func must(rt *rapid.T, err error) {
	rt.Helper()
	if err != nil {
		rt.Fatal(err)
	}
}

// app draws an app.
func (m *model) app(rt *rapid.T) string {
	return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "app")
}

// edit changes a few files of a volume; there are so few contents that the
// volumes have much in common.
func (m *model) edit(rt *rapid.T, dir string) {
	for range rapid.IntRange(0, 3).Draw(rt, "edits") {
		path := filepath.Join(dir, fmt.Sprint(rapid.IntRange(0, 3).Draw(rt, "file")))
		n := rapid.IntRange(0, 6).Draw(rt, "content")
		content, err := os.ReadFile(path)
		switch how := rapid.IntRange(0, 5).Draw(rt, "how"); {
		case how == 0:
			must(rt, os.RemoveAll(path))
		case how < 4 && err == nil: // a delta, or a content that was there before
			content[n] ^= 1
			must(rt, os.WriteFile(path, content, 0o644))
		default:
			must(rt, os.WriteFile(path, few(uint64(n), 500+100*n), 0o644))
		}
	}
}

func (m *model) snapshot(rt *rapid.T) {
	app := m.app(rt)
	m.edit(rt, m.volumes[app])
	keep := rapid.IntRange(1, 3).Draw(rt, "keep")
	r, err := m.s.Snapshot(context.Background(), app,
		[]store.Volume{{Name: "data", Path: m.volumes[app]}}, store.SnapshotOptions{Keep: keep})
	must(rt, err)
	m.known[r.ID] = shot{r.ID, list(m.t, m.volumes[app])}
	shots := append(slices.Clone(m.apps[app]), m.known[r.ID])
	m.apps[app] = shots[max(0, len(shots)-keep):]
}

func (m *model) forget(rt *rapid.T) {
	app := m.app(rt)
	shots := m.apps[app]
	id := store.ID{}
	if len(shots) > 0 && rapid.Bool().Draw(rt, "one") {
		id = shots[rapid.IntRange(0, len(shots)-1).Draw(rt, "which")].id
	}
	_, err := m.s.Forget(context.Background(), app, id)
	if len(shots) == 0 {
		if !errors.Is(err, store.ErrNotFound) {
			rt.Fatalf("forget an unknown app: %v", err)
		}
		return
	}
	must(rt, err)
	m.apps[app] = slices.DeleteFunc(slices.Clone(shots), func(s shot) bool { return id.IsZero() || s.id == id })
}

func (m *model) gc(rt *rapid.T) {
	percent := rapid.IntRange(1, 100).Draw(rt, "percent")
	opts := store.GCOptions{MinGarbage: percent, IfDue: rapid.Bool().Draw(rt, "if due")}
	r, err := m.s.Collect(context.Background(), opts)
	must(rt, err)
	if r.Busy {
		rt.Fatal("gc is busy alone")
	}
}

// litter leaves what crashes may leave.
func (m *model) litter(rt *rapid.T) {
	must(rt, os.WriteFile(inStore(m.root, "tmp", fmt.Sprint(rapid.Uint16().Draw(rt, "name"))), []byte("half"), 0o600))
	w, err := pack.Create(inStore(m.root, "tmp"))
	must(rt, err)
	raw := few(uint64(rapid.IntRange(0, 9).Draw(rt, "content")), 500)
	must(rt, w.Append(blob.Entry{ID: blob.Sum(raw), Raw: uint32(len(raw)), Codec: blob.Raw}, raw))
	tail, err := w.Finish(pack.Dir(inStore(m.root, "blobs")))
	must(rt, err)
	if rapid.Bool().Draw(rt, "listed") {
		must(rt, index.DB(inStore(m.root, "index.db")).Update(func(tx *index.Tx) error {
			return tx.PutPack(tail)
		}))
	}
}

// crash does something and is killed at one of the points on the way, the
// number of which is drawn: what is on disk then is the store from now on.
func (m *model) crash(rt *rapid.T) {
	before := maps.Clone(m.apps)
	left := rapid.IntRange(0, 5).Draw(rt, "point")
	var copied, at string
	m.s.Watch(func(point string) {
		if left--; left < 0 && copied == "" {
			m.roots++
			copied, at = filepath.Join(m.base, fmt.Sprint("warm", m.roots)), point
			must(rt, os.CopyFS(copied, os.DirFS(m.root)))
		}
	})
	what := rapid.SampledFrom([]string{"snapshot", "gc", "forget"}).Draw(rt, "what")
	map[string]func(*rapid.T){"snapshot": m.snapshot, "gc": m.gc, "forget": m.forget}[what](rt)
	m.s.Watch(func(string) {})
	if copied == "" {
		return // it was over before
	}
	rt.Logf("killed at %s", at)
	if !strings.HasSuffix(at, ": committed") || what == "gc" {
		m.apps = before
	}
	must(rt, os.Chmod(copied, 0o755))
	must(rt, os.RemoveAll(m.root))
	m.root = copied
	s, err := store.Open(m.root, store.Options{Workers: 1})
	must(rt, err)
	m.s = s
	m.settle(rt)
}

// settle has gc decide what becomes of a record that is not listed: it may come
// back. Nothing that was acknowledged may be gone.
func (m *model) settle(rt *rapid.T) {
	_, err := m.s.Collect(context.Background(), store.GCOptions{MinGarbage: 100})
	must(rt, err)
	for _, app := range []string{"a", "b", "c"} {
		ids, err := m.s.Snapshots(app)
		must(rt, err)
		for _, s := range m.apps[app] {
			if !slices.Contains(ids, s.id) {
				rt.Fatalf("%s has lost snapshot %s", app, s.id.Short())
			}
		}
		m.apps[app] = nil
		for _, id := range ids {
			if m.known[id].want == nil {
				rt.Fatalf("%s has snapshot %s, which was never taken", app, id.Short())
			}
			m.apps[app] = append(m.apps[app], m.known[id])
		}
	}
}

// repair makes the index anew, perhaps from nothing.
func (m *model) repair(rt *rapid.T) {
	if rapid.Bool().Draw(rt, "without an index") {
		must(rt, os.Remove(inStore(m.root, "index.db")))
	}
	r, err := m.s.Repair(context.Background(), store.RepairOptions{})
	must(rt, err)
	if len(r.Lost()) > 0 || r.Damaged > 0 {
		rt.Fatalf("an undamaged store has lost something: %+v", r)
	}
}

func (m *model) restore(rt *rapid.T) {
	app := m.app(rt)
	if shots := m.apps[app]; len(shots) > 0 {
		m.wantShot(rt, app, shots[rapid.IntRange(0, len(shots)-1).Draw(rt, "which")])
	}
}

// wantShot restores a snapshot into a directory of its own and compares.
func (m *model) wantShot(rt *rapid.T, app string, s shot) {
	c, err := m.s.Checkout(context.Background(), app, s.id, false)
	must(rt, err)
	defer c.Close()
	dir, err := os.MkdirTemp(m.base, "to-")
	must(rt, err)
	defer os.RemoveAll(dir)
	targets := []restore.Target{{Volume: "data", Path: dir}}
	_, err = restore.Run(context.Background(), c, targets, restore.Options{Workers: 1})
	must(rt, err)
	if got := list(m.t, dir); !maps.Equal(got, s.want) {
		rt.Fatalf("snapshot %s of %s restores to\n%v\nwant\n%v", s.id.Short(), app, got, s.want)
	}
}

// check compares the store with the model.
func (m *model) check(rt *rapid.T) {
	r, err := m.s.Check(context.Background(), store.CheckOptions{ReadData: true})
	must(rt, err)
	for _, p := range r.Problems {
		rt.Error(p)
	}
	for app, shots := range m.apps {
		got, err := m.s.Snapshots(app)
		must(rt, err)
		var want []store.ID
		for _, s := range shots {
			want = append(want, s.id)
		}
		if !slices.Equal(got, want) {
			rt.Fatalf("%s has %v, want %v", app, got, want)
		}
	}
}

// setFlags sets flags of the command line, and returns what sets them back.
func setFlags(t *testing.T, values map[string]string) (undo func()) {
	t.Helper()
	old := map[string]string{}
	for name, value := range values {
		old[name] = flag.Lookup(name).Value.String()
		check(t, flag.Set(name, value))
	}
	return func() {
		for name, value := range old {
			flag.Set(name, value)
		}
	}
}

func TestRandomHistoriesEndAsTheModel(t *testing.T) {
	checks, steps := "5", "12"
	if os.Getenv("WARMSTORE_FAULTS") == "full" {
		checks, steps = "300", "40"
	}
	defer setFlags(t, map[string]string{"rapid.checks": checks, "rapid.steps": steps, "rapid.nofailfile": "true",
		"rapid.shrinktime": "5s"})()
	old := unix.Umask(0o022)
	defer unix.Umask(old)
	rapid.Check(t, func(rt *rapid.T) {
		m := newModel(t, rt)
		defer os.RemoveAll(m.base)
		rt.Repeat(map[string]func(*rapid.T){
			"":         m.check,
			"snapshot": m.snapshot,
			"again":    m.snapshot,
			"forget":   m.forget,
			"gc":       m.gc,
			"litter":   m.litter,
			"crash":    m.crash,
			"repair":   m.repair,
			"restore":  m.restore,
		})
		for app, shots := range m.apps {
			for _, s := range shots {
				m.wantShot(rt, app, s)
			}
		}
	})
}
