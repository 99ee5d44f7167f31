package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/internal/metrics"
	"github.com/warmstore/warmstore/internal/source"
	"github.com/warmstore/warmstore/store"
)

func snapshotCommand() *cli.Command {
	return &cli.Command{
		Name:      "snapshot",
		Usage:     "take a snapshot of an undeployed app's volumes and make it the last-good",
		ArgsUsage: "APP SOURCE | --all",
		Description: "All volumes or none: the last-good of an app is always complete.\n" +
			"--exclude takes paths from the root of each volume; ** is any number of directories. What is\n" +
			"left out of a snapshot is left alone by restores of it.\n\n" + examples(
			"warmstore snapshot keycloak --domain sso.example.com --version 26.1.0",
			"warmstore snapshot notes --dir data=/srv/notes --keep 3",
			"warmstore snapshot --all --metrics /var/lib/prometheus/node-exporter/warmstore.prom",
		),
		Flags: append(sourceFlags(),
			&cli.StringFlag{Name: "version", Usage: "record that the app has version `V`"},
			&cli.StringFlag{Name: "commit", Usage: "record that the app is at commit `C`"},
			&cli.StringSliceFlag{Name: "label", Usage: "record `K=V` (repeatable)"},
			&cli.StringSliceFlag{Name: "exclude", Usage: "leave out what matches `PATTERN` (repeatable)"},
			keepFlag(),
			noGCFlag(),
			metricsFlag(),
			&cli.BoolFlag{Name: "rehash", Usage: "read also files that look unchanged"},
			&cli.BoolFlag{Name: "ignore-space", Usage: "begin even if there seems to be far too little space"},
			&cli.BoolFlag{Name: "all", Usage: "take one of every app of the configuration"},
			&cli.StringFlag{
				Name: "config", DefaultText: "$WARMSTORE_CONFIG or " + defaultConfig,
				Usage: "with --all, read the apps from `FILE`",
			},
			&cli.StringFlag{Name: "schedule", Usage: "with --all, take only the apps whose schedule is `WORD`"},
			&cli.BoolFlag{Name: "dry-run", Usage: "read and weigh everything, but store nothing"},
		),
		OnUsageError: usageError,
		Action: func(c *cli.Context) error {
			if c.Bool("all") {
				return snapshotAll(c)
			}
			return measured(snapshot)(c)
		},
	}
}

func snapshot(c *cli.Context, run *metrics.Run) error {
	if c.IsSet("config") || c.IsSet("schedule") {
		return fmt.Errorf("%w: --config and --schedule go with --all", errUsage)
	}
	app, err := appArgument(c)
	if err != nil {
		return err
	}
	opts, err := snapshotOptions(c)
	if err != nil {
		return err
	}
	src, err := unusedSource(c, app, spec(c))
	if err != nil {
		return err
	}
	defer src.Close()
	s, done, err := storeFor(c)
	defer done()
	if err != nil {
		return err
	}
	result, err := take(c, s, app, src, opts, run)
	if err != nil {
		return err
	}
	if err := printSnapshot(c, result); err != nil {
		return err
	}
	collect(c, s)
	return nil
}

// unusedSource finds the volumes of the app, and refuses if anything uses them.
func unusedSource(c *cli.Context, app string, spec source.Spec) (*source.Source, error) {
	src, err := source.Open(c.Context, spec, false)
	if err != nil {
		return nil, err
	}
	warn(c, src.Warnings)
	if err := src.Unused(c.Context, app); err != nil {
		src.Close()
		return nil, err
	}
	return src, nil
}

// take takes a snapshot of the volumes.
func take(c *cli.Context, s *store.Store, app string, src *source.Source, opts store.SnapshotOptions,
	run *metrics.Run,
) (*store.Result, error) {
	bar := newProgress(c, previousBytes(s, app))
	defer bar.finish()
	opts.Source, opts.Progress = src.Origin, bar.add
	opts.Recheck = func(ctx context.Context) error { return src.Unused(ctx, app) }
	result, err := s.Snapshot(c.Context, app, src.Volumes, opts)
	if err == nil {
		run.Bytes["read"], run.Bytes["stored"] = result.Stats.BytesRead, result.Stats.BytesStored
	}
	return result, err
}

