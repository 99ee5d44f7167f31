package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/internal/metrics"
	"github.com/warmstore/warmstore/store"
)

func gcCommand() *cli.Command {
	return &cli.Command{
		Name:  "gc",
		Usage: "free the space of what no snapshot needs",
		Description: examples(
			"warmstore gc --dry-run",
			"warmstore gc --min-garbage 5",
		),
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "min-garbage", Value: store.DefaultMinGarbage,
				Usage: "rewrite packs with more than `PCT` percent garbage"},
			&cli.BoolFlag{Name: "dry-run", Usage: "print the plan and change nothing"},
			metricsFlag(),
		},
		OnUsageError: usageError,
		Action:       measured(gc),
	}
}

func noGCFlag() cli.Flag {
	return &cli.BoolFlag{Name: "no-gc", Usage: "do not free space afterwards, however much is garbage"}
}

func gc(c *cli.Context, run *metrics.Run) error {
	if c.Args().Present() {
		return fmt.Errorf("%w: gc takes no arguments", errUsage)
	}
	s, err := openStore(c)
	if err != nil {
		return err
	}
	bar := newProgress(c, 0)
	result, err := s.Collect(c.Context, store.GCOptions{
		MinGarbage: c.Int("min-garbage"), DryRun: c.Bool("dry-run"), Progress: bar.set,
	})
	bar.finish()
	if err != nil {
		return err
	}
	if result.Plan == nil {
		return fmt.Errorf("gc: others used the store all the time: %w", store.ErrLocked)
	}
	run.Bytes["freed"], run.Bytes["copied"] = max(0, result.Freed), result.Copied
	if c.Bool("json") {
		return printJSON(c, newGCJSON(c, result))
	}
	printPlan(c, result.Plan)
	if !c.Bool("dry-run") {
		printCollected(c, result)
	}
	return nil
}

// collect frees space by itself after a command that makes garbage. What it
// did is said on stderr: the result is printed already.
func collect(c *cli.Context, s *store.Store) {
	if c.Bool("no-gc") || c.Bool("dry-run") {
		return
	}
	result, err := s.Collect(c.Context, store.GCOptions{IfDue: true})
	if err != nil {
		warn(c, []string{err.Error()})
	} else if result.Plan != nil && result.Freed > 0 && !c.Bool("quiet") && !c.Bool("json") {
		fmt.Fprintf(c.App.ErrWriter, "gc: freed %s in %s\n", size(result.Freed), seconds(result.Elapsed))
	}
}

// gcJSON is what gc --json prints.
type gcJSON struct {
	DryRun       bool  `json:"dry_run"`
	Packs        int   `json:"packs"`
	PacksDropped int   `json:"packs_dropped"`
	PacksRewrite int   `json:"packs_rewritten"`
	BytesStored  int64 `json:"bytes_stored"`
	BytesLive    int64 `json:"bytes_live"`
	BytesPlanned int64 `json:"bytes_planned"`
	BytesFreed   int64 `json:"bytes_freed"`
	BytesCopied  int64 `json:"bytes_copied"`
	DeltasFolded int   `json:"deltas_folded"`
	Busy         bool  `json:"busy"`
	DurationMS   int64 `json:"duration_ms"`
}

func newGCJSON(c *cli.Context, r *store.GCResult) gcJSON {
	return gcJSON{
		DryRun: c.Bool("dry-run"), Packs: r.Plan.Packs,
		PacksDropped: len(r.Plan.Drop), PacksRewrite: len(r.Plan.Rewrite),
		BytesStored: r.Plan.Stored, BytesLive: r.Plan.Live, BytesPlanned: r.Plan.Frees(),
		BytesFreed: r.Freed, BytesCopied: r.Copied, DeltasFolded: r.Folded, Busy: r.Busy,
		DurationMS: r.Elapsed.Milliseconds(),
	}
}

func printPlan(c *cli.Context, p *store.GCPlan) {
	printf(c, "plan: %s of %s in %s needed (%d %% garbage): drop %s, rewrite %d, free %s\n",
		size(p.Live), size(p.Stored), plural(int64(p.Packs), "pack"), p.Garbage(),
		plural(int64(len(p.Drop)), "pack"), len(p.Rewrite), size(p.Frees()))
	if p.Fold > 0 {
		printf(c, "plan: free about %s more: of deltas, by storing whole what alone needs its base\n", size(p.Fold))
	}
}

func printCollected(c *cli.Context, r *store.GCResult) {
	printf(c, "freed %s: removed %s, copied %s in %s\n",
		size(max(0, r.Freed)), plural(int64(r.Removed), "file"), size(r.Copied), seconds(r.Elapsed))
	if r.Busy {
		warn(c, []string{"others used the store all the time, so some of it is left for the next gc"})
	}
	if r.Reserved {
		warn(c, []string{"the disk was full: the reserve for the index was used; free space soon"})
	}
}
