package main

import (
	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/internal/metrics"
	"github.com/warmstore/warmstore/store"
)

func forgetCommand() *cli.Command {
	return &cli.Command{
		Name:      "forget",
		Usage:     "remove all snapshots of an app, or one",
		ArgsUsage: "APP",
		Description: examples(
			"warmstore forget keycloak",
			"warmstore forget keycloak --snapshot 1f0c",
		),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "snapshot", Usage: "only the snapshot whose `ID` begins so"},
			noGCFlag(),
			metricsFlag(),
		},
		OnUsageError: usageError,
		Action:       measured(forget),
	}
}

func forget(c *cli.Context, _ *metrics.Run) error {
	app, s, err := appOfStore(c)
	if err != nil {
		return err
	}
	id, err := chosen(c, s, app)
	if err != nil {
		return err
	}
	forgotten, err := s.Forget(c.Context, app, id)
	if err != nil {
		return err
	}
	if err := printForgotten(c, app, forgotten); err != nil {
		return err
	}
	collect(c, s)
	return nil
}

func printForgotten(c *cli.Context, app string, forgotten []store.ID) error {
	if c.Bool("json") {
		return printJSON(c, map[string]any{"app": app, "forgotten": forgotten})
	}
	for _, id := range forgotten {
		printf(c, "%s: forgot snapshot %s\n", app, id.Short())
	}
	return nil
}
