package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/internal/source"
	"github.com/warmstore/warmstore/store"
)

const categorySource = "Where the volumes are (one of):"

func sourceFlags() []cli.Flag {
	text := func(name, usage string) cli.Flag {
		return &cli.StringFlag{Name: name, Category: categorySource, Usage: usage}
	}
	list := func(name, usage string) cli.Flag {
		return &cli.StringSliceFlag{Name: name, Category: categorySource, Usage: usage + " (repeatable)"}
	}
	return []cli.Flag{
		text("domain", "the Swarm stack of the app at domain `D`"),
		text("stack", "the volumes of Swarm stack `S`"),
		text("compose", "the volumes of Compose project `P`"),
		list("volume", "the Docker volume `NAME`"),
		list("dir", "directory PATH as volume NAME, given as `NAME=PATH`; needs no Docker"),
	}
}

func spec(c *cli.Context) source.Spec {
	return source.Spec{
		Domain:  c.String("domain"),
		Stack:   c.String("stack"),
		Compose: c.String("compose"),
		Volumes: c.StringSlice("volume"),
		Dirs:    c.StringSlice("dir"),
	}
}

func snapshotFlag() cli.Flag {
	return &cli.StringFlag{Name: "snapshot", Usage: "the snapshot whose `ID` begins so, instead of the last-good"}
}

// appArgument returns the one argument of a command.
func appArgument(c *cli.Context) (string, error) {
	if c.NArg() != 1 {
		return "", fmt.Errorf("%w: %s takes one APP, not %d arguments", errUsage, c.Command.Name, c.NArg())
	}
	return c.Args().First(), store.CheckName(c.Args().First())
}

// labels reads K=V of each --label.
func labels(c *cli.Context) (map[string]string, error) {
	var labels map[string]string
	for _, l := range c.StringSlice("label") {
		key, value, ok := strings.Cut(l, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("%w: --label %q is not K=V", errUsage, l)
		}
		if labels == nil {
			labels = make(map[string]string)
		}
		labels[key] = value
	}
	return labels, nil
}

func options(c *cli.Context) store.Options {
	return store.Options{
		Wait:   c.Duration("wait"),
		Notice: func(line string) { warn(c, []string{line}) },
	}
}

func openStore(c *cli.Context) (*store.Store, error) { return store.Open(c.String("root"), options(c)) }

// chosen returns the ID that --snapshot begins; zero if it is not given.
func chosen(c *cli.Context, s *store.Store, app string) (store.ID, error) {
	if !c.IsSet("snapshot") {
		return store.ID{}, nil
	}
	return s.Find(app, c.String("snapshot"))
}
