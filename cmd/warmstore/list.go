package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/store"
)

func listCommand() *cli.Command {
	return &cli.Command{
		Name:         "list",
		Usage:        "list every app with its last-good snapshot",
		Description:  examples("warmstore list", "warmstore list --json"),
		OnUsageError: usageError,
		Action:       list,
	}
}

// appJSON is one app of what list --json prints.
type appJSON struct {
	App       string     `json:"app"`
	Snapshot  store.ID   `json:"snapshot"`
	Snapshots []store.ID `json:"snapshots"`
	Version   string     `json:"version"`
	Time      string     `json:"ts,omitempty"`
	Volumes   int        `json:"volumes"`
	Files     int64      `json:"files"`
	Bytes     int64      `json:"bytes"`
	Error     string     `json:"error,omitempty"`
}

func list(c *cli.Context) error {
	if c.Args().Present() {
		return fmt.Errorf("%w: list takes no arguments", errUsage)
	}
	apps, err := storedApps(c)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		if err := printJSON(c, map[string]any{"apps": newAppsJSON(apps)}); err != nil {
			return err
		}
	} else if !c.Bool("quiet") {
		printApps(c, apps)
	}
	return damaged(apps)
}

// storedApps returns the apps of the store; a store that is not there has none.
func storedApps(c *cli.Context) ([]store.App, error) {
	s, err := openStore(c)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.Apps()
}

func newAppsJSON(apps []store.App) []appJSON {
	out := []appJSON{}
	for _, a := range apps {
		j := appJSON{App: a.Name, Snapshots: a.Snapshots, Snapshot: a.Snapshots[len(a.Snapshots)-1]}
		if r := a.LastGood; r != nil {
			j.Version, j.Time = r.Version, stamp(r.Time)
			j.Volumes, j.Files, j.Bytes = len(r.Volumes), r.Files(), r.Bytes()
		} else {
			j.Error = a.Err.Error()
		}
		out = append(out, j)
	}
	return out
}

func printApps(c *cli.Context, apps []store.App) {
	t := newTable("APP", "VERSION", "AGE", "VOLUMES", "FILES", "SIZE", "SNAPSHOT")
	for _, a := range apps {
		id := a.Snapshots[len(a.Snapshots)-1]
		if r := a.LastGood; r != nil {
			t.add(a.Name, orDash(r.Version), age(time.Since(r.Time)),
				fmt.Sprint(len(r.Volumes)), fmt.Sprint(r.Files()), size(r.Bytes()), id.Short())
		} else {
			t.addBad(a.Name, "-", "-", "-", "-", "-", fmt.Sprintf("%s (%v)", id.Short(), a.Err))
		}
	}
	t.print(c)
}

// damaged returns the errors of the records that cannot be read.
func damaged(apps []store.App) (err error) {
	for _, a := range apps {
		if a.Err != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", a.Name, a.Err))
		}
	}
	return err
}
