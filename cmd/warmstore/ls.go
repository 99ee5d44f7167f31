package main

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"path"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/internal/browse"
	"github.com/warmstore/warmstore/internal/source"
	"github.com/warmstore/warmstore/store"
)

func lsCommand() *cli.Command {
	return &cli.Command{
		Name:      "ls",
		Usage:     "list the volumes of a snapshot, or what a directory of one holds",
		ArgsUsage: "APP [VOLUME[:PATH]]",
		Description: "Names are as they are, but in quotes and escaped as in Go and C where they hold what cannot\n" +
			"be printed. With --json, a path that is not UTF-8 has its bytes in path_base64 too.\n\n" + examples(
			"warmstore ls keycloak",
			"warmstore ls keycloak keycloak_db:base -l",
		),
		Flags: []cli.Flag{
			snapshotFlag(),
			&cli.BoolFlag{Name: "long", Aliases: []string{"l"}, Usage: "with mode, owner, size, time (UTC) and target"},
			&cli.BoolFlag{Name: "recursive", Aliases: []string{"R"}, Usage: "with all that is below, by its path"},
		},
		UseShortOptionHandling: true,
		OnUsageError:           usageError,
		Action:                 ls,
	}
}

func ls(c *cli.Context) error {
	if c.NArg() < 1 || c.NArg() > 2 {
		return fmt.Errorf("%w: ls takes APP and perhaps VOLUME:PATH, not %d arguments", errUsage, c.NArg())
	}
	snap, err := checkout(c, c.Args().First())
	if err != nil {
		return err
	}
	defer snap.Close()
	if c.NArg() == 1 {
		return lsVolumes(c, snap)
	}
	at := placeOf(c.Args().Get(1))
	if _, err := source.Chosen(snap.Record, []string{at.volume}); err != nil {
		return err
	}
	items := browse.List(snap, at.volume, at.path, c.Bool("recursive"))
	out := bufio.NewWriterSize(c.App.Writer, 1<<16)
	if c.Bool("json") {
		err = lsJSON(out, snap, at.volume, items)
	} else {
		err = lsText(c, out, at, items)
	}
	if err != nil {
		return fmt.Errorf("ls: %w", err)
	}
	return out.Flush()
}

// lsVolumesJSON is what ls --json prints of a snapshot.
type lsVolumesJSON struct {
	App      string       `json:"app"`
	Snapshot store.ID     `json:"snapshot"`
	Volumes  []volumeJSON `json:"volumes"`
}

func lsVolumes(c *cli.Context, snap *store.Checkout) error {
	if c.Bool("json") {
		return printJSON(c, lsVolumesJSON{snap.Record.App, snap.ID, newVolumesJSON(snap.Record)})
	}
	for _, v := range snap.Record.Volumes {
		if c.Bool("long") {
			fmt.Fprintf(c.App.Writer, "%10d files %15d bytes  ", v.Files, v.Bytes)
		}
		fmt.Fprintln(c.App.Writer, v.Name)
	}
	return nil
}

// lsText prints a line a name: from the directory that was asked for on, as ls
// and find do.
func lsText(c *cli.Context, out io.Writer, at place, items iter.Seq2[*browse.Item, error]) error {
	dir := strings.TrimPrefix(path.Clean("/"+at.path), "/")
	if dir != "" {
		dir += "/"
	}
	for item, err := range items {
		if err != nil {
			return err
		}
		name := quoted(strings.TrimPrefix(item.Path, dir))
		if c.Bool("long") {
			name = longLine(item, name)
		}
		if _, err := fmt.Fprintln(out, name); err != nil {
			return err
		}
	}
	return nil
}

// longLine is a line of ls -l. Columns have a width that fits most, since the
// lines that follow are not known.
func longLine(item *browse.Item, name string) string {
	size := fmt.Sprint(item.Size)
	if major, minor := item.Meta.Device(); item.Meta.Rdev != 0 {
		size = fmt.Sprintf("%d, %d", major, minor)
	}
	line := fmt.Sprintf("%-11s %5d %5d %12s %s %s", item.Mode(), item.Meta.UID, item.Meta.GID, size,
		stamp(modTime(item)), name)
	if item.Meta.Target != "" {
		line += " -> " + quoted(item.Meta.Target)
	}
	return line
}

func modTime(item *browse.Item) time.Time {
	return time.Unix(item.Meta.ModTime.Sec, int64(item.Meta.ModTime.Nsec)).UTC()
}
