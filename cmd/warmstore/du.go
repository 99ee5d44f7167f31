package main

import (
	"cmp"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/internal/webpage"
	"github.com/warmstore/warmstore/store"
)

// topFiles is how many files du lists if nobody says.
const topFiles = 20

func duCommand() *cli.Command {
	return &cli.Command{
		Name:      "du",
		Usage:     "show what apps, volumes and files take of the store, and what forgetting them frees",
		ArgsUsage: "[APP]",
		Description: "SIZE is that of the files in the newest snapshot. STORED is what all snapshots of the app\n" +
			"need in packs, each chunk counted once; UNIQUE is the part of it that nothing else needs, which\n" +
			"forget and gc would free; DELTA the part that is stored as differences.\n" +
			"COMPRESSION is the raw bytes of these chunks divided by STORED. DEDUP is the bytes of the files\n" +
			"in all snapshots of the app, and of their manifests, divided by the raw bytes of the chunks.\n" +
			"NEW, of a file, is the bytes of chunks that no older snapshot of the volume has.\n\n" + examples(
			"warmstore du",
			"warmstore du keycloak --by file --top 10",
			"warmstore du --json",
		),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "by", Value: "app", Usage: "a line for each `KIND`: app, volume or file"},
			&cli.StringFlag{Name: "html", Usage: "draw a page of it as `FILE` too, which needs no network"},
			&cli.BoolFlag{Name: "force", Usage: "replace FILE if it exists"},
			&cli.IntFlag{Name: "top", Usage: "only the `N` largest (of files 20 if not given)"},
		},
		OnUsageError: usageError,
		Action:       du,
	}
}

func du(c *cli.Context) error {
	opts, err := usageOptions(c)
	if err != nil {
		return err
	}
	if c.IsSet("html") && !c.Bool("force") {
		if err := webpage.CheckFree(c.String("html")); err != nil {
			return err
		}
	}
	s, err := openStore(c)
	if err != nil {
		return err
	}
	u, err := s.Usage(c.Context, opts)
	if err != nil {
		return err
	}
	if c.IsSet("html") {
		if err := savePage(c, u); err != nil {
			return err
		}
	}
	shorten(c, u)
	if c.Bool("json") {
		return printJSON(c, newUsageJSON(u))
	}
	if !c.Bool("quiet") {
		printUsage(c, u)
	}
	return nil
}

// savePage draws the page.
func savePage(c *cli.Context, u *store.Usage) error {
	dir, err := root(c)
	if err != nil {
		return err
	}
	return webpage.Page{Store: dir, Time: time.Now(), Usage: u}.Save(c.String("html"))
}

func usageOptions(c *cli.Context) (opts store.UsageOptions, err error) {
	if c.NArg() > 0 {
		if opts.App, err = appArgument(c); err != nil {
			return opts, err
		}
	}
	if c.IsSet("top") && c.Int("top") < 1 {
		return opts, fmt.Errorf("%w: --top %d: at least 1", errUsage, c.Int("top"))
	}
	if c.IsSet("html") && c.String("html") == "" {
		return opts, fmt.Errorf("%w: --html is empty", errUsage)
	}
	opts.Tree = c.IsSet("html")
	if opts.Tree || c.String("by") == "file" {
		opts.Top = cmp.Or(c.Int("top"), topFiles)
	}
	switch by := c.String("by"); by {
	case "app", "volume", "file":
	default:
		return opts, fmt.Errorf("%w: --by %q is not app, volume or file", errUsage, by)
	}
	return opts, nil
}

// shorten sorts apps and volumes by what they take, and drops all but --top.
func shorten(c *cli.Context, u *store.Usage) {
	slices.SortStableFunc(u.Apps, func(a, b store.AppUsage) int { return cmp.Compare(b.Stored, a.Stored) })
	slices.SortStableFunc(u.Volumes, func(a, b store.VolumeUsage) int { return cmp.Compare(b.Stored, a.Stored) })
	if c.IsSet("top") {
		u.Apps = u.Apps[:min(len(u.Apps), c.Int("top"))]
		u.Volumes = u.Volumes[:min(len(u.Volumes), c.Int("top"))]
	}
}

// usageJSON is what du --json prints.
type usageJSON struct {
	Apps      []store.AppUsage      `json:"apps"`
	Volumes   []store.VolumeUsage   `json:"volumes"`
	Snapshots []store.SnapshotUsage `json:"snapshots"`
	Largest   []fileJSON            `json:"largest"` // with --by file, as changed
	Changed   []fileJSON            `json:"changed"`
	Store     store.StoreUsage      `json:"store"`
}

type fileJSON struct {
	store.FileUsage
	PathRaw []byte `json:"path_base64,omitempty"` // if the path is not UTF-8
}

