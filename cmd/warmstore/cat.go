package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/internal/browse"
	"github.com/warmstore/warmstore/internal/source"
)

func catCommand() *cli.Command {
	return &cli.Command{
		Name:         "cat",
		Usage:        "write the content of a file in a snapshot to stdout",
		ArgsUsage:    "APP VOLUME:PATH",
		Description:  examples("warmstore cat keycloak keycloak_db:PG_VERSION"),
		Flags:        []cli.Flag{snapshotFlag()},
		OnUsageError: usageError,
		Action:       catFile,
	}
}

func catFile(c *cli.Context) error {
	if c.NArg() != 2 {
		return fmt.Errorf("%w: cat takes APP VOLUME:PATH, not %d arguments", errUsage, c.NArg())
	}
	at := placeOf(c.Args().Get(1))
	snap, err := checkout(c, c.Args().First())
	if err != nil {
		return err
	}
	defer snap.Close()
	if _, err := source.Chosen(snap.Record, []string{at.volume}); err != nil {
		return err
	}
	if err := browse.Copy(c.Context, c.App.Writer, snap, at.volume, at.path); err != nil {
		return fmt.Errorf("cat: %w", err)
	}
	return nil
}
