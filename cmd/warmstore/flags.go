package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
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

func keepFlag() cli.Flag {
	return &cli.IntFlag{Name: "keep", Value: 1, Usage: "keep the newest `N` snapshots of the app"}
}

func keep(c *cli.Context) (int, error) {
	n := c.Int("keep")
	if n < 1 {
		return 0, fmt.Errorf("%w: --keep %d: at least 1", errUsage, n)
	}
	return n, nil
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

// root returns the directory that the store is in. An empty variable is none.
func root(c *cli.Context) (string, error) {
	if c.IsSet("root") {
		if c.String("root") == "" {
			return "", fmt.Errorf("%w: --root is empty", errUsage)
		}
		return c.String("root"), nil
	}
	return rootFromEnvironment(), nil
}

func rootFromEnvironment() string {
	return cmp.Or(os.Getenv("WARMSTORE_ROOT"), os.Getenv("CCCI_WARM_ROOT"), defaultRoot)
}

func openStore(c *cli.Context) (*store.Store, error) {
	dir, err := root(c)
	if err != nil {
		return nil, err
	}
	return store.Open(dir, options(c))
}

// appOfStore returns the one argument of a command, and the store it is about.
func appOfStore(c *cli.Context) (app string, s *store.Store, err error) {
	if app, err = appArgument(c); err != nil {
		return "", nil, err
	}
	s, err = openStore(c)
	return app, s, err
}

// storeFor returns the store to take a snapshot into, which is made if need be,
// and what to call in the end. A dry run has one of its own if there is none.
func storeFor(c *cli.Context) (*store.Store, func(), error) {
	done := func() {}
	dir, err := root(c)
	if err != nil {
		return nil, done, err
	}
	if c.Bool("dry-run") {
		s, err := store.Open(dir, options(c))
		if !errors.Is(err, store.ErrNotFound) {
			return s, done, err
		}
		if dir, err = os.MkdirTemp("", "warmstore-dry-run-"); err != nil {
			return nil, done, err
		}
		done = func() { os.RemoveAll(dir) }
	}
	s, err := store.Create(dir, options(c))
	return s, done, err
}

// volumesOf finds the volumes of a snapshot: where SOURCE says, or else where it
// was taken. It is no error if some do not exist.
func volumesOf(c *cli.Context, snap *store.Checkout) (*source.Source, error) {
	given := spec(c)
	if given.IsZero() {
		given = source.Of(snap.Record)
	}
	return source.Open(c.Context, given, true)
}

// chosen returns the ID that --snapshot begins; zero if it is not given.
func chosen(c *cli.Context, s *store.Store, app string) (store.ID, error) {
	if !c.IsSet("snapshot") {
		return store.ID{}, nil
	}
	return s.Find(app, c.String("snapshot"))
}
