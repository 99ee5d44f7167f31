package webpage

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/warmstore/warmstore/store"
)

// hostile are names that a page must show and never obey.
var hostile = []string{
	"<script>document.title='pwned'<", "</script><script>document.title='pwned'</script>",
	`"><img src=http://evil.invalid/x onerror=document.title='pwned'>`, "'-alert(1)-'", "{{.Store}}",
	"javascript:document.title='pwned'", "</style><script>document.title='pwned'</script>",
	"a\nb\xff\x1b[31m", "\u202efdp.exe", strings.Repeat("long", 60),
	"--></title><svg/onload=document.title='pwned'>",
}

// example is the usage of a store whose volumes have hostile names in them.
func example() *store.Usage {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	u := &store.Usage{}
	root := &store.SizeTree{Dir: true}
	for i, name := range hostile {
		file := &store.SizeTree{Name: name, Bytes: int64(1000 + 100*i), Files: 1}
		dir := &store.SizeTree{Name: name, Dir: true, Bytes: 5000, Files: 3, In: []*store.SizeTree{file}}
		root.In = append(root.In, dir)
		root.Bytes, root.Files = root.Bytes+dir.Bytes, root.Files+dir.Files
		u.Largest = append(u.Largest, store.FileUsage{App: "evil", Volume: "data", Path: "dir/" + name, Bytes: 7 << 20,
			New: 5 << 20, NewStored: 3 << 20})
	}
	u.Changed = u.Largest
	space := store.Space{Named: 9 << 30, Raw: 3 << 30, Stored: 1234567890, Unique: 987654321, Shared: 246913569,
		Delta: 7 << 20, Compression: 2.6, Deduplication: 3}
	for i, app := range []string{"evil", "good", strings.Repeat("a-name-without-any-space-", 5)} {
		u.Apps = append(u.Apps, store.AppUsage{App: app, Snapshots: 2, Bytes: 5 << 30, Space: space})
		u.Volumes = append(u.Volumes, store.VolumeUsage{App: app, Volume: "data", Files: root.Files, Bytes: root.Bytes,
			Tree: root})
		for n := range 2 {
			taken := at.Add(time.Duration(i+3*n) * time.Hour)
			event := store.SnapshotUsage{App: app, Time: taken, Bytes: 5 << 30, Added: 1 << 28}
			u.Snapshots = append(u.Snapshots, event)
		}
	}
	slices.SortFunc(u.Snapshots, func(a, b store.SnapshotUsage) int { return a.Time.Compare(b.Time) })
	u.Store = store.StoreUsage{Space: space, Garbage: 3 << 20, Footers: 1 << 20, Index: 2 << 20, Reserve: 16 << 20,
		Total: 1261830930, Reclaimable: 4 << 20}
	return u
}

func write(t *testing.T, u *store.Usage) string {
	t.Helper()
	var b bytes.Buffer
	p := Page{Store: "/srv/<b>warm", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Usage: u}
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPageEscapesNames(t *testing.T) {
	page := write(t, example())
	for _, bad := range []string{"<script", "<img", "<svg/", "<b>warm", "javascript:document.title='pwned'\"",
		"\xff", "\x1b", "\u202e"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, external := range []string{"src=\"", "url(", "@import", "<link"} {
		if strings.Contains(page, external) {
			t.Errorf("the page has %q, which may need a network", external)
		}
	}
}

func TestPageOfAnEmptyStore(t *testing.T) {
	page := write(t, &store.Usage{})
	for _, want := range []string{"There are no files", "not two points in time", "0 B"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestSaveReplacesAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "page.html")
	p := Page{Usage: example()}
	if err := CheckFree(path); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := p.Save(path); err != nil {
			t.Fatal(err)
		}
	}
	if err := CheckFree(path); err == nil {
		t.Error("the page's place is free")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the page there are %v, %v", entries, err)
	}
	if err := p.Save(filepath.Join(dir, "none", "page.html")); err == nil {
		t.Error("a page is saved in no directory")
	}
}

func TestSquarifyFillsTheRectangle(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		in := rect{0, 0, 0.2 + 3*rng.Float64(), 1}
		sizes := make([]float64, 1+rng.IntN(40))
		total := 0.0
		for i := range sizes {
			sizes[i] = math.Exp(6 * rng.Float64())
			total += sizes[i]
		}
		slices.SortFunc(sizes, func(a, b float64) int { return int(math.Copysign(1, b-a)) })
		out := squarify(sizes, in)
		if len(out) != len(sizes) {
			t.Fatalf("%d rectangles for %d sizes", len(out), len(sizes))
		}
		for i, r := range out {
			if want := sizes[i] / total * in.w; math.Abs(r.w*r.h-want) > 1e-9 {
				t.Errorf("rectangle %d has area %g, want %g", i, r.w*r.h, want)
			}
			if r.x < -1e-9 || r.y < -1e-9 || r.x+r.w > in.w+1e-9 || r.y+r.h > in.h+1e-9 {
				t.Errorf("rectangle %+v is not in %+v", r, in)
			}
			for _, o := range out[:i] {
				w := min(r.x+r.w, o.x+o.w) - max(r.x, o.x)
				h := min(r.y+r.h, o.y+o.h) - max(r.y, o.y)
				if w > 1e-9 && h > 1e-9 {
					t.Errorf("%+v and %+v overlap", r, o)
				}
			}
		}
	}
}
