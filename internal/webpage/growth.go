package webpage

import (
	"fmt"
	"strings"
	"time"

	"github.com/warmstore/warmstore/store"
)

// A growth is the line of what the kept snapshots need, each from the time it
// was taken. Its coordinates are those of an image of 1000 by 100.
type growth struct {
	First, Last time.Time
	Most        int64
	Line, Area  string // of an SVG path
}

// newGrowth returns the line; nil if all snapshots are of one time.
func newGrowth(snapshots []store.SnapshotUsage) *growth {
	if len(snapshots) == 0 {
		return nil
	}
	g := &growth{First: snapshots[0].Time, Last: snapshots[len(snapshots)-1].Time}
	for _, s := range snapshots {
		g.Most += s.Added
	}
	span := g.Last.Sub(g.First).Seconds()
	if span <= 0 || g.Most == 0 {
		return nil
	}
	var line strings.Builder
	sum := int64(0)
	for i, s := range snapshots {
		sum += s.Added
		x := max(0, s.Time.Sub(g.First).Seconds()/span*1000)
		y := 100 - percent(sum, g.Most)
		if i == 0 {
			fmt.Fprintf(&line, "M%.1f,%.2f", x, y)
		} else {
			fmt.Fprintf(&line, "H%.1fV%.2f", x, y)
		}
	}
	g.Line = line.String()
	g.Area = g.Line + "V100H0Z"
	return g
}