func newUsageJSON(u *store.Usage) usageJSON {
	return usageJSON{
		Apps: append([]store.AppUsage{}, u.Apps...), Volumes: append([]store.VolumeUsage{}, u.Volumes...),
		Snapshots: append([]store.SnapshotUsage{}, u.Snapshots...),
		Largest:   newFilesJSON(u.Largest), Changed: newFilesJSON(u.Changed), Store: u.Store,
	}
}

func newFilesJSON(files []store.FileUsage) []fileJSON {
	out := []fileJSON{}
	for _, f := range files {
		out = append(out, fileJSON{FileUsage: f, PathRaw: rawBytes(f.Path)})
	}
	return out
}

func printUsage(c *cli.Context, u *store.Usage) {
	switch c.String("by") {
	case "volume":
		printVolumes(c, u.Volumes)
	case "file":
		printFiles(c, u)
	default:
		printAppUsage(c, u.Apps)
	}
	if !c.Args().Present() {
		printf(c, "\n")
		printStore(c, &u.Store)
	}
}

// spaceColumns are those that apps and volumes have.
func spaceColumns() []string {
	return []string{"STORED", "UNIQUE", "SHARED", "DELTA", "COMPRESSION", "DEDUP"}
}

func spaceCells(s *store.Space) []string {
	return []string{size(s.Stored), size(s.Unique), size(s.Shared), size(s.Delta),
		factor(s.Compression), factor(s.Deduplication)}
}

func factor(f float64) string { return fmt.Sprintf("%.1f×", f) }

func printAppUsage(c *cli.Context, apps []store.AppUsage) {
	t := newTable(append([]string{"APP", "SNAPSHOTS", "SIZE"}, spaceColumns()...)...)
	for _, a := range apps {
		t.add(append([]string{a.App, fmt.Sprint(a.Snapshots), size(a.Bytes)}, spaceCells(&a.Space)...)...)
	}
	t.print(c)
}

func printVolumes(c *cli.Context, volumes []store.VolumeUsage) {
	t := newTable(append([]string{"APP", "VOLUME", "FILES", "SIZE"}, spaceColumns()...)...)
	for _, v := range volumes {
		t.add(append([]string{v.App, v.Volume, fmt.Sprint(v.Files), size(v.Bytes)}, spaceCells(&v.Space)...)...)
	}
	t.print(c)
}

func printFiles(c *cli.Context, u *store.Usage) {
	printf(c, "The largest files of the newest snapshots:\n")
	t := newTable("SIZE", "APP", "VOLUME", "PATH")
	for _, f := range u.Largest {
		t.add(size(f.Bytes), f.App, f.Volume, quoted(f.Path))
	}
	t.print(c)
	if len(u.Changed) == 0 {
		printf(c, "\nNo file is newer than an older snapshot, or there is none to compare with: --keep 2 keeps one.\n")
		return
	}
	printf(c, "\nThe files with the most that no older snapshot has:\n")
	t = newTable("NEW", "STORED", "SIZE", "APP", "VOLUME", "PATH")
	for _, f := range u.Changed {
		t.add(size(f.New), size(f.NewStored), size(f.Bytes), f.App, f.Volume, quoted(f.Path))
	}
	t.print(c)
}

// printStore accounts for the bytes on disk. What there is nothing of is left out.
func printStore(c *cli.Context, u *store.StoreUsage) {
	w := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	defer w.Flush()
	fmt.Fprintf(w, "needed\t%s\tunique to an app %s, shared %s; compression %s, dedup %s\n", size(u.Stored),
		size(u.Unique), size(u.Shared), factor(u.Compression), factor(u.Deduplication))
	for _, line := range []struct {
		name  string
		bytes int64
		note  string
	}{
		{"garbage", u.Garbage, "blobs that nothing needs"},
		{"footers", u.Footers, "of " + plural(int64(u.Packs), "pack")},
		{"not listed", u.Unlisted + u.Unfinished, "of snapshots in progress, or for gc"},
		{"index", u.Index, "where the blobs are"},
		{"records", u.Records, "of the snapshots"},
		{"witness", u.Witness, "how files looked: what is unchanged is not read"},
		{"reserve", u.Reserve, "for gc on a full disk"},
		{"quarantine", u.Quarantine, "what repair moved out of the way"},
		{"other", u.Other, "locks, marks, format"},
	} {
		if line.bytes > 0 {
			fmt.Fprintf(w, "%s\t%s\t%s\n", line.name, size(line.bytes), line.note)
		}
	}
	fmt.Fprintf(w, "on disk\t%s\tall of these\n", size(u.Total))
	fmt.Fprintf(w, "reclaimable\t%s\tby warmstore gc now\n", size(u.Reclaimable))
}
