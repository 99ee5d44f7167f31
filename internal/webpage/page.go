// Package webpage draws what a store takes as one HTML page: a treemap, the
// growth over the snapshots, tables. The page needs no network and no script,
// and its policy forbids the browser both, whatever the names of files are.
package webpage

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/warmstore/warmstore/store"
)

//go:embed page.html
var source string

// lastSnapshots is how many snapshots the table has.
const lastSnapshots = 15

// A Page says what is drawn.
type Page struct {
	Store string // where it is
	Time  time.Time
	Usage *store.Usage // with trees and files
}

// Write writes the page as HTML.
func (p Page) Write(w io.Writer) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"size":   func(n int64) string { return humanize.IBytes(uint64(max(0, n))) },
		"count":  func(n int64) string { return humanize.Comma(n) },
		"factor": func(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) + "×" },
		"date":   func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") },
		"name":   display,
	}).Parse(source)
	if err != nil {
		return fmt.Errorf("parse page: %w", err)
	}
	return t.Execute(w, p.view())
}

// A view is what the template shows.
type view struct {
	Page
	Saved     float64 // bytes of files that one needed byte stands for
	Parts     []part
	Map       *box
	Growth    *growth               // nil: there are not two points in time
	Snapshots []store.SnapshotUsage // the newest first
	Most      int64                 // bytes that one of them added, at most
}

func (p Page) view() *view {
	u := p.Usage
	hues := newHues(u.Apps)
	v := &view{Page: p, Parts: parts(u, hues), Map: newMap(u, hues), Growth: newGrowth(u.Snapshots)}
	if u.Store.Stored > 0 {
		v.Saved = float64(u.Store.Named) / float64(u.Store.Stored)
	}
	v.Snapshots = slices.Clone(u.Snapshots[max(0, len(u.Snapshots)-lastSnapshots):])
	slices.Reverse(v.Snapshots)
	for _, s := range v.Snapshots {
		v.Most = max(v.Most, s.Added)
	}
	return v
}

// Percent returns a width for the bar of a snapshot.
func (v *view) Percent(n int64) template.CSS { return style("width:%.2f%%", percent(n, v.Most)) }

// style returns CSS that is made of numbers only.
func style(format string, numbers ...float64) template.CSS {
	args := make([]any, len(numbers))
	for i, n := range numbers {
		args[i] = n
	}
	return template.CSS(fmt.Sprintf(format, args...))
}

func percent(n, of int64) float64 {
	if of <= 0 {
		return 0
	}
	return float64(n) / float64(of) * 100
}

// display returns a name as it can be shown: what is no printable character of
// UTF-8 is escaped as in Go.
func display(name string) string {
	quoted := strconv.Quote(name)
	return quoted[1 : len(quoted)-1]
}

// A part is one of those that the bytes on disk are made of.
type part struct {
	Name  string
	Note  string
	Bytes int64
	Style template.CSS // width and hue
	Class string
}

// parts divides the bytes on disk: what is unique to each app, what apps share,
// what is garbage, and what the store needs for itself.
func parts(u *store.Usage, hues hues) (all []part) {
	d := u.Store
	add := func(class, name, note string, bytes int64, hue float64) {
		if bytes > 0 {
			place := style("--w:%.3f%%;--h:%.0f", percent(bytes, d.Total), hue)
			all = append(all, part{name, note, bytes, place, class})
		}
	}
	for _, a := range u.Apps {
		add("app", a.App, "needed by it alone", a.Unique, hues[a.App])
	}
	add("shared", "shared", "needed by several apps", d.Shared, 0)
	add("garbage", "garbage", "needed by nothing, so far: for gc", d.Garbage+d.Unlisted+d.Unfinished, 0)
	add("reserve", "reserve", "kept for gc on a full disk", d.Reserve, 0)
	own := d.Footers + d.Index + d.Records + d.Witness + d.Quarantine + d.Other
	add("own", "the store itself", "index, footers, records, witness, quarantine", own, 0)
	return all
}

// hues are the colours of apps.
type hues map[string]float64 // degrees

// newHues spreads the apps over the circle in steps of the golden angle, so that
// neighbours differ.
func newHues(apps []store.AppUsage) hues {
	h := hues{}
	for i, a := range apps {
		h[a.App] = float64((210 + i*222) % 360)
	}
	return h
}
