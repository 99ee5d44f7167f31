package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/store"
)

func showCommand() *cli.Command {
	return &cli.Command{
		Name:         "show",
		Usage:        "show the record of a snapshot",
		ArgsUsage:    "APP",
		Description:  examples("warmstore show keycloak", "warmstore show keycloak --snapshot 1f0c --json"),
		Flags:        []cli.Flag{snapshotFlag()},
		OnUsageError: usageError,
		Action:       show,
	}
}

// showJSON is what show --json prints: the keys of the replaced script, and
// ours beside them.
type showJSON struct {
	Recipe  string   `json:"recipe"`
	Domain  string   `json:"domain"`
	Commit  string   `json:"commit"`
	Version string   `json:"version"`
	Time    string   `json:"ts"`
	Volumes []string `json:"volumes"`

	App      string               `json:"app"`
	Snapshot store.ID             `json:"snapshot"`
	Seq      uint64               `json:"seq"`
	Labels   map[string]string    `json:"labels"`
	Exclude  []string             `json:"exclude"`
	Source   store.Source         `json:"source"`
	Files    int64                `json:"files"`
	Bytes    int64                `json:"bytes"`
	Trees    []store.VolumeRecord `json:"trees"`
}

func show(c *cli.Context) error {
	app, s, err := appOfStore(c)
	if err != nil {
		return err
	}
	id, err := chosen(c, s, app)
	if err != nil {
		return err
	}
	if id.IsZero() {
		if id, _, err = s.LastGood(app); err != nil {
			return err
		}
	}
	r, err := s.Lookup(app, id)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return printJSON(c, newShowJSON(id, r))
	}
	printRecord(c, id, r)
	return nil
}

func newShowJSON(id store.ID, r *store.Record) showJSON {
	out := showJSON{
		Recipe: r.App, Domain: r.Domain, Commit: r.Commit, Version: r.Version, Time: stamp(r.Time),
		App: r.App, Snapshot: id, Seq: r.Seq, Labels: r.Labels, Source: r.Source,
		Exclude: append([]string{}, r.Exclude...),
		Files:   r.Files(), Bytes: r.Bytes(), Trees: r.Volumes,
	}
	if out.Labels == nil {
		out.Labels = map[string]string{}
	}
	for _, v := range r.Volumes {
		out.Volumes = append(out.Volumes, v.Name)
	}
	return out
}

func printRecord(c *cli.Context, id store.ID, r *store.Record) {
	w := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	defer w.Flush()
	for _, line := range [][2]string{
		{"app", r.App}, {"snapshot", id.String()}, {"taken", stamp(r.Time)},
		{"domain", orDash(r.Domain)}, {"version", orDash(r.Version)}, {"commit", orDash(r.Commit)},
		{"source", strings.TrimSpace(r.Source.Kind + " " + r.Source.Name)},
	} {
		fmt.Fprintf(w, "%s\t%s\n", line[0], line[1])
	}
	for _, key := range slices.Sorted(maps.Keys(r.Labels)) {
		fmt.Fprintf(w, "label\t%q=%q\n", key, r.Labels[key])
	}
	for _, pattern := range r.Exclude {
		fmt.Fprintf(w, "left out\t%s\n", quoted(pattern))
	}
	for _, v := range r.Volumes {
		fmt.Fprintf(w, "volume\t%s: %s, %s, from %s\n", v.Name, plural(v.Files, "file"), size(v.Bytes), v.Path)
	}
}
