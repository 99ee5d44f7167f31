package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/internal/metrics"
	"github.com/warmstore/warmstore/store"
)

func repairCommand() *cli.Command {
	return &cli.Command{
		Name:  "repair",
		Usage: "save what can be saved of a damaged store",
		Description: "Reads everything, moves what is damaged to quarantine (nothing is deleted), fetches lost\n" +
			"chunks from other copies and from volumes that still have them, and makes the index anew\n" +
			"if need be. " +
			"Exits 5 if the newest snapshot of an app is not whole afterwards.\n\n" + examples("warmstore repair"),
		Flags:        []cli.Flag{metricsFlag()},
		OnUsageError: usageError,
		Action:       measured(repair),
	}
}

func repair(c *cli.Context, _ *metrics.Run) error {
	if c.Args().Present() {
		return fmt.Errorf("%w: repair takes no arguments", errUsage)
	}
	s, err := openStore(c)
	if err != nil {
		return err
	}
	bar := newProgress(c, storedBytes(s))
	report, err := s.Repair(c.Context, store.RepairOptions{Progress: bar.add})
	bar.finish()
	if err != nil {
		return err
	}
	if err := printRepair(c, report); err != nil {
		return err
	}
	if lost := report.Lost(); len(lost) > 0 {
		return fmt.Errorf("the newest snapshot of %v %w", lost, errLost)
	}
	return nil
}

// repairJSON is what repair --json prints.
type repairJSON struct {
	Packs     int                   `json:"packs"`
	Blobs     int                   `json:"blobs"`
	Damaged   int                   `json:"blobs_damaged"`
	Refilled  int                   `json:"chunks_refilled"`
	Rebuilt   bool                  `json:"index_rebuilt"`
	Moved     []string              `json:"quarantined"`
	Snapshots []store.SnapshotState `json:"snapshots"`
}

func printRepair(c *cli.Context, r *store.RepairReport) error {
	if c.Bool("json") {
		return printJSON(c, repairJSON{
			Packs: r.Packs, Blobs: r.Blobs, Damaged: r.Damaged, Refilled: r.Refilled, Rebuilt: r.Rebuilt,
			Moved: append([]string{}, r.Moved...), Snapshots: append([]store.SnapshotState{}, r.Snapshots...),
		})
	}
	for _, line := range r.Moved {
		printf(c, "quarantined %s\n", line)
	}
	for _, s := range r.Snapshots {
		state := "whole"
		if !s.Whole {
			state = "lost: " + s.Cause
		}
		printf(c, "%s: snapshot %s is %s\n", s.App, s.ID.Short(), state)
	}
	index := "the index is as it should be"
	if r.Rebuilt {
		index = "the index was made anew"
	}
	printf(c, "read %s in %s: %d damaged, %s refilled from live volumes; %s\n", plural(int64(r.Blobs), "blob"),
		plural(int64(r.Packs), "pack"), r.Damaged, plural(int64(r.Refilled), "chunk"), index)
	return nil
}
