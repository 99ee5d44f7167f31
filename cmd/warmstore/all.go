package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/internal/config"
	"github.com/warmstore/warmstore/internal/metrics"
	"github.com/warmstore/warmstore/internal/source"
	"github.com/warmstore/warmstore/store"
)

// defaultConfig is the configuration of a host.
const defaultConfig = "/etc/warmstore.yaml"

// An outcome is how the snapshot of one of several apps went.
type outcome struct {
	result *store.Result // nil if there is none
	err    error
	run    metrics.Run
}

// snapshotAll takes a snapshot of every app of the configuration.
func snapshotAll(c *cli.Context) error {
	var runs []metrics.Run
	all := metrics.Run{Operation: "snapshot-all"}
	err := measure(&all, func() (err error) {
		runs, err = snapshotEach(c)
		return err
	})
	if c.Bool("dry-run") {
		return err
	}
	writeMetrics(c, append(runs, all)...)
	return err
}

// snapshotEach takes the snapshots one after the other. What one app fails of
// does not stop the others.
func snapshotEach(c *cli.Context) (runs []metrics.Run, err error) {
	apps, err := configured(c)
	if err != nil {
		return nil, err
	}
	s, done, err := storeFor(c)
	defer done()
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	var outcomes []outcome
	for _, app := range apps {
		if err := c.Context.Err(); err != nil {
			return runs, err
		}
		o := snapshotOne(c, s, app)
		outcomes, runs = append(outcomes, o), append(runs, o.run)
	}
	if err := printOutcomes(c, outcomes, time.Since(begun)); err != nil {
		return runs, err
	}
	collect(c, s)
	return runs, worst(outcomes)
}

// configured returns the apps that the command line means.
func configured(c *cli.Context) ([]config.App, error) {
	if c.Args().Present() || !spec(c).IsZero() {
		return nil, fmt.Errorf("%w: --all takes the apps and their sources from the configuration", errUsage)
	}
	for _, name := range []string{"keep", "version", "commit", "label", "exclude"} {
		if c.IsSet(name) {
			return nil, fmt.Errorf("%w: with --all, %s is a key of the configuration", errUsage, name)
		}
	}
	cfg, err := config.Read(cmp.Or(c.String("config"), os.Getenv("WARMSTORE_CONFIG"), defaultConfig))
	if err != nil {
		return nil, err
	}
	if !c.IsSet("schedule") {
		return cfg.Apps, nil
	}
	apps := cfg.Scheduled(c.String("schedule"))
	if len(apps) == 0 {
		return nil, fmt.Errorf("%w: no app has the schedule %q", errUsage, c.String("schedule"))
	}
	return apps, nil
}

// snapshotOne takes a snapshot of one app. Its error is told at once.
func snapshotOne(c *cli.Context, s *store.Store, app config.App) outcome {
	o := outcome{run: metrics.Run{Operation: c.Command.Name, App: app.Name, Bytes: map[string]int64{}}}
	o.err = measure(&o.run, func() (err error) {
		o.result, err = snapshotConfigured(c, s, app, &o.run)
		return err
	})
	if o.err != nil {
		complain(c.App.ErrWriter, fmt.Errorf("%s: %w", app.Name, o.err))
	} else {
		warn(c, o.result.Warnings)
	}
	return o
}

func snapshotConfigured(c *cli.Context, s *store.Store, app config.App, run *metrics.Run) (*store.Result, error) {
	src, err := unusedSource(c, app.Name, app.Source)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	return take(c, s, app.Name, src, store.SnapshotOptions{
		Domain: app.Source.Domain, Version: app.Version, Commit: app.Commit, Labels: app.Labels,
		Keep: app.Keep, DryRun: c.Bool("dry-run"), Rehash: c.Bool("rehash"),
		Exclude: app.Exclude, IgnoreSpace: c.Bool("ignore-space"),
	}, run)
}

// severity lists the exit codes of failures, the worst first: what may have
// cost data, what stops the other apps too, what needs a person, what passes.
func severity() []int {
	return []int{exitCorrupt, exitFull, exitUnfinished, exitFailure, exitUsage, exitNotFound, exitLocked, exitInUse}
}

