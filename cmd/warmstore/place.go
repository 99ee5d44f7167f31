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
	return checkoutFrom(c, s, app, false)
}

// checkoutApp is that for a command whose one argument is the app; exclusive if
// its volumes are to be changed.
func checkoutApp(c *cli.Context, exclusive bool) (*store.Store, *store.Checkout, error) {
	app, s, err := appOfStore(c)
	if err != nil {
		return nil, nil, err
	}
	snap, err := checkoutFrom(c, s, app, exclusive)
	return s, snap, err
}

func checkoutFrom(c *cli.Context, s *store.Store, app string, exclusive bool) (*store.Checkout, error) {
	id, err := chosen(c, s, app)
	if err != nil {
		return nil, err
	}
	return s.Checkout(c.Context, app, id, exclusive)
}
