package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/internal/source"
	"github.com/warmstore/warmstore/restore"
	"github.com/warmstore/warmstore/store"
)

// live is the --to of what the volumes hold now.
const live = "live"

func diffCommand() *cli.Command {
	return &cli.Command{
		Name:      "diff",
		Usage:     "show what a rollback would change: each path, the bytes to write, the time it may take",
		ArgsUsage: "APP [SOURCE]",
		Description: "Without a SOURCE the volumes are looked for where the snapshot was taken. Files that look as\n" +
			"it left them are not read. added: the rollback makes it; removed: the rollback removes it;\n" +
			"changed: another type, content or link; metadata: another owner, mode, time, attribute or hole.\n" +
			"With --to SNAPSHOT the two snapshots are compared, in whole chunks, and no volume is looked at.\n\n" +
			examples("warmstore diff keycloak", "warmstore diff keycloak --to 1f0c --all"),
		Flags: append(sourceFlags(),
			snapshotFlag(),
			&cli.StringFlag{Name: "to", Value: live, Usage: "compare with the snapshot whose `ID` begins so"},
			&cli.StringSliceFlag{Name: "only", Usage: "compare `VOLUME` and not the others (repeatable)"},
			allFlag(),
		),
		OnUsageError: usageError,
		Action:       diff,
	}
}

func diff(c *cli.Context) error {
	if c.String("to") != live && !spec(c).IsZero() {
		return fmt.Errorf("%w: --to SNAPSHOT and a SOURCE exclude each other", errUsage)
	}
	s, snap, err := checkoutApp(c, false)
	if err != nil {
		return err
	}
	defer snap.Close()
	if c.String("to") != live {
		return diffSnapshots(c, s, snap)
	}
	return diffLive(c, snap)
}

// diffLive compares with the volumes.
func diffLive(c *cli.Context, snap *store.Checkout) error {
	src, err := volumesOf(c, snap)
	if err != nil {
		return err
	}
	defer src.Close()
	targets, err := src.Targets(c.Context, snap.Record, c.StringSlice("only"), false)
	if err != nil {
		return err
	}
	if err := warnInUse(c, src, snap.Record.App); err != nil {
		return err
	}
	bar := newProgress(c, targetBytes(snap, targets))
	begun := time.Now()
	changes, err := listChanges(c, restore.Plan(c.Context, snap, targets, restore.Options{
		Memory: snap, Apart: []string{snap.Dir()}, Progress: bar.add,
	}))
	bar.finish()
	if err != nil {
		return fmt.Errorf("diff %s: %w", snap.Record.App, err)
	}
	defer changes.close()
	return printDiff(c, snap, live, changes, time.Since(begun))
}

// warnInUse says that the volumes may change while they are compared.
func warnInUse(c *cli.Context, src *source.Source, app string) error {
	err := src.Unused(c.Context, app)
	if errors.Is(err, source.ErrInUse) {
		warn(c, []string{err.Error() + ": what it writes meanwhile may be seen or not"})
		return nil
	}
	return err
}

// diffSnapshots compares two snapshots.
func diffSnapshots(c *cli.Context, s *store.Store, snap *store.Checkout) error {
	id, err := s.Find(snap.Record.App, c.String("to"))
	if err != nil {
		return err
	}
	other, err := s.Checkout(c.Context, snap.Record.App, id, false)
	if err != nil {
		return err
	}
	defer other.Close()
	stream, err := compareSnapshots(c.Context, snap, other, c.StringSlice("only"))
	if err != nil {
		return err
	}
	changes, err := listChanges(c, stream)
	if err != nil {
		return fmt.Errorf("diff %s: %w", snap.Record.App, err)
	}
	defer changes.close()
	return printDiff(c, snap, id.String(), changes, 0)
}

func compareSnapshots(ctx context.Context, snap, other *store.Checkout,
	only []string) (iter.Seq2[restore.Change, error], error) {
	names, err := source.VolumesOf(only, snap.Record, other.Record)
	if err != nil {
		return nil, err
	}
	var pairs []restore.Pair
	for _, name := range names {
		p := restore.Pair{Volume: name}
		if snap.Record.Volume(name) != nil {
			if p.Want, err = snap.Manifest(name); err != nil {
				return nil, err
			}
		}
		if other.Record.Volume(name) != nil {
			if p.Have, err = other.Manifest(name); err != nil {
				return nil, err
			}
		}
		pairs = append(pairs, p)
	}
	return restore.Compare(ctx, pairs), nil
}

// diffJSON is what diff --json prints, with the changes behind it.
type diffJSON struct {
	App      string   `json:"app"`
	Snapshot store.ID `json:"snapshot"`
	To       string   `json:"to"`
	Plan     planJSON `json:"plan"`
}

func printDiff(c *cli.Context, snap *store.Checkout, to string, changes *changeList, reading time.Duration) error {
	if c.Bool("json") {
		return changes.printJSON(c, diffJSON{
			App: snap.Record.App, Snapshot: snap.ID, To: to, Plan: newPlanJSON(changes.totals, reading),
		})
	}
	from := "the volumes as they are"
	if to != live {
		from = "snapshot " + to[:12]
	}
	printf(c, "%s: from %s to snapshot %s, taken %s ago: %s\n", snap.Record.App, from, snap.ID.Short(),
		age(time.Since(snap.Record.Time)), planText(changes.totals, reading))
	return changes.print(c)
}
