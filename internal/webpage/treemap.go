package webpage

import (
	"cmp"
	"html/template"
	"slices"

	"github.com/warmstore/warmstore/store"
)

// A box is one rectangle of the treemap. Its place is in percent of the box it
// is in.
type box struct {
	ID    int // unique in the page
	Name  string
	Kind  string // store, app, volume, dir, file or rest
	Bytes int64
	Files int64
	In    []*box
	Style template.CSS
}

// aspect is the width of the treemap by its height that the rectangles are
// chosen for: between those it has on a wide screen and on a phone.
const aspect = 1.3

// newMap returns the boxes of what the newest snapshots hold: apps, volumes in
// them, directories and files in these.
func newMap(u *store.Usage, hues hues) *box {
	root := &box{Name: "all apps", Kind: "store"}
	var app *box
	for i := range u.Volumes {
		v := &u.Volumes[i]
		if v.Tree == nil || v.Tree.Bytes == 0 {
			continue
		}
		if app == nil || app.Name != v.App {
			app = &box{Name: v.App, Kind: "app", Style: style("--h:%.0f", hues[v.App])}
			root.add(app)
		}
		volume := newBox(v.Tree)
		volume.Name, volume.Kind = v.Volume, "volume"
		app.add(volume)
	}
	for _, app := range root.In {
		root.Bytes, root.Files = root.Bytes+app.Bytes, root.Files+app.Files
	}
	next := 0
	root.lay(aspect, &next)
	return root
}

// add puts a complete box into b, whose size grows unless it is the root.
func (b *box) add(in *box) {
	b.In = append(b.In, in)
	if b.Kind == "app" {
		b.Bytes, b.Files = b.Bytes+in.Bytes, b.Files+in.Files
	}
}

// newBox returns the box of a directory or file. What the tree does not tell of
// by itself is one box.
func newBox(t *store.SizeTree) *box {
	b := &box{Name: display(t.Name), Kind: "file", Bytes: t.Bytes, Files: t.Files}
	if !t.Dir {
		return b
	}
	b.Kind = "dir"
	rest := &box{Kind: "rest", Bytes: t.Bytes, Files: t.Files}
	for _, in := range t.In {
		b.In = append(b.In, newBox(in))
		rest.Bytes, rest.Files = rest.Bytes-in.Bytes, rest.Files-in.Files
	}
	if len(b.In) > 0 && rest.Bytes > 0 {
		rest.Name = "smaller ones"
		b.In = append(b.In, rest)
	}
	return b
}

// lay numbers the boxes and gives those in b, which has this aspect, their places.
func (b *box) lay(aspect float64, next *int) {
	b.ID = *next
	*next++
	slices.SortStableFunc(b.In, func(x, y *box) int { return cmp.Compare(y.Bytes, x.Bytes) })
	sizes := make([]float64, len(b.In))
	for i, in := range b.In {
		sizes[i] = float64(in.Bytes)
	}
	for i, r := range squarify(sizes, rect{0, 0, aspect, 1}) {
		in := b.In[i]
		in.Style += style(";left:%.3f%%;top:%.3f%%;width:%.3f%%;height:%.3f%%",
			r.x/aspect*100, r.y*100, r.w/aspect*100, r.h*100)
		in.lay(r.w/max(r.h, 1e-9), next)
	}
}

// A rect is a rectangle.
type rect struct{ x, y, w, h float64 }

// squarify divides a rectangle in proportion to the sizes, which descend, into
// ones that are as square as can be: a row grows along the shorter side as long as
// that makes the worst one in it better (Bruls, Huizing, van Wijk 2000).
func squarify(sizes []float64, in rect) []rect {
	total := 0.0
	for _, s := range sizes {
		total += s
	}
	var out []rect
	for len(sizes) > 0 {
		scale, side := in.w*in.h/total, min(in.w, in.h)
		n, sum := 1, sizes[0]
		for n < len(sizes) && worst(sizes[:n+1], sum+sizes[n], scale, side) <= worst(sizes[:n], sum, scale, side) {
			sum += sizes[n]
			n++
		}
		var row []rect
		row, in = cutRow(sizes[:n], sum, sum/total, in)
		out = append(out, row...)
		sizes, total = sizes[n:], total-sum
	}
	return out
}

// worst returns the longest side by the shortest of the rectangles of a row.
func worst(row []float64, sum, scale, side float64) float64 {
	thick := sum * scale / side
	long := row[0] * scale / thick
	short := row[len(row)-1] * scale / thick
	return max(long/thick, thick/long, short/thick, thick/short)
}

// cutRow lays a row along the shorter side of the rectangle, of which it takes
// that share, and returns what is left.
func cutRow(row []float64, sum, share float64, in rect) (out []rect, rest rect) {
	at := 0.0
	for _, s := range row {
		part := s / sum
		if in.w >= in.h {
			out = append(out, rect{in.x, in.y + at*in.h, in.w * share, part * in.h})
		} else {
			out = append(out, rect{in.x + at*in.w, in.y, part * in.w, in.h * share})
		}
		at += part
	}
	if in.w >= in.h {
		return out, rect{in.x + in.w*share, in.y, in.w * (1 - share), in.h}
	}
	return out, rect{in.x, in.y + in.h*share, in.w, in.h * (1 - share)}
}
