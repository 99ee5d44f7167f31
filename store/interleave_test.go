package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/warmstore/warmstore/restore"
)

// Watch has f called at each point that the Store comes to.
func (s *Store) Watch(f func(at string)) { s.watch = func(p point) { f(string(p)) } }

// A task is one of several operations that run as a schedule has it: from one
// point to the next, and all the others stand still.
type task struct {
	name string
	do   func(context.Context, *Store) error

	gate    chan struct{}
	waiting atomic.Bool // at the gate
	at      string      // the point there
	done    atomic.Bool
	err     error
}

// A schedule decides who goes on. options counts the tasks that can, the one
// that went last being number 0 if it is among them, which stays says.
type schedule func(options int, stays bool) int

// interleave runs the tasks on the store in root and returns the order in which
// they came to their points. Time is synctest's: a task that polls for a lock
// waits for the others, and hours take no time.
func interleave(t *testing.T, root string, choose schedule, tasks ...*task) (trace []string) {
	synctest.Test(t, func(t *testing.T) {
		for _, k := range tasks {
			k.start(t, root)
		}
		synctest.Wait()
		var last *task
		for {
			ready := slices.DeleteFunc(slices.Clone(tasks), func(k *task) bool { return !k.waiting.Load() })
			polling := slices.ContainsFunc(tasks, func(k *task) bool { return !k.waiting.Load() && !k.done.Load() })
			if len(ready) == 0 && !polling {
				return
			}
			if len(ready) == 0 {
				time.Sleep(50 * time.Millisecond)
				synctest.Wait()
				continue
			}
			stays := slices.Contains(ready, last)
			if stays {
				ready = slices.Insert(slices.DeleteFunc(ready, func(k *task) bool { return k == last }), 0, last)
			}
			last = ready[choose(len(ready), stays)]
			trace = append(trace, last.name+" from "+last.at)
			last.waiting.Store(false)
			last.gate <- struct{}{}
			synctest.Wait()
			if polling {
				time.Sleep(50 * time.Millisecond)
				synctest.Wait()
			}
		}
	})
	return trace
}

