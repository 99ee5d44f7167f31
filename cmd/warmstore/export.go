package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/internal/archive"
	"github.com/warmstore/warmstore/internal/source"
	"github.com/warmstore/warmstore/store"
)

// toStdout is the output that is stdout.
const toStdout = "-"

func exportCommand() *cli.Command {
	return &cli.Command{
		Name:      "export",
		Usage:     "write a snapshot as tars that GNU tar and bsdtar restore",
		ArgsUsage: "APP --out DIR|-",
		Description: "The output is snapshot/meta.json and snapshot/volumes/VOLUME.tar; - writes one tar of both to\n" +
			"stdout. To extract with all that a volume had:\n" +
			"  tar -C VOLUME --acls --xattrs --xattrs-include='*' --numeric-owner -xpf VOLUME.tar\n" +
			"  bsdtar -C VOLUME --numeric-owner -xpf VOLUME.tar\n\n" + examples(
			"warmstore export keycloak --out /backup/keycloak",
			"warmstore export keycloak --only keycloak_db --out -",
		),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "out", Usage: "write to `DIR`, which must be new or empty; - is stdout"},
			snapshotFlag(),
			&cli.StringSliceFlag{Name: "only", Usage: "export `VOLUME` and not the others (repeatable)"},
		},
		OnUsageError: usageError,
		Action:       export,
	}
}

func export(c *cli.Context) error {
	app, err := appArgument(c)
	if err != nil {
		return err
	}
	out := c.String("out")
	if out == "" || out == toStdout && c.Bool("json") {
		return fmt.Errorf("%w: export needs --out DIR, or --out - without --json", errUsage)
	}
	snap, err := checkout(c, app)
	if err != nil {
		return err
	}
	defer snap.Close()
	volumes, err := source.Chosen(snap.Record, c.StringSlice("only"))
	if err != nil {
		return err
	}
	done, err := runExport(c, &archive.Export{Snapshot: snap, Volumes: volumes}, out)
	if err != nil {
		return fmt.Errorf("export %s: %w", app, err)
	}
	return printExport(c, snap, out, done)
}

func runExport(c *cli.Context, x *archive.Export, out string) ([]archive.Exported, error) {
	if out == toStdout {
		return x.ToStream(c.Context, c.App.Writer)
	}
	var total int64
	for _, v := range x.Volumes {
		total += v.Bytes
	}
	bar := newProgress(c, total)
	defer bar.finish()
	x.Progress = func(bytes int64) { bar.add(0, bytes) }
	return x.ToDir(c.Context, out)
}

// exportJSON is what export --json prints.
type exportJSON struct {
	App      string           `json:"app"`
	Snapshot store.ID         `json:"snapshot"`
	Out      string           `json:"out"`
	Volumes  []exportedVolume `json:"volumes"`
}

type exportedVolume struct {
	Name     string `json:"name"`
	TarBytes int64  `json:"tar_bytes"`
	Omitted  int    `json:"sockets_omitted"`
}

func printExport(c *cli.Context, snap *store.Checkout, out string, done []archive.Exported) error {
	result := exportJSON{App: snap.Record.App, Snapshot: snap.ID, Out: out}
	var total int64
	for _, d := range done {
		total += d.Bytes
		for _, path := range d.Omitted {
			warn(c, []string{fmt.Sprintf("volume %s: socket %q is left out: no tar can hold it", d.Volume, path)})
		}
		result.Volumes = append(result.Volumes, exportedVolume{d.Volume, d.Bytes, len(d.Omitted)})
	}
	switch {
	case out == toStdout:
		return nil
	case c.Bool("json"):
		return printJSON(c, result)
	}
	printf(c, "%s: snapshot %s exported to %s: %s, %s\n", snap.Record.App, snap.ID.Short(), out,
		plural(int64(len(done)), "volume"), size(total))
	return nil
}
