package main

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
)

// A pen is how a peer's line is drawn.
type pen struct {
	color  color.Color
	dashes []vg.Length
	width  vg.Length
}

// pens are those of peers that are known; others get a thin black line.
var pens = map[string]pen{
	"warmstore": {color: blue, width: 3},
	"restic":    {color: vermilion, width: 1.5},
	"kopia":     {color: green, width: 1.5},
	"borg":      {color: purple, width: 1.5},
	"casync":    {color: orange, width: 1.5},
	"tar":       {color: black, width: 1.5, dashes: []vg.Length{6, 3}},
	"tar+zstd":  {color: sky, width: 1.5, dashes: []vg.Length{6, 3}},
	"cp":        {color: grey, width: 1.5, dashes: []vg.Length{2, 2}},
	"rsync":     {color: orange, width: 1.5, dashes: []vg.Length{2, 2}},
}

// A series is the stores of one peer, night after night.
type series struct {
	peer   string
	points plotter.XYs // MB
}

// end returns the last point.
func (s series) end() plotter.XY { return s.points[len(s.points)-1] }

// nightsChart draws a line a peer: what the store takes after each night.
func (r *Result) nightsChart(facts WorkloadFacts) ([]byte, error) {
	const height = 4 * vg.Inch
	all := r.series(facts.Name)
	p := newPlot()
	p.X.Label.Text, p.Y.Label.Text = "night", "MB on disk"
	last := float64(r.lastNight(facts.Name))
	p.X.Tick.Marker = plot.TickerFunc(func(float64, float64) []plot.Tick { return nightTicks(int(last)) })
	p.Y.Scale, p.Y.Tick.Marker = plot.LogScale{}, plot.TickerFunc(sizeTicks)
	grid := plotter.NewGrid()
	grid.Vertical.Width, grid.Horizontal.Color = 0, grey
	p.Add(grid)
	for _, s := range all {
		if err := addLine(p, s.peer, s.points, nil); err != nil {
			return nil, err
		}
	}
	p.Y.Min, p.Y.Max = p.Y.Min*0.9, p.Y.Max*1.2
	if err := nameLines(p, all, last, height); err != nil {
		return nil, err
	}
	p.X.Min, p.X.Max = 1, last+max(1, last-1)*0.15 // with space for names
	title := fmt.Sprintf("%s, %d MB at first: the store after each night, the newest %d snapshots kept; logarithmic",
		facts.Name, megabytes(facts.Bytes), r.Retain)
	return drawn(height, title, []*plot.Plot{p})
}

// series returns what there is to draw of a workload.
func (r *Result) series(workload string) (all []series) {
	for _, p := range r.Peers {
		s := series{peer: p.Name}
		for _, night := range r.nightsOf(workload, p.Name) {
			if night.Void == "" && night.Store > 0 {
				s.points = append(s.points, plotter.XY{X: float64(night.Night), Y: float64(night.Store) / 1e6})
			}
		}
		if len(s.points) > 0 {
			all = append(all, s)
		}
	}
	return all
}

// addLine adds a line with the peer's pen; with dashes, a thin one of those.
func addLine(p *plot.Plot, peer string, points plotter.XYs, dashes []vg.Length) error {
	line, err := plotter.NewLine(points)
	if err != nil {
		return err
	}
	pen, ok := pens[peer]
	if !ok {
		pen.color, pen.width = black, 0.75
	}
	line.Color, line.Width, line.Dashes = pen.color, pen.width, pen.dashes
	if dashes != nil {
		line.Width, line.Dashes = 0.75, dashes
	}
	p.Add(line)
	return nil
}

// nameLines writes the names of the peers right of the ends of their lines, far
// enough from each other to be read, each with a dotted line to its own.
func nameLines(p *plot.Plot, all []series, last float64, height vg.Length) error {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b series) int {
		return int(math.Copysign(1, a.end().Y-b.end().Y))
	})
	var ends []float64
	for _, s := range sorted {
		ends = append(ends, s.end().Y)
	}
	plotted := float64(height) - titleSpace - 50 // points, without the axis
	apart := math.Pow(p.Y.Max/p.Y.Min, 1.4*fontSize/plotted)
	places := spread(ends, p.Y.Min, p.Y.Max, apart)
	width := max(1, last-1)
	var labels plotter.XYLabels
	for i, s := range sorted {
		at := plotter.XY{X: last + width*0.03, Y: places[i]}
		if err := addLine(p, s.peer, plotter.XYs{s.end(), at}, []vg.Length{1, 1.5}); err != nil {
			return err
		}
		labels.XYs, labels.Labels = append(labels.XYs, at), append(labels.Labels, s.peer)
	}
	return addLabels(p, labels, 3)
}

// spread returns places near ascending values, each at least so many times as
// high as the one before, all between least and most if they fit there.
func spread(values []float64, least, most, apart float64) []float64 {
	places := slices.Clone(values)
	for i := range places {
		if i > 0 {
			places[i] = max(places[i], places[i-1]*apart)
		}
	}
	for i, above := len(places)-1, most; i >= 0; i-- {
		places[i] = max(least, min(places[i], above))
		above = places[i] / apart
	}
	return places
}

// sizeTicks returns ticks at 1, 2 and 5 times powers of ten.
func sizeTicks(least, most float64) (ticks []plot.Tick) {
	for power := math.Pow(10, math.Floor(math.Log10(least))); power <= most; power *= 10 {
		for _, factor := range []float64{1, 2, 5} {
			if at := factor * power; at >= least && at <= most {
				ticks = append(ticks, plot.Tick{Value: at, Label: fmt.Sprintf("%g", at)})
			}
		}
	}
	return ticks
}

// nightTicks returns a tick each night, or each fifth one if there are many.
func nightTicks(last int) (ticks []plot.Tick) {
	for night := 1; night <= last; night++ {
		if last <= 15 || night == 1 || night%5 == 0 {
			ticks = append(ticks, plot.Tick{Value: float64(night), Label: fmt.Sprint(night)})
		}
	}
	return ticks
}
