package main

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"os"
	"path/filepath"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The colours, of Okabe and Ito's palette, which the colour blind can tell apart,
// and grey.
var (
	black     = color.RGBA{0x22, 0x22, 0x22, 0xff}
	grey      = color.RGBA{0xb8, 0xb8, 0xb8, 0xff}
	blue      = color.RGBA{0x00, 0x72, 0xb2, 0xff} // warmstore's
	orange    = color.RGBA{0xe6, 0x9f, 0x00, 0xff}
	sky       = color.RGBA{0x56, 0xb4, 0xe9, 0xff}
	green     = color.RGBA{0x00, 0x9e, 0x73, 0xff}
	vermilion = color.RGBA{0xd5, 0x5e, 0x00, 0xff}
	purple    = color.RGBA{0xcc, 0x79, 0xa7, 0xff}
)

// Sizes of what is drawn.
const (
	chartWidth = 10 * vg.Inch // as wide as a page of a forge, at its size of text
	titleSpace = 24           // points
	fontSize   = 10           // points
)

// The names of the charts of a workload.
func stepsFile(workload string) string  { return workload + "-steps.svg" }
func nightsFile(workload string) string { return workload + "-nights.svg" }

// charts draws the charts of all workloads into dir.
func (r *Result) charts(dir string) error {
	for _, facts := range r.Workloads {
		if r.hasSteps(facts.Name) {
			if err := save(filepath.Join(dir, stepsFile(facts.Name)), facts, r.stepsChart); err != nil {
				return err
			}
		}
		if len(r.series(facts.Name)) > 0 {
			if err := save(filepath.Join(dir, nightsFile(facts.Name)), facts, r.nightsChart); err != nil {
				return err
			}
		}
	}
	return nil
}

// save writes the chart that draw makes of a workload.
func save(path string, facts WorkloadFacts, draw func(WorkloadFacts) ([]byte, error)) error {
	svg, err := draw(facts)
	if err != nil {
		return fmt.Errorf("draw %s: %w", filepath.Base(path), err)
	}
	return os.WriteFile(path, svg, 0o644)
}

// stepsChart draws a panel a step, with a bar a peer, and a dashed line where the
// limit is.
func (r *Result) stepsChart(facts WorkloadFacts) ([]byte, error) {
	var panels []*plot.Plot
	for i, step := range r.stepsOf(facts.Name) {
		p, err := r.stepPanel(facts.Name, step.Name, i == 0)
		if err != nil {
			return nil, err
		}
		panels = append(panels, p)
	}
	height := vg.Length(len(r.Peers))*20 + 60
	title := fmt.Sprintf("%s, %d MB: seconds of each step, less is better; dashed: the limit",
		facts.Name, megabytes(facts.Bytes))
	return drawn(height, title, panels)
}

// seconds is the figure that is drawn.
func seconds(run Run) float64 { return run.Seconds }

// stepPanel draws one step. Names of peers stand only before the first one.
func (r *Result) stepPanel(workload, step string, named bool) (*plot.Plot, error) {
	p := newPlot()
	p.Title.Text = step
	labels := plotter.XYLabels{}
	var names []string
	most, limit := 0.0, median(r.row(workload, step, limitVerb).of(seconds))
	for i := range r.Peers {
		name := r.Peers[len(r.Peers)-1-i].Name // rows count from below
		row := r.row(workload, step, name)
		length, label := median(row.of(seconds)), "void"
		if row.void == "" && len(row.runs) > 0 {
			label = shortSeconds(length)
		} else {
			length = 0
		}
		if err := addBar(p, i, length, name); err != nil {
			return nil, err
		}
		names, most = append(names, name), max(most, length)
		at := plotter.XY{X: max(length, limit), Y: float64(i)} // right of the dashed line, not on it
		labels.XYs, labels.Labels = append(labels.XYs, at), append(labels.Labels, label)
	}
	if err := addMark(p, limit, len(r.Peers), 3, 3); err != nil {
		return nil, err
	}
	if err := addMark(p, 0, len(r.Peers)); err != nil {
		return nil, err
	}
	if !named {
		names = make([]string, len(names))
	}
	p.NominalY(names...)
	p.Y.Padding = 10 // space: what a reader's machine has for a font may be wider
	p.HideX()
	p.X.Min, p.X.Max = 0, most*1.45 // with space for the longest label
	return p, addLabels(p, labels, 4)
}

