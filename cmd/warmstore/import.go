package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/internal/archive"
	"github.com/warmstore/warmstore/internal/metrics"
	"github.com/warmstore/warmstore/store"
)

func importCommand() *cli.Command {
	return &cli.Command{
		Name:      "import",
		Usage:     "make tars, of the replaced script or of export, the last-good of an app",
		ArgsUsage: "APP --from DIR",
		Description: "DIR has snapshot/meta.json and snapshot/volumes/VOLUME.tar, as tar -C VOLUME -cf VOLUME.tar .\n" +
			"makes it. Nothing is extracted, and live volumes are not touched.\n\n" + examples(
			"warmstore import keycloak --from /var/lib/ci-warm/keycloak",
		),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "from", Usage: "take the snapshot in `DIR`"},
			keepFlag(),
			noGCFlag(),
			metricsFlag(),
		},
		OnUsageError: usageError,
		Action:       measured(importApp),
	}
}

func importApp(c *cli.Context, run *metrics.Run) error {
	app, err := appArgument(c)
	if err != nil {
		return err
	}
	keep, err := keep(c)
	if err != nil {
		return err
	}
	if c.String("from") == "" {
		return fmt.Errorf("%w: import needs --from DIR", errUsage)
	}
	a, err := archive.Open(c.String("from"), app)
	if err != nil {
		return err
	}
	defer a.Close()
	s, done, err := storeFor(c)
	defer done()
	if err != nil {
		return err
	}
	bar := newProgress(c, a.Bytes())
	result, err := a.Import(c.Context, s, store.SnapshotOptions{Keep: keep, Progress: bar.add})
	bar.finish()
	if err != nil {
		return err
	}
	run.Bytes["read"], run.Bytes["stored"] = result.Stats.BytesRead, result.Stats.BytesStored
	if err := printSnapshot(c, result); err != nil {
		return err
	}
	collect(c, s)
	return nil
}
