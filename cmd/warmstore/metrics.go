package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/internal/metrics"
)

func metricsCommand() *cli.Command {
	return &cli.Command{
		Name:  "metrics",
		Usage: "print Prometheus metrics of the store and its apps",
		Description: "With --metrics FILE the file is brought up to date instead, and keeps what it has of the\n" +
			"commands that ran.\n\n" + examples(
			"warmstore metrics",
			"warmstore metrics --metrics /var/lib/prometheus/node-exporter/warmstore.prom",
		),
		Flags:        []cli.Flag{metricsFlag()},
		OnUsageError: usageError,
		Action:       printMetrics,
	}
}

func printMetrics(c *cli.Context) error {
	if c.Args().Present() {
		return fmt.Errorf("%w: metrics takes no arguments", errUsage)
	}
	s, err := openStore(c)
	if err != nil {
		return err
	}
	state, err := metrics.Read(s)
	if err != nil {
		return err
	}
	state.Version = c.App.Version
	if path := c.String("metrics"); path != "" {
		return metrics.Update(c.Context, path, state, nil)
	}
	return metrics.Write(c.App.Writer, state)
}
