package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/internal/metrics"
	"github.com/warmstore/warmstore/store"
)

func checkCommand() *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "find every problem of the store, and account for all that is in it",
		ArgsUsage: "[APP]",
		Description: "Exits 5 if the last-good of an app is affected, 1 if there are only other problems.\n" +
			"Without --read-data only what files say of each other is compared, not the chunks' bytes.\n\n" + examples(
			"warmstore check",
			"warmstore check --read-data",
			"warmstore check keycloak --read-data-subset 1/30",
		),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "read-data", Usage: "read every chunk and check its hash"},
			&cli.StringFlag{Name: "read-data-subset", Usage: "read part `N/T` of the packs: 1/30 … 30/30 in a month"},
			metricsFlag(),
		},
		OnUsageError: usageError,
		Action:       measured(check),
	}
}

func check(c *cli.Context, run *metrics.Run) error {
	opts, err := checkOptions(c)
	if err != nil {
		return err
	}
	s, err := openStore(c)
	if err != nil {
		return err
	}
	if opts.App != "" {
		if _, _, err := s.LastGood(opts.App); err != nil {
			return err
		}
	}
	var total int64
	if opts.ReadData {
		total = storedBytes(s) / int64(max(opts.Parts, 1))
	}
	bar := newProgress(c, total)
	opts.Progress = bar.add
	report, err := s.Check(c.Context, opts)
	bar.finish()
	if err != nil {
		return err
	}
	if err := printCheck(c, report); err != nil {
		return err
	}
	return verdictOf(report)
}

func checkOptions(c *cli.Context) (opts store.CheckOptions, err error) {
	if c.NArg() > 0 {
		if opts.App, err = appArgument(c); err != nil {
			return opts, err
		}
	}
	opts.ReadData = c.Bool("read-data")
	subset := c.String("read-data-subset")
	if subset == "" {
		return opts, nil
	}
	opts.ReadData = true
	if _, err := fmt.Sscanf(subset+"\n", "%d/%d\n", &opts.Part, &opts.Parts); err != nil ||
		opts.Part < 1 || opts.Part > opts.Parts {
		return opts, fmt.Errorf("%w: --read-data-subset %q is not N/T with 1 ≤ N ≤ T", errUsage, subset)
	}
	return opts, nil
}

// verdictOf turns problems into the error that gives the exit code.
func verdictOf(r *store.CheckReport) error {
	if apps := r.Affected(); len(apps) > 0 {
		return fmt.Errorf("%s, the last-good of %v among them: the store is %w",
			plural(int64(len(r.Problems)), "problem"), apps, store.ErrCorrupt)
	}
	if len(r.Problems) > 0 {
		return fmt.Errorf("%s; every last-good is whole", plural(int64(len(r.Problems)), "problem"))
	}
	return nil
}

// checkJSON is what check --json prints.
type checkJSON struct {
	Problems     []store.Problem `json:"problems"`
	Affected     []string        `json:"affected"` // apps whose last-good is
	Apps         int             `json:"apps"`
	Snapshots    int             `json:"snapshots"`
	Packs        int             `json:"packs"`
	Blobs        int             `json:"blobs"`
	BlobsLive    int             `json:"blobs_live"`
	BlobsRead    int64           `json:"blobs_read"`
	GarbagePacks int             `json:"garbage_packs"`
	OldRecords   int             `json:"garbage_records"`
	Unfinished   int             `json:"unfinished_files"`

	Unlisted []store.Unlisted `json:"unlisted"`
	Strays   []string         `json:"strays"`
}

func printCheck(c *cli.Context, r *store.CheckReport) error {
	if c.Bool("json") {
		return printJSON(c, checkJSON{
			Problems: append([]store.Problem{}, r.Problems...), Affected: append([]string{}, r.Affected()...),
			Apps: r.Apps, Snapshots: r.Snapshots, Packs: r.Packs,
			Blobs: r.Blobs, BlobsLive: r.LiveBlobs, BlobsRead: r.BlobsRead,
			GarbagePacks: r.GarbagePacks, OldRecords: r.OldRecords, Unfinished: r.Unfinished,
			Unlisted: append([]store.Unlisted{}, r.Unlisted...), Strays: append([]string{}, r.Strays...),
		})
	}
	for _, p := range r.Problems {
		fmt.Fprintln(c.App.Writer, p)
	}
	for _, path := range r.Strays {
		printf(c, "stray file %q: not warmstore's, left alone\n", path)
	}
	for _, u := range r.Unlisted {
		printf(c, "snapshot %s of %s is stored, but not listed: the next snapshot, restore or gc lists it\n",
			u.Snapshot.Short(), u.App)
	}
	printf(c, "%s, %s, %s with %s: %d needed, %d garbage, %d read\n",
		plural(int64(r.Apps), "app"), plural(int64(r.Snapshots), "snapshot"),
		plural(int64(r.Packs), "pack"), plural(int64(r.Blobs), "blob"),
		r.LiveBlobs, r.Blobs-r.LiveBlobs, r.BlobsRead)
	if n := r.GarbagePacks + r.OldRecords + r.Unfinished; n > 0 {
		printf(c, "%s of snapshots in progress, or for gc\n", plural(int64(n), "file"))
	}
	return nil
}