func snapshotOptions(c *cli.Context) (opts store.SnapshotOptions, err error) {
	keep, err := keep(c)
	if err != nil {
		return opts, err
	}
	opts = store.SnapshotOptions{
		Domain: c.String("domain"), Version: c.String("version"), Commit: c.String("commit"),
		Keep: keep, DryRun: c.Bool("dry-run"), Rehash: c.Bool("rehash"),
		Exclude: c.StringSlice("exclude"), IgnoreSpace: c.Bool("ignore-space"),
	}
	opts.Labels, err = labels(c)
	return opts, err
}

// previousBytes guesses how much there is to read, for the time left.
func previousBytes(s *store.Store, app string) int64 {
	if _, record, err := s.LastGood(app); err == nil {
		return record.Bytes()
	}
	return 0
}

// snapshotJSON is what snapshot --json prints.
type snapshotJSON struct {
	App          string       `json:"app"`
	Snapshot     *store.ID    `json:"snapshot"` // null after a dry run
	Time         string       `json:"ts"`
	DryRun       bool         `json:"dry_run"`
	Volumes      []volumeJSON `json:"volumes"`
	BytesLogical int64        `json:"bytes_logical"`
	BytesRead    int64        `json:"bytes_read"`
	BytesNew     int64        `json:"bytes_new"`
	BytesStored  int64        `json:"bytes_stored"`
	ChunksNew    int64        `json:"chunks_new"`
	ChunksReused int64        `json:"chunks_reused"`
	ChunksDelta  int64        `json:"chunks_delta"`
	DurationMS   int64        `json:"duration_ms"`
	Warnings     []string     `json:"warnings,omitempty"`
}

type volumeJSON struct {
	Name  string `json:"name"`
	Files int64  `json:"files"`
	Bytes int64  `json:"bytes"`
}

func printSnapshot(c *cli.Context, r *store.Result) error {
	warn(c, r.Warnings)
	if c.Bool("json") {
		return printJSON(c, newSnapshotJSON(r))
	}
	done := "snapshot " + r.ID.Short()
	if r.ID.IsZero() {
		done = "dry run, nothing stored"
	}
	printf(c, "%s: %s: %s, %s, %s; read %s, stored %s in %s\n", r.Record.App, done,
		plural(int64(len(r.Record.Volumes)), "volume"), plural(r.Record.Files(), "file"),
		size(r.Record.Bytes()), size(r.Stats.BytesRead), size(r.Stats.BytesStored), seconds(r.Elapsed))
	return nil
}

func newSnapshotJSON(r *store.Result) snapshotJSON {
	out := snapshotJSON{
		App: r.Record.App, Snapshot: &r.ID, DryRun: r.ID.IsZero(), Time: stamp(r.Record.Time),
		Volumes:      newVolumesJSON(r.Record),
		BytesLogical: r.Record.Bytes(), BytesRead: r.Stats.BytesRead,
		BytesNew: r.Stats.BytesNew, BytesStored: r.Stats.BytesStored,
		ChunksNew: r.Stats.ChunksNew, ChunksReused: r.Stats.ChunksReused, ChunksDelta: r.Stats.ChunksDelta,
		DurationMS: r.Elapsed.Milliseconds(), Warnings: r.Warnings,
	}
	if out.DryRun {
		out.Snapshot = nil
	}
	return out
}

func newVolumesJSON(r *store.Record) (volumes []volumeJSON) {
	for _, v := range r.Volumes {
		volumes = append(volumes, volumeJSON{Name: v.Name, Files: v.Files, Bytes: v.Bytes})
	}
	return volumes
}
