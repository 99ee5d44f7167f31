package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/restore"
)

// fewChanges is how many changes are shown to people who do not ask for all.
const fewChanges = 40

func allFlag() cli.Flag {
	usage := fmt.Sprintf("list every path that changes, not only the first %d", fewChanges)
	return &cli.BoolFlag{Name: "all", Usage: usage}
}

// A changeList keeps the lines about changes in a file, since there may be
// millions, until it is known that nothing failed and how they add up.
type changeList struct {
	file   *os.File
	lines  *bufio.Writer
	totals restore.Totals
	listed int64
}

// listChanges takes all changes. The caller closes the list.
func listChanges(c *cli.Context, stream iter.Seq2[restore.Change, error]) (*changeList, error) {
	file, err := os.CreateTemp("", "warmstore-changes-*")
	if err != nil {
		return nil, err
	}
	os.Remove(file.Name()) // it lives on while it is open
	l := &changeList{file: file, lines: bufio.NewWriter(file)}
	for change, err := range stream {
		if err == nil {
			err = l.add(c, change)
		}
		if err != nil {
			l.close()
			return nil, err
		}
	}
	return l, nil
}

func (l *changeList) close() { l.file.Close() }

func (l *changeList) add(c *cli.Context, change restore.Change) (err error) {
	l.totals.Add(change)
	switch {
	case c.Bool("json"):
		err = l.addJSON(change)
	case c.Bool("all"), l.listed < fewChanges:
		_, err = fmt.Fprintf(l.lines, "%-8v  %9s  %s: %s\n",
			change.Kind, writes(change.Bytes), change.Volume, quoted(change.Path))
	default:
		return nil
	}
	l.listed++
	return err
}

func writes(bytes int64) string {
	if bytes == 0 {
		return "-"
	}
	return size(bytes)
}

// changeJSON is one of the changes.
type changeJSON struct {
	restore.Change
	PathRaw []byte `json:"path_base64,omitempty"` // if the path is not UTF-8
}

func (l *changeList) addJSON(change restore.Change) error {
	b, err := json.Marshal(changeJSON{Change: change, PathRaw: rawBytes(change.Path)})
	if err != nil {
		return err
	}
	if l.listed > 0 {
		l.lines.WriteString(",")
	}
	_, err = fmt.Fprintf(l.lines, "\n    %s", b)
	return err
}

// copyTo writes the lines.
func (l *changeList) copyTo(w io.Writer) error {
	if err := l.lines.Flush(); err != nil {
		return err
	}
	if _, err := l.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := io.Copy(w, l.file)
	return err
}

// print prints the lines for people.
func (l *changeList) print(c *cli.Context) error {
	if c.Bool("quiet") || l.listed == 0 {
		return nil
	}
	printf(c, "CHANGE       WRITES  PATH\n")
	if err := l.copyTo(c.App.Writer); err != nil {
		return err
	}
	if rest := l.totals.Paths() - l.listed; rest > 0 {
		printf(c, "… and %s more: --all lists them\n", plural(rest, "path"))
	}
	return nil
}

// printJSON prints the object with the changes as its last member.
func (l *changeList) printJSON(c *cli.Context, object any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(object); err != nil {
		return err
	}
	head := bytes.TrimSuffix(b.Bytes(), []byte("\n}\n"))
	if _, err := fmt.Fprintf(c.App.Writer, "%s,\n  \"changes\": [", head); err != nil {
		return err
	}
	if err := l.copyTo(c.App.Writer); err != nil {
		return err
	}
	_, err := fmt.Fprintln(c.App.Writer, "]\n}")
	return err
}

// planJSON is the plan of a rollback.
type planJSON struct {
	restore.Totals
	EstimatedMS int64 `json:"estimated_ms"`       // reading as long as the plan took, and writing
	WriteRate   int64 `json:"estimated_at_bytes"` // a second
}

func newPlanJSON(t restore.Totals, reading time.Duration) planJSON {
	return planJSON{Totals: t, EstimatedMS: t.Estimate(reading).Milliseconds(), WriteRate: restore.WriteRate}
}

func planText(t restore.Totals, reading time.Duration) string {
	if t.Paths() == 0 {
		return "nothing to change"
	}
	return fmt.Sprintf("%s to change (%d added, %d removed, %d changed, %d metadata only), %s to write; "+
		"estimated %s, writing at %s/s", plural(t.Paths(), "path"), t.Added, t.Removed, t.Changed, t.Metadata,
		size(t.Bytes), seconds(t.Estimate(reading)), size(restore.WriteRate))
}
