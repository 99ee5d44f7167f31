package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/store"
)

func hasCommand() *cli.Command {
	return &cli.Command{
		Name:         "has",
		Usage:        "exit 0 if the app has a complete last-good snapshot, 4 if not",
		ArgsUsage:    "APP",
		Description:  examples("warmstore has keycloak --quiet || echo seed it first"),
		OnUsageError: usageError,
		Action:       has,
	}
}

func has(c *cli.Context) error {
	app, s, err := appOfStore(c)
	if err != nil {
		return err
	}
	err = s.Has(c.Context, app)
	if errors.Is(err, store.ErrCorrupt) {
		return fmt.Errorf("%s has no complete snapshot: %w: %v", app, store.ErrNotFound, err)
	}
	if err != nil {
		return err
	}
	id, r, err := s.LastGood(app)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return printJSON(c, map[string]any{"app": app, "snapshot": id, "ts": stamp(r.Time)})
	}
	printf(c, "%s: snapshot %s is complete\n", app, id.Short())
	return nil
}