// A batchError says that some of several apps have no new snapshot. It is, for
// the exit code, the worst of their errors.
type batchError struct {
	failed, all int
	worst       error
}

func (e *batchError) Error() string {
	return fmt.Sprintf("%d of %s have no new snapshot", e.failed, plural(int64(e.all), "app"))
}

func (e *batchError) Unwrap() error { return e.worst }

// worst returns the error of all outcomes, nil if each is a snapshot.
func worst(outcomes []outcome) error {
	e := &batchError{all: len(outcomes)}
	rank := func(err error) int { return slices.Index(severity(), exitCode(err)) }
	for _, o := range outcomes {
		if o.err == nil {
			continue
		}
		e.failed++
		if e.worst == nil || rank(o.err) < rank(e.worst) {
			e.worst = o.err
		}
	}
	if e.failed == 0 {
		return nil
	}
	return e
}

// The results of an outcome, as --json prints them.
const (
	resultDone     = "done"
	resultDeployed = "deployed" // or its volumes are in use
	resultFailed   = "failed"
)

// status returns the result in a word.
func (o *outcome) status() string {
	switch {
	case o.err == nil:
		return resultDone
	case errors.Is(o.err, source.ErrInUse):
		return resultDeployed
	}
	return resultFailed
}

// allJSON is what snapshot --all --json prints.
type allJSON struct {
	Apps       []outcomeJSON `json:"apps"`
	Done       int           `json:"done"`
	Deployed   int           `json:"deployed"`
	Failed     int           `json:"failed"`
	DurationMS int64         `json:"duration_ms"`
}

type outcomeJSON struct {
	App      string        `json:"app"`
	Result   string        `json:"result"`
	ExitCode int           `json:"exit_code"` // of a snapshot of this app alone
	Error    string        `json:"error,omitempty"`
	Snapshot *snapshotJSON `json:"snapshot,omitempty"`
}

func printOutcomes(c *cli.Context, outcomes []outcome, elapsed time.Duration) error {
	if c.Bool("json") {
		return printJSON(c, newAllJSON(outcomes, elapsed))
	}
	if !c.Bool("quiet") {
		printSummary(c, outcomes, elapsed)
	}
	return nil
}

func newAllJSON(outcomes []outcome, elapsed time.Duration) allJSON {
	out := allJSON{Apps: []outcomeJSON{}, DurationMS: elapsed.Milliseconds()}
	for _, o := range outcomes {
		j := outcomeJSON{App: o.run.App, Result: o.status(), ExitCode: o.run.ExitCode}
		switch j.Result {
		case resultDone:
			snapshot := newSnapshotJSON(o.result)
			j.Snapshot = &snapshot
			out.Done++
		case resultDeployed:
			out.Deployed++
		default:
			out.Failed++
		}
		if o.err != nil {
			j.Error = o.err.Error()
		}
		out.Apps = append(out.Apps, j)
	}
	return out
}

func printSummary(c *cli.Context, outcomes []outcome, elapsed time.Duration) {
	t := newTable("APP", "RESULT", "FILES", "SIZE", "READ", "STORED", "TIME", "SNAPSHOT")
	var read, stored int64
	for _, o := range outcomes {
		if o.err != nil {
			t.addBad(o.run.App, o.status(), "-", "-", "-", "-", seconds(o.run.Elapsed), "-")
			continue
		}
		r := o.result
		read, stored = read+r.Stats.BytesRead, stored+r.Stats.BytesStored
		t.add(o.run.App, o.status(), fmt.Sprint(r.Record.Files()), size(r.Record.Bytes()),
			size(r.Stats.BytesRead), size(r.Stats.BytesStored), seconds(o.run.Elapsed), shortID(r.ID))
	}
	t.print(c)
	printf(c, "%s: read %s, stored %s in %s\n",
		plural(int64(len(outcomes)), "app"), size(read), size(stored), seconds(elapsed))
}