// start brings a task to its gate.
func (k *task) start(t *testing.T, root string) {
	s, err := Open(root, Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	k.gate = make(chan struct{})
	stop := func(p point) {
		k.at = string(p)
		k.waiting.Store(true)
		<-k.gate
	}
	s.watch = stop
	go func() {
		stop("its start")
		k.err = k.do(t.Context(), s)
		k.done.Store(true)
	}()
}

// explore runs f under every schedule that takes the turn from a task that can
// go on at most bound times, or under limit of them, and returns their number.
func explore(bound, limit int, f func(schedule) (failed bool)) (runs int) {
	type decision struct {
		picked, options int
		stays           bool
	}
	var path []decision
	for runs < limit {
		step := 0
		failed := f(func(options int, stays bool) int {
			if step == len(path) {
				path = append(path, decision{0, options, stays})
			}
			step++
			return path[step-1].picked
		})
		if runs++; failed {
			return runs
		}
		path = path[:step]
		next := -1
		taken := 0
		for i, d := range path {
			if d.picked+1 < d.options && (!d.stays || taken < bound || d.picked > 0) {
				next = i
			}
			if d.stays && d.picked > 0 {
				taken++
			}
		}
		if next < 0 {
			return runs
		}
		path = path[:next+1]
		path[next].picked++
	}
	return runs
}

// A scene is a store to interleave operations on, made anew for each schedule.
// Each snapshot says in a label what it must restore to.
type scene struct {
	t              *testing.T
	template, root string
	volumes        map[string]string // by the names of the files in them
}

// newScene makes a store where app a has a snapshot of files x and y, and where
// the garbage g of an app that was forgotten is in one pack with y and with
// nothing in another.
func newScene(t *testing.T) *scene {
	sc := &scene{t: t, template: memory(t), root: memory(t), volumes: map[string]string{}}
	s, err := Create(sc.template, Options{})
	must(t, err)
	must(t, sc.snapshot("old", "gy", 1)(t.Context(), s))
	must(t, sc.snapshot("a", "xy", 2)(t.Context(), s))
	must(t, sc.snapshot("older", "h", 1)(t.Context(), s))
	for _, app := range []string{"old", "older"} {
		_, err = s.Forget(t.Context(), app, ID{})
		must(t, err)
	}
	return sc
}

// memory returns a directory that is fast.
func memory(t testing.TB) string {
	dir, err := os.MkdirTemp("/dev/shm", "warmstore-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// volume returns a directory with a file of each name, whose content follows
// from that.
func (sc *scene) volume(files string) string {
	if sc.volumes[files] == "" {
		sc.volumes[files] = memory(sc.t)
		for _, name := range files {
			must(sc.t, os.WriteFile(filepath.Join(sc.volumes[files], string(name)), contentOf(name), 0o644))
		}
	}
	return sc.volumes[files]
}

func contentOf(name rune) []byte {
	b := make([]byte, 3000)
	rand.NewChaCha8([32]byte{byte(name)}).Read(b)
	return b
}

// snapshot is a task's work: to store these files as the app's newest snapshot.
func (sc *scene) snapshot(app, files string, keep int) func(context.Context, *Store) error {
	dir := sc.volume(files)
	return func(ctx context.Context, s *Store) error {
		_, err := s.Snapshot(ctx, app, []Volume{{Name: "data", Path: dir}},
			SnapshotOptions{Keep: keep, Labels: map[string]string{"files": files}})
		return err
	}
}

func forget(app string) func(context.Context, *Store) error {
	return func(ctx context.Context, s *Store) error {
		_, err := s.Forget(ctx, app, ID{})
		return err
	}
}

func collect(opts GCOptions) func(context.Context, *Store) error {
	return func(ctx context.Context, s *Store) error {
		_, err := s.Collect(ctx, opts)
		return err
	}
}

// reset makes the store in root what it was at the beginning.
func (sc *scene) reset() {
	if _, err := os.Stat(filepath.Join(sc.root, Dir)); err != nil {
		_, err := Create(sc.root, Options{})
		must(sc.t, err)
	}
	for _, root := range []string{sc.root, sc.template} {
		must(sc.t, filepath.WalkDir(filepath.Join(root, Dir), func(path string, d fs.DirEntry, err error) error {
			switch {
			case d.Name() == "witness":
				return fs.SkipDir
			case err != nil || d.IsDir() || d.Name() == "reserve":
				return err
			}
			if root == sc.root {
				return os.Remove(path)
			}
			b, err := os.ReadFile(path)
			must(sc.t, err)
			return os.WriteFile(filepath.Join(sc.root, strings.TrimPrefix(path, root)), b, 0o600)
		}))
	}
}

// problems returns those of the store in root.
func (sc *scene) problems(root string) (lines []string) {
	s, err := Open(root, Options{Workers: 1})
	must(sc.t, err)
	report, err := s.Check(context.Background(), CheckOptions{ReadData: true})
	if err != nil {
		return []string{err.Error()}
	}
	for _, p := range report.Problems {
		lines = append(lines, p.String())
	}
	return lines
}

// collect has all garbage of the store in root collected.
func (sc *scene) collect(root string) error {
	s, err := Open(root, Options{Workers: 1})
	must(sc.t, err)
	return collect(GCOptions{MinGarbage: 1})(context.Background(), s)
}

// judge returns what is wrong with the snapshots in root: those that do not
// restore to what their label says, and the last-goods of apps that are none of
// those wanted, with | between them.
func (sc *scene) judge(root string, want map[string]string) (wrong []string) {
	s, err := Open(root, Options{Workers: 1})
	must(sc.t, err)
	apps, err := s.Apps()
	must(sc.t, err)
	got := map[string]string{}
	for _, app := range apps {
		for _, id := range app.Snapshots {
			if err := sc.restores(s, app.Name, id); err != nil {
				wrong = append(wrong, fmt.Sprintf("%s does not restore: %v", app.Name, err))
			}
		}
		if app.LastGood != nil {
			got[app.Name] = app.LastGood.Labels["files"]
		}
	}
	for app, files := range want {
		if !slices.Contains(strings.Split(files, "|"), got[app]) {
			wrong = append(wrong, fmt.Sprintf("%s has %q, want %q", app, got[app], files))
		}
	}
	return wrong
}

// restores compares a snapshot with the files that its label names.
func (sc *scene) restores(s *Store, app string, id ID) error {
	c, err := s.Checkout(context.Background(), app, id, false)
	if err != nil {
		return err
	}
	defer c.Close()
	dir, err := os.MkdirTemp(sc.template, "to-")
	must(sc.t, err)
	defer os.RemoveAll(dir)
	targets := []restore.Target{{Volume: "data", Path: dir}}
	if _, err := restore.Run(context.Background(), c, targets, restore.Options{Workers: 1}); err != nil {
		return err
	}
	for _, name := range c.Record.Labels["files"] {
		b, err := os.ReadFile(filepath.Join(dir, string(name)))
		if err != nil || !bytes.Equal(b, contentOf(name)) {
			return fmt.Errorf("file %c has other bytes: %w", name, err)
		}
	}
	return nil
}

// allowed reports whether a task may end so: well, or because another one has
// the app, or forgot it before. A gc may give up before it changes anything.
func (k *task) allowed() bool {
	switch {
	case k.err == nil || errors.Is(k.err, ErrLocked):
		return true
	case k.name == "gc":
		return strings.Contains(k.err.Error(), "nothing was changed")
	}
	return k.name == "forget" && errors.Is(k.err, ErrNotFound)
}

// play runs the tasks under one schedule, and fails with the trace if anything
// is wrong then, or after one more gc. want has the files that an app whose
// snapshot succeeds must have then.
func (sc *scene) play(choose schedule, want map[string]string, tasks ...*task) (failed bool) {
	sc.t.Helper()
	sc.reset()
	trace := interleave(sc.t, sc.root, choose, tasks...)
	var wrong []string
	acknowledged := maps.Clone(want)
	for _, k := range tasks {
		if !k.allowed() {
			wrong = append(wrong, fmt.Sprintf("%s fails: %v", k.name, k.err))
		}
		if k.err != nil {
			delete(acknowledged, k.name)
		}
	}
	wrong = append(wrong, sc.problems(sc.root)...)
	if err := sc.collect(sc.root); err != nil {
		wrong = append(wrong, fmt.Sprintf("a gc afterwards fails: %v", err))
	}
	wrong = append(wrong, sc.judge(sc.root, acknowledged)...)
	if len(wrong) > 0 {
		sc.t.Errorf("%s\nafter\n\t%s", strings.Join(wrong, "\n"), strings.Join(trace, "\n\t"))
	}
	return len(wrong) > 0
}

// everything reports whether all that can be tried is to be tried, and figures
// printed.
func everything() bool { return os.Getenv("WARMSTORE_FAULTS") == "full" }

// The scenes that are played in every order. Tasks but gc and forget have the
// name of the app that they take a snapshot of.
var plays = []struct {
	name  string
	want  map[string]string
	tasks func(sc *scene) []*task
}{
	{"a new app needs what is forgotten, and garbage", map[string]string{"b": "ghxy"}, func(sc *scene) []*task {
		return []*task{
			{name: "gc", do: collect(GCOptions{MinGarbage: 1})},
			{name: "b", do: sc.snapshot("b", "ghxy", 1)},
			{name: "forget", do: forget("a")},
		}
	}},
	{"the same app is taken and forgotten", map[string]string{"a": "gz|"}, func(sc *scene) []*task {
		return []*task{
			{name: "a", do: sc.snapshot("a", "gz", 1)},
			{name: "gc", do: collect(GCOptions{MinGarbage: 1})},
			{name: "forget", do: forget("a")},
		}
	}},
	{"two apps store the same", map[string]string{"b": "gmn", "c": "gmx"}, func(sc *scene) []*task {
		return []*task{
			{name: "b", do: sc.snapshot("b", "gmn", 1)},
			{name: "c", do: sc.snapshot("c", "gmx", 1)},
			{name: "gc", do: collect(GCOptions{MinGarbage: 1})},
		}
	}},
	{"gc by itself", map[string]string{"a": "gz", "b": "hx"}, func(sc *scene) []*task {
		return []*task{
			{name: "gc", do: collect(GCOptions{MinGarbage: 1, IfDue: true})},
			{name: "a", do: sc.snapshot("a", "gz", 1)},
			{name: "b", do: sc.snapshot("b", "hx", 1)},
		}
	}},
}

func TestNoInterleavingOfGCSnapshotAndForgetLosesAnything(t *testing.T) {
	bound, limit := 1, 8
	if everything() {
		bound, limit = 3, 4000
	}
	for _, p := range plays {
		t.Run(p.name, func(t *testing.T) {
			sc := newScene(t)
			play := func(choose schedule) bool { return sc.play(choose, p.want, p.tasks(sc)...) }
			runs := explore(bound, limit, play)
			rng := rand.New(rand.NewPCG(1, 1))
			for n := 0; n < limit/2 && !t.Failed(); n, runs = n+1, runs+1 {
				play(func(options int, _ bool) int { return rng.IntN(options) })
			}
			t.Logf("%d interleavings, with at most %d changes of turn or at random", runs, bound)
		})
	}
}

// once returns what a Store is watched with so that f runs at the first time it
// comes to a point.
func once(at point, f func()) func(point) {
	return func(p point) {
		if p == at {
			at = ""
			f()
		}
	}
}

// TestSnapshotWhileGCRunsKeepsWhatItReuses is how Proxmox Backup Server lost
// chunks (PSA-2025-00019-1): gc lists the snapshots; a new one reuses the chunks
// of an old one; that is pruned before gc has read it; and what both needed is
// swept.
func TestSnapshotWhileGCRunsKeepsWhatItReuses(t *testing.T) {
	for _, at := range []point{gcListed, gcPlanned, gcCopied} {
		t.Run(string(at), func(t *testing.T) {
			sc := newScene(t)
			sc.reset()
			s, err := Open(sc.root, Options{Workers: 1})
			must(t, err)
			others, err := Open(sc.root, Options{Workers: 1})
			must(t, err)
			came := false
			s.watch = once(at, func() {
				came = true
				must(t, sc.snapshot("b", "ghxy", 1)(t.Context(), others))
				must(t, forget("a")(t.Context(), others))
			})
			k := task{name: "gc", err: collect(GCOptions{MinGarbage: 1})(t.Context(), s)}
			if !came || !k.allowed() {
				t.Errorf("gc came there: %t, and returns %v", came, k.err)
			}
			want := map[string]string{"b": "ghxy"}
			for _, line := range slices.Concat(sc.problems(sc.root), sc.judge(sc.root, want)) {
				t.Error(line)
			}
		})
	}
}

// TestSnapshotAfterInterruptedGCStoresWhatIsGone is how Borg lost chunks
// (#9748): an interrupted compact left an index that still had what was deleted,
// and the next create referred to it.
func TestSnapshotAfterInterruptedGCStoresWhatIsGone(t *testing.T) {
	for _, at := range []point{gcPlanned, gcCopied, gcAlone, gcCommitted, gcListedGarbage} {
		for _, removed := range []int{0, 1} {
			t.Run(fmt.Sprint(at, " ", removed), func(t *testing.T) {
				sc := newScene(t)
				sc.reset()
				s, err := Open(sc.root, Options{Workers: 1})
				must(t, err)
				killed := &scene{t: t, template: sc.root, root: memory(t), volumes: sc.volumes}
				s.watch = once(at, killed.reset)
				must(t, collect(GCOptions{MinGarbage: 1})(t.Context(), s))
				after, err := Open(killed.root, Options{Workers: 1})
				must(t, err)
				listed, err := after.state()
				must(t, err)
				garbage, err := after.garbage(listed)
				must(t, err)
				for _, f := range garbage.packs[:min(removed, len(garbage.packs))] {
					must(t, os.Remove(f.path)) // it was killed a little later
				}
				must(t, sc.snapshot("b", "ghxy", 1)(t.Context(), after))
				want := map[string]string{"a": "xy", "b": "ghxy"}
				for _, line := range slices.Concat(killed.problems(killed.root), killed.judge(killed.root, want)) {
					t.Error(line)
				}
				must(t, killed.collect(killed.root))
				for _, line := range slices.Concat(killed.problems(killed.root), killed.judge(killed.root, want)) {
					t.Error("after one more gc: ", line)
				}
			})
		}
	}
}
