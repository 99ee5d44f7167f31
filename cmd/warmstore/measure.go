package main

import (
	"context"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/internal/metrics"
	"github.com/warmstore/warmstore/store"
)

func metricsFlag() cli.Flag {
	return &cli.StringFlag{Name: "metrics", Usage: "write Prometheus metrics to `FILE`, for a textfile collector"}
}

// A verb does what a command line asks for. It adds to run how many bytes that
// took.
type verb func(c *cli.Context, run *metrics.Run) error

// measured returns the action that runs do and, with --metrics, writes down how
// it went. A dry run is none.
func measured(do verb) cli.ActionFunc {
	return func(c *cli.Context) error {
		run := metrics.Run{Operation: c.Command.Name, App: c.Args().First(), Bytes: map[string]int64{}}
		err := measure(&run, func() error { return do(c, &run) })
		runs := []metrics.Run{run}
		if c.Bool("dry-run") || run.App != "" && store.CheckName(run.App) != nil {
			runs = nil
		}
		writeMetrics(c, runs...)
		return err
	}
}

// measure calls do and completes run with how it went.
func measure(run *metrics.Run, do func() error) error {
	begun := time.Now()
	err := do()
	run.Ended, run.ExitCode = time.Now(), exitCode(err)
	run.Elapsed = run.Ended.Sub(begun)
	return err
}

// writeMetrics brings the file of --metrics up to date, also when the command was
// interrupted. It has done its work by now, so a failure is a warning.
func writeMetrics(c *cli.Context, runs ...metrics.Run) {
	path := c.String("metrics")
	if path == "" {
		return
	}
	if err := metrics.Update(context.WithoutCancel(c.Context), path, storeState(c), runs); err != nil {
		warn(c, []string{err.Error()})
	}
}

// storeState tells the state of the store; if it has none, that.
func storeState(c *cli.Context) (state metrics.State) {
	if s, err := openStore(c); err == nil {
		state, _ = metrics.Read(s) // an error is told by the state, and by the command
	}
	state.Version = c.App.Version
	return state
}
