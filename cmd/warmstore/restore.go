package main

import (
	"context"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/internal/metrics"
	"github.com/warmstore/warmstore/internal/source"
	"github.com/warmstore/warmstore/restore"
	"github.com/warmstore/warmstore/store"
)

func restoreCommand() *cli.Command {
	return &cli.Command{
		Name:      "restore",
		Usage:     "make an undeployed app's volumes exactly what a snapshot has",
		ArgsUsage: "APP [SOURCE]",
		Description: "Without a SOURCE the volumes are looked for where the snapshot was taken.\n" +
			"A restore that was killed is finished by running it again.\n\n" + examples(
			"warmstore restore keycloak",
			"warmstore restore keycloak --dry-run",
			"warmstore restore keycloak --only sso_data --create",
			"warmstore restore keycloak --to /tmp/look",
		),
		Flags: append(sourceFlags(),
			snapshotFlag(),
			&cli.StringSliceFlag{Name: "only", Usage: "restore `VOLUME` and not the others (repeatable)"},
			&cli.StringFlag{Name: "to", Usage: "extract each volume into a new directory below `DIR` instead"},
			&cli.BoolFlag{Name: "create", Usage: "create volumes that are missing"},
			&cli.BoolFlag{Name: "xattr-as-stored", Usage: "set SELinux labels as the snapshot has them"},
			&cli.BoolFlag{Name: "dry-run", Usage: "verify all, say what would change, and change nothing"},
			allFlag(),
			metricsFlag(),
		),
		OnUsageError: usageError,
		Action:       measured(restoreApp),
	}
}

func restoreApp(c *cli.Context, counted *metrics.Run) error {
	if c.IsSet("to") && !spec(c).IsZero() {
		return fmt.Errorf("%w: --to and a SOURCE exclude each other", errUsage)
	}
	_, snap, err := checkoutApp(c, !c.IsSet("to"))
	if err != nil {
		return err
	}
	defer snap.Close()
	if c.IsSet("to") {
		return extract(c, counted, snap)
	}
	return rollBack(c, counted, snap)
}

// extract restores into new directories, which nobody else knows of.
func extract(c *cli.Context, counted *metrics.Run, snap *store.Checkout) error {
	targets, err := source.Below(c.String("to"), snap.Record, c.StringSlice("only"))
	if err != nil {
		return err
	}
	return runRestore(c, counted, snap, targets, restore.Options{Create: true, Empty: true})
}

// rollBack restores in place.
func rollBack(c *cli.Context, counted *metrics.Run, snap *store.Checkout) error {
	src, err := volumesOf(c, snap)
	if err != nil {
		return err
	}
	defer src.Close()
	targets, err := src.Targets(c.Context, snap.Record, c.StringSlice("only"), c.Bool("create") && !c.Bool("dry-run"))
	if err != nil {
		return err
	}
	unused := func(ctx context.Context) error { return src.Unused(ctx, snap.Record.App) }
	if err := unused(c.Context); err != nil {
		return err
	}
	return runRestore(c, counted, snap, targets, restore.Options{
		Journal: snap, Memory: snap, Recheck: unused, Create: c.Bool("create"),
	})
}

func runRestore(c *cli.Context, counted *metrics.Run, snap *store.Checkout, targets []restore.Target,
	opts restore.Options,
) error {
	bar := newProgress(c, targetBytes(snap, targets))
	opts.Apart = []string{snap.Dir()}
	opts.DryRun, opts.Progress = c.Bool("dry-run"), bar.add
	opts.LabelsAsStored = c.Bool("xattr-as-stored")
	begun := time.Now()
	report, err := restore.Run(c.Context, snap, targets, opts)
	var changes *changeList
	if err == nil && opts.DryRun {
		changes, err = listChanges(c, restore.Plan(c.Context, snap, targets, opts))
	}
	bar.finish()
	if err != nil {
		return fmt.Errorf("restore %s: %w", snap.Record.App, err)
	}
	if opts.DryRun {
		defer changes.close()
		return printDryRun(c, snap, targets, changes, time.Since(begun))
	}
	counted.Bytes["restored"], counted.Bytes["written"] = report.Bytes, report.BytesWritten
	return printRestore(c, snap, targets, report)
}

// targetBytes returns the size of the files in the targets' volumes.
func targetBytes(snap *store.Checkout, targets []restore.Target) (n int64) {
	for _, t := range targets {
		n += snap.Record.Volume(t.Volume).Bytes
	}
	return n
}

// restoreJSON is what restore --json prints.
type restoreJSON struct {
	App          string       `json:"app"`
	Snapshot     store.ID     `json:"snapshot"`
	DryRun       bool         `json:"dry_run"`
	Volumes      []targetJSON `json:"volumes"`
	Files        int64        `json:"files"`
	Bytes        int64        `json:"bytes"`
	BytesWritten int64        `json:"bytes_written"`
	Removed      int64        `json:"removed"`
	DurationMS   int64        `json:"duration_ms"`
	Plan         *planJSON    `json:"plan,omitempty"` // of a dry run, with the changes behind it
}

type targetJSON struct {
	Name string `json:"name"`
	Path string `json:"path"`
}

func printRestore(c *cli.Context, snap *store.Checkout, targets []restore.Target, r *restore.Report) error {
	if c.Bool("json") {
		return printJSON(c, newRestoreJSON(snap, targets, r))
	}
	printf(c, "%s: restored to %s, %s, %s; wrote %s, removed %s in %s\n", snap.Record.App, restored(snap, targets),
		plural(r.Files, "file"), size(r.Bytes), size(r.BytesWritten), plural(r.Removed, "name"), seconds(r.Elapsed))
	return nil
}

func newRestoreJSON(snap *store.Checkout, targets []restore.Target, r *restore.Report) restoreJSON {
	out := restoreJSON{
		App: snap.Record.App, Snapshot: snap.ID, Files: r.Files, Bytes: r.Bytes,
		BytesWritten: r.BytesWritten, Removed: r.Removed, DurationMS: r.Elapsed.Milliseconds(),
	}
	for _, t := range targets {
		out.Volumes = append(out.Volumes, targetJSON{Name: t.Volume, Path: t.Path})
	}
	return out
}

// restored says which snapshot is restored, and how much of it.
func restored(snap *store.Checkout, targets []restore.Target) string {
	return fmt.Sprintf("snapshot %s, taken %s ago: %s", snap.ID.Short(),
		age(time.Since(snap.Record.Time)), plural(int64(len(targets)), "volume"))
}

// printDryRun prints the plan, which took that long to make.
func printDryRun(c *cli.Context, snap *store.Checkout, targets []restore.Target, changes *changeList,
	took time.Duration) error {
	if c.Bool("json") {
		out := newRestoreJSON(snap, targets, &restore.Report{Elapsed: took})
		plan := newPlanJSON(changes.totals, took)
		out.DryRun, out.Plan = true, &plan
		return changes.printJSON(c, out)
	}
	printf(c, "%s: dry run, nothing changed: %s, all of it there to restore\n%s\n",
		snap.Record.App, restored(snap, targets), planText(changes.totals, took))
	return changes.print(c)
}
