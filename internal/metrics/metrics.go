// Package metrics tells Prometheus about a store, in the text format that the
// node exporter's textfile collector reads.
//
// What a page says of the store and its apps is read from the store each time.
// How operations went is known only to the commands that ran, so each adds its
// own to the page that is there and leaves the others. Nothing else is kept
// across runs.
package metrics

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/store"
)

// patience is how long Update waits for another one: longer than that takes.
const patience = 10 * time.Second

// A Run is how one operation on an app, or on the whole store, went.
type Run struct {
	Operation string
	App       string // empty: the whole store
	Ended     time.Time
	Elapsed   time.Duration
	ExitCode  int
	// Bytes says how much was read, stored, written or freed.
	Bytes map[string]int64
}

// A State is what there is to say of a store.
type State struct {
	Version    string // of warmstore
	Readable   bool   // the store; if not, nothing below is known
	Apps       []store.App
	Unfinished []string // apps whose restore is
	Capacity   store.Capacity
}

// Read tells the state of the store. With an error it is not Readable.
func Read(s *store.Store) (state State, err error) {
	if state.Apps, err = s.Apps(); err != nil {
		return State{}, err
	}
	if state.Capacity, err = s.Capacity(); err != nil {
		return State{}, err
	}
	for _, app := range state.Apps {
		// A mark that cannot be read is one: it holds up snapshots as well.
		if mark, err := s.Unfinished(app.Name); mark != nil || err != nil {
			state.Unfinished = append(state.Unfinished, app.Name)
		}
	}
	state.Readable = true
	return state, nil
}

// Write writes the page of a store to w, without any runs.
func Write(w io.Writer, state State) error {
	g := newGauges()
	g.setState(state)
	return g.write(w)
}

// Update makes the file at path, which is trusted, the page of a store, with
// these runs and those that the file had: but for runs of apps that the store no
// longer has. A file that is no such page is replaced, and the error says so.
func Update(ctx context.Context, path string, state State, runs []Run) error {
	lock, err := fsx.LockFile(ctx, path+".lock", fsx.Exclusive, patience)
	if err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	defer lock.Unlock()
	g := newGauges()
	unreadable := g.keepFile(path, state)
	if unreadable != nil {
		g = newGauges()
	}
	g.setState(state)
	for _, run := range runs {
		g.setRun(run)
	}
	var page bytes.Buffer
	if err := g.write(&page); err != nil {
		return err
	}
	if err := fsx.WriteFile(filepath.Dir(path), path, page.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return unreadable
}

// keepFile keeps the runs that the file at path has, if there is one.
func (g *gauges) keepFile(path string, state State) error {
	old, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer old.Close()
	return g.keep(old, func(app string) bool {
		return !state.Readable || slices.ContainsFunc(state.Apps, func(a store.App) bool { return a.Name == app })
	})
}

func (g *gauges) setState(state State) {
	g.set(versionInfo, 1, state.Version)
	g.setBool(storeReadable, state.Readable)
	if !state.Readable {
		return
	}
	g.set(storeBytes, float64(state.Capacity.Stored))
	g.set(storeFree, float64(state.Capacity.Free))
	if live := state.Capacity.Live; live > 0 {
		g.set(storeGarbage, float64(max(0, state.Capacity.Stored-live)))
	}
	for _, app := range state.Apps {
		g.setApp(app, slices.Contains(state.Unfinished, app.Name))
	}
}

func (g *gauges) setApp(app store.App, unfinished bool) {
	g.set(appSnapshots, float64(len(app.Snapshots)), app.Name)
	g.setBool(appUnfinished, unfinished, app.Name)
	g.setBool(appReadable, app.LastGood != nil, app.Name)
	if r := app.LastGood; r != nil {
		g.set(appTime, float64(r.Time.Unix()), app.Name)
		g.set(appBytes, float64(r.Bytes()), app.Name)
		g.set(appFiles, float64(r.Files()), app.Name)
	}
}

// setRun replaces what is known of the operation. When it last succeeded stays
// known if it fails.
func (g *gauges) setRun(run Run) {
	ended := float64(run.Ended.Unix())
	g.set(runTime, ended, run.Operation, run.App)
	g.set(runDuration, run.Elapsed.Seconds(), run.Operation, run.App)
	g.set(runExitCode, float64(run.ExitCode), run.Operation, run.App)
	if run.ExitCode == 0 {
		g.set(runDoneTime, ended, run.Operation, run.App)
	}
	g.byName[runBytes].DeletePartialMatch(map[string]string{labelOperation: run.Operation, labelApp: run.App})
	for kind, bytes := range run.Bytes {
		g.set(runBytes, float64(bytes), run.Operation, run.App, kind)
	}
}
