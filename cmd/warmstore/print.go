package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/store"
)

// printf prints a line for people.
func printf(c *cli.Context, format string, args ...any) {
	if !c.Bool("quiet") && !c.Bool("json") {
		fmt.Fprintf(c.App.Writer, format, args...)
	}
}

// warn prints what should be known although nothing failed.
func warn(c *cli.Context, warnings []string) {
	for _, w := range warnings {
		fmt.Fprintln(c.App.ErrWriter, paint(c.App.ErrWriter, yellow, "warmstore: warning:"), w)
	}
}

// printJSON prints the one object of a command run with --json.
func printJSON(c *cli.Context, v any) error {
	enc := json.NewEncoder(c.App.Writer)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func size(bytes int64) string { return humanize.IBytes(uint64(bytes)) }

func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return humanize.Comma(n) + " " + noun + "s"
}

// quoted returns a name of a volume for people: as it is, or quoted and escaped
// if it holds what cannot be printed, or could be taken for that.
func quoted(name string) string {
	unprintable := func(r rune) bool { return !strconv.IsPrint(r) }
	if strings.ContainsFunc(name, unprintable) || !utf8.ValidString(name) || strings.HasPrefix(name, `"`) {
		return strconv.Quote(name)
	}
	return name
}

// rawBytes returns what JSON must have of a name beside its text, in which every
// byte that is no UTF-8 became U+FFFD: nil if there is none.
func rawBytes(name string) []byte {
	if utf8.ValidString(name) {
		return nil
	}
	return []byte(name)
}

// stamp writes a time as the replaced script did: UTC, seconds, Z.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// shortID writes an ID; that of a dry run is none.
func shortID(id store.ID) string {
	if id.IsZero() {
		return "-"
	}
	return id.Short()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// age writes a duration in its largest unit.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.0fs", max(0, d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%.0fm", d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%.0fh", d.Hours())
	}
	return fmt.Sprintf("%.0fd", d.Hours()/24)
}
