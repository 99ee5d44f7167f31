package main

import (
	"bytes"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
)

// A table is lines of aligned columns under a header.
type table struct {
	lines [][]string
	bad   map[int]bool // lines to stand out
}

func newTable(header ...string) *table {
	return &table{lines: [][]string{header}, bad: map[int]bool{}}
}

func (t *table) add(cells ...string) { t.lines = append(t.lines, cells) }

// addBad adds a line that needs attention.
func (t *table) addBad(cells ...string) {
	t.bad[len(t.lines)] = true
	t.add(cells...)
}

// print prints the table. Whole lines are painted, after they are aligned: the
// escapes have no width.
func (t *table) print(c *cli.Context) {
	var text bytes.Buffer
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, cells := range t.lines {
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	w.Flush()
	n := 0
	for line := range strings.Lines(text.String()) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case n == 0:
			line = paint(c.App.Writer, bold, line)
		case t.bad[n]:
			line = paint(c.App.Writer, red, line)
		}
		fmt.Fprintln(c.App.Writer, line)
		n++
	}
}
