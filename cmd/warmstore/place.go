package main

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/store"
)

// A place is where in a snapshot to look: VOLUME:PATH on the command line.
type place struct {
	volume, path string
}

// placeOf reads a place. Names of volumes have no colon, paths may.
func placeOf(arg string) place {
	volume, path, _ := strings.Cut(arg, ":")
	return place{volume: volume, path: path}
}

// checkout opens the snapshot of an app that --snapshot names, or its last-good,
// for reading.
func checkout(c *cli.Context, app string) (*store.Checkout, error) {
	if err := store.CheckName(app); err != nil {
		return nil, err
	}
	s, err := openStore(c)
	if err != nil {
		return nil, err
	}
	id, err := chosen(c, s, app)
	if err != nil {
		return nil, err
	}
	return s.Checkout(c.Context, app, id, false)
}