// shortSeconds formats seconds with about two digits.
func shortSeconds(seconds float64) string {
	switch {
	case seconds >= 10:
		return fmt.Sprintf("%.0f", seconds)
	case seconds >= 1:
		return fmt.Sprintf("%.1f", seconds)
	case seconds >= 0.1:
		return fmt.Sprintf("%.2f", seconds)
	}
	return fmt.Sprintf("%.3f", seconds)
}

// addBar adds a peer's bar in a row.
func addBar(p *plot.Plot, row int, seconds float64, peer string) error {
	bar, err := plotter.NewBarChart(plotter.Values{seconds}, 12)
	if err != nil {
		return err
	}
	bar.Horizontal, bar.XMin = true, float64(row)
	bar.Color, bar.LineStyle.Width = grey, 0
	switch peer {
	case "warmstore":
		bar.Color = blue
	case limitVerb: // no peer, so only an outline
		bar.Color, bar.LineStyle.Width, bar.LineStyle.Color = color.White, 0.75, black
	}
	p.Add(bar)
	return nil
}

// addMark adds a line over all rows, dashed if dashes are given.
func addMark(p *plot.Plot, at float64, rows int, dashes ...vg.Length) error {
	line, err := plotter.NewLine(plotter.XYs{{X: at, Y: -0.5}, {X: at, Y: float64(rows) - 0.5}})
	if err != nil {
		return err
	}
	line.Width, line.Color, line.Dashes = 0.75, black, dashes
	p.Add(line)
	return nil
}

// addLabels adds texts that begin right of their points.
func addLabels(p *plot.Plot, labels plotter.XYLabels, offset vg.Length) error {
	l, err := plotter.NewLabels(labels)
	if err != nil {
		return err
	}
	for i := range l.TextStyle {
		setFont(&l.TextStyle[i])
		l.TextStyle[i].YAlign = draw.YCenter
		if labels.Labels[i] == "warmstore" {
			l.TextStyle[i].Color = blue
		}
	}
	l.Offset.X = offset
	p.Add(l)
	return nil
}

// newPlot returns an empty plot with fonts as all charts have them.
func newPlot() *plot.Plot {
	p := plot.New()
	for _, style := range []*text.Style{
		&p.Title.TextStyle, &p.X.Label.TextStyle, &p.X.Tick.Label, &p.Y.Label.TextStyle, &p.Y.Tick.Label,
	} {
		setFont(style)
	}
	p.X.Padding, p.Y.Padding = 0, 0
	return p
}

func setFont(style *text.Style) {
	style.Font.Variant, style.Font.Size, style.Color = "Sans", fontSize, black
}

// drawn returns panels side by side below a title, as SVG on a white ground, which
// it keeps where the page around it is dark.
func drawn(height vg.Length, title string, panels []*plot.Plot) ([]byte, error) {
	canvas := vgsvg.New(chartWidth, height)
	c := draw.New(canvas)
	c.FillPolygon(color.White, []vg.Point{
		{X: c.Min.X, Y: c.Min.Y}, {X: c.Max.X, Y: c.Min.Y}, {X: c.Max.X, Y: c.Max.Y}, {X: c.Min.X, Y: c.Max.Y},
	})
	heading := plot.New().Title.TextStyle
	setFont(&heading)
	heading.Font.Size, heading.XAlign = 12, draw.XLeft
	c.FillText(heading, vg.Point{X: c.Min.X + 10, Y: c.Max.Y - 6}, title)
	tiles := draw.Tiles{Rows: 1, Cols: len(panels), PadX: 8, PadLeft: 10, PadRight: 10, PadBottom: 8}
	for i, at := range plot.Align([][]*plot.Plot{panels}, tiles, draw.Crop(c, 0, 0, 0, -titleSpace))[0] {
		panels[i].Draw(at)
	}
	var svg bytes.Buffer
	if _, err := canvas.WriteTo(&svg); err != nil {
		return nil, err
	}
	return withFonts(svg.Bytes())
}

// withFonts names fonts of the same widths, for machines that do not have the one
// that the text was measured with.
func withFonts(svg []byte) ([]byte, error) {
	const family = "font-family:Liberation Sans"
	if !bytes.Contains(svg, []byte(family)) {
		return nil, errors.New("no text in the font that was asked for")
	}
	return bytes.ReplaceAll(svg, []byte(family), []byte(family+",Arial,Helvetica,sans-serif")), nil
}
