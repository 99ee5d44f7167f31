package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/manifest"
	"github.com/warmstore/warmstore/internal/pack"
	"github.com/warmstore/warmstore/store"
)

// inStore returns the path of a file of the store in root.
func inStore(root string, elem ...string) string {
	return filepath.Join(append([]string{root, store.Dir}, elem...)...)
}

// packFiles returns the size of each pack file, by path.
func packFiles(t *testing.T, root string) map[string]int64 {
	t.Helper()
	paths, err := filepath.Glob(inStore(root, "blobs", "*", "*"))
	check(t, err)
	sizes := map[string]int64{}
	for _, path := range paths {
		info, err := os.Stat(path)
		check(t, err)
		sizes[path] = info.Size()
	}
	return sizes
}

func packBytes(t *testing.T, root string) (n int64) {
	t.Helper()
	for _, size := range packFiles(t, root) {
		n += size
	}
	return n
}

// wantSound fails for each problem of the store.
func wantSound(t *testing.T, s *store.Store) {
	t.Helper()
	r, err := s.Check(t.Context(), store.CheckOptions{ReadData: true})
	check(t, err)
	for _, p := range r.Problems {
		t.Error(p)
	}
}

// A part is a blob for a pack made by hand. With a base it is stored as a delta
// against that, else as it is.
type part struct{ raw, base []byte }

// handmade stores a pack of these blobs, and lists it unless it is to be a
// leftover. It returns its path.
func handmade(t *testing.T, root string, listed bool, parts ...part) (path string, tail pack.Tail) {
	t.Helper()
	w, err := pack.Create(inStore(root, "tmp"))
	check(t, err)
	for _, p := range parts {
		e := blob.Entry{ID: blob.Sum(p.raw), Raw: uint32(len(p.raw)), Codec: blob.Raw}
		bytes := p.raw
		if p.base != nil {
			e.Codec, e.Base = blob.XOR, blob.Sum(p.base)
			bytes, err = pack.NewCoder().EncodeXOR(nil, p.raw, p.base, len(p.raw)-1)
			check(t, err)
		}
		check(t, w.Append(e, bytes))
	}
	dir := pack.Dir(inStore(root, "blobs"))
	tail, err = w.Finish(dir)
	check(t, err)
	if listed {
		editIndex(t, root, func(tx *index.Tx) error { return tx.PutPack(tail) })
	}
	return dir.Path(tail.ID()), tail
}

func editIndex(t *testing.T, root string, f func(*index.Tx) error) {
	t.Helper()
	check(t, index.DB(inStore(root, "index.db")).Update(f))
}

// entries returns where the index has each chunk.
func entries(t *testing.T, root string) map[blob.ID]blob.Location {
	t.Helper()
	found := map[blob.ID]blob.Location{}
	check(t, index.DB(inStore(root, "index.db")).View(func(tx *index.Tx) error {
		chunks, err := tx.Chunks()
		if err != nil {
			return err
		}
		for p := range chunks.Packs() {
			for i := range p.Tail.Len() {
				id := p.Tail.BlobID(i)
				found[id], _ = chunks.Find(id)
			}
		}
		return nil
	}))
	return found
}

// few is content of one chunk; much of it alike, for a delta.
func few(seed uint64, n int) []byte { return noise(random(seed), n) }

func similar(base []byte) []byte {
	b := bytes.Clone(base)
	b[len(b)/2] ^= 1
	return b
}

// flipFile changes a bit of a file.
func flipFile(t *testing.T, path string, at int) {
	t.Helper()
	b, err := os.ReadFile(path)
	check(t, err)
	b[at] ^= 1
	check(t, os.WriteFile(path, b, 0o600))
}

// A hurt is one kind of damage, and what check has to say of it.
type hurt struct {
	name     string
	do       func(h *history)
	read     bool // it is seen only by reading the data
	lines    int  // one for each file and snapshot that it hits
	contains string
	lastGood bool
}

// A history is a store with two snapshots of app, which has a second one, and a
// pack of garbage.
type history struct {
	t          *testing.T
	s          *store.Store
	root, dir  string
	first      store.ID // of app, not its last-good
	second     store.ID
	own, alike string // packs: of app's first snapshot, and what other shares with nothing
	garbage    string
}

func newHistory(t *testing.T) *history {
	h := &history{t: t, root: filepath.Join(memory(t), "warm"), dir: t.TempDir()}
	h.s = open(t, h.root)
	var known map[string]int64
	added := func() (path string) {
		now := packFiles(t, h.root)
		for p := range now {
			if _, ok := known[p]; !ok {
				path = p
			}
		}
		known = now
		return path
	}
	write(t, h.dir+"/old", []byte("the old file, only in the first snapshot"))
	h.first = take(t, h.s, "app", h.dir, store.SnapshotOptions{}).ID
	h.own = added()
	check(t, os.Remove(h.dir+"/old"))
	write(t, h.dir+"/new", []byte("the new file, only in the last-good"))
	h.second = take(t, h.s, "app", h.dir, store.SnapshotOptions{Keep: 2}).ID
	added()
	other := t.TempDir()
	write(t, other+"/other", []byte("what only the other app has"))
	take(t, h.s, "other", other, store.SnapshotOptions{})
	h.alike = added()
	h.garbage, _ = handmade(t, h.root, true, part{raw: []byte("what nobody needs")})
	wantSound(t, h.s)
	return h
}

func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "warmstore-test-")
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (h *history) record(id store.ID) string {
	return inStore(h.root, "snapshots", id.String()+".json")
}

// truncate cuts the last byte off.
func (h *history) truncate(path string) {
	info, err := os.Stat(path)
	check(h.t, err)
	check(h.t, os.Truncate(path, info.Size()-1))
}

// flipEnd changes a bit so far from the end of a file.
func (h *history) flipEnd(path string, fromEnd int) {
	info, err := os.Stat(path)
	check(h.t, err)
	flipFile(h.t, path, int(info.Size())-fromEnd)
}

func (h *history) unlist(pack string) {
	id, err := blob.ParseID(filepath.Base(pack)[:64])
	check(h.t, err)
	editIndex(h.t, h.root, func(tx *index.Tx) error { return tx.DropPack(id) })
}

func (h *history) list(app string, ids ...blob.ID) {
	editIndex(h.t, h.root, func(tx *index.Tx) error { return tx.PutApp(app, ids) })
}

// hurts are made each alone, and, but for those that hide others, all at once.
var hurts = []hurt{
	{"data of the last-good", func(h *history) { flip(h.t, h.root, "the new file") }, true, 2, "", true},
	{"data of an older snapshot", func(h *history) { flip(h.t, h.root, "the old file") }, true, 2, "", false},
	{"data of garbage", func(h *history) { flip(h.t, h.root, "what nobody") }, true, 1, "pack", false},
	{"pack of garbage missing", func(h *history) { check(h.t, os.Remove(h.garbage)) }, false, 1, "pack", false},
	{"pack missing", func(h *history) { check(h.t, os.Remove(h.alike)) }, false, 2, "", true},
	{"pack truncated", func(h *history) { h.truncate(h.alike) }, false, 2, "", true},
	{"pack empty", func(h *history) { check(h.t, os.Truncate(h.alike, 0)) }, false, 2, "", true},
	{"header of a pack", func(h *history) { flipFile(h.t, h.alike, 0) }, false, 2, "", true},
	{"footer of a pack", func(h *history) { h.flipEnd(h.alike, 60) }, false, 2, "footer", true},
	{"pack of an older snapshot missing", func(h *history) { check(h.t, os.Remove(h.own)) }, false, 2, "", false},
	{"pack not in the index", func(h *history) { h.unlist(h.alike) }, false, 1, "manifest", true},
	{"record", func(h *history) { flipFile(h.t, h.record(h.second), 50) }, false, 1, "record", true},
	{"record missing", func(h *history) { check(h.t, os.Remove(h.record(h.second))) }, false, 1, "record", true},
	{"older record", func(h *history) { flipFile(h.t, h.record(h.first), 50) }, false, 1, "record", false},
	{"wrong order", func(h *history) { h.list("app", h.second, h.first) }, false, 1, "number 1", true},
	{"another app's snapshot", func(h *history) { h.list("third", h.second) }, false, 1, "number 2 of app", true},
}

func TestCheckHasALineForEveryKindOfDamage(t *testing.T) {
	for _, hurt := range hurts {
		t.Run(hurt.name, func(t *testing.T) {
			t.Parallel()
			h := newHistory(t)
			hurt.do(h)
			before := list(t, h.root)
			r, err := h.s.Check(t.Context(), store.CheckOptions{ReadData: hurt.read})
			check(t, err)
			if len(r.Problems) != hurt.lines {
				t.Errorf("%d lines, want %d:\n%v", len(r.Problems), hurt.lines, r.Problems)
			}
			affected := len(r.Affected()) > 0
			if affected != hurt.lastGood {
				t.Errorf("the last-goods of %v are affected, want any: %t", r.Affected(), hurt.lastGood)
			}
			if !strings.Contains(fmt.Sprint(r.Problems), hurt.contains) {
				t.Errorf("%v does not say %q", r.Problems, hurt.contains)
			}
			before.withoutNotes().same(t, list(t, h.root).withoutNotes())
			if hurt.read {
				r, err = h.s.Check(t.Context(), store.CheckOptions{})
				check(t, err)
				if len(r.Problems) > 0 {
					t.Errorf("without reading it finds %v, so the test tests little", r.Problems)
				}
			}
		})
	}
}

// withoutNotes returns the listing of a store without what notes change.
func (l listing) withoutNotes() listing {
	l = maps.Clone(l)
	for _, path := range []string{"/state", "/state/check.json", "/state/gc.json", "/tmp"} {
		delete(l, "/"+store.Dir+path)
	}
	return l
}

func TestCheckFindsAllAtOnce(t *testing.T) {
	h := newHistory(t)
	want := 0
	for _, hurt := range hurts {
		switch hurt.name {
		case "data of the last-good", "data of garbage", "pack missing", "older record":
			hurt.do(h)
			want += hurt.lines
		}
	}
	r, err := h.s.Check(t.Context(), store.CheckOptions{ReadData: true})
	check(t, err)
	if len(r.Problems) != want || !slices.Equal(r.Affected(), []string{"app", "other"}) {
		t.Errorf("%d lines, want %d, affected are %v:\n%v", len(r.Problems), want, r.Affected(), r.Problems)
	}
	r, err = h.s.Check(t.Context(), store.CheckOptions{ReadData: true, App: "app"})
	check(t, err)
	if !slices.Equal(r.Affected(), []string{"app"}) || r.Apps != 1 {
		t.Errorf("of app alone it checks %d apps, affected are %v", r.Apps, r.Affected())
	}
}

func TestCheckKnowsThatADeltaNeedsItsBase(t *testing.T) {
	h := newHistory(t)
	base := few(1, 3000)
	path, _ := handmade(t, h.root, true, part{raw: base})
	handmade(t, h.root, true, part{raw: similar(base), base: base})
	write(t, h.dir+"/delta", similar(base))
	before, err := h.s.Check(t.Context(), store.CheckOptions{})
	check(t, err)
	take(t, h.s, "app", h.dir, store.SnapshotOptions{Keep: 3})
	after, err := h.s.Check(t.Context(), store.CheckOptions{})
	check(t, err)
	if n := after.LiveBlobs - before.LiveBlobs; n != 3 { // manifest, delta and base
		t.Errorf("%d more blobs are needed, want 3", n)
	}
	check(t, os.Remove(path))
	r, err := h.s.Check(t.Context(), store.CheckOptions{})
	check(t, err)
	if len(r.Problems) != 2 || !slices.Equal(r.Affected(), []string{"app"}) {
		t.Errorf("without the base it says %v", r.Problems)
	}
}

// TestCheckStopsAtADamagedMark: a mark that cannot be read, or a directory
// that is gone, is one problem among others.
func TestCheckStopsAtADamagedMark(t *testing.T) {
	for name, damage := range map[string]func(h *history){
		"mark": func(h *history) { write(t, inStore(h.root, "restoring", "app.json"), []byte("{")) },
		"directory": func(h *history) {
			check(t, os.RemoveAll(filepath.Dir(h.garbage)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHistory(t)
			check(t, os.Remove(h.alike))
			damage(h)
			r, err := h.s.Check(t.Context(), store.CheckOptions{})
			if err != nil {
				t.Fatalf("the missing pack is not reported: %v", err)
			}
			if len(r.Problems) < 3 {
				t.Errorf("%v says nothing of it", r.Problems)
			}
		})
	}
}

// TestCheckAccountsForEverything compares its numbers with what is on disk.
func TestCheckAccountsForEverything(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s, root := newStore(t)
			rng := random(300 + seed)
			dirs := []string{t.TempDir(), t.TempDir()}
			for step := range 12 {
				n := rng.IntN(2)
				app := fmt.Sprint("app", n)
				switch rng.IntN(5) {
				case 0:
					s.Forget(t.Context(), app, store.ID{})
				case 1:
					gc(t, s, store.GCOptions{MinGarbage: 1 + rng.IntN(99)})
				case 2:
					one, two := few(rng.Uint64(), 50), few(rng.Uint64(), 60)
					handmade(t, root, rng.IntN(2) == 0, part{raw: one}, part{raw: two})
					write(t, inStore(root, "snapshots", blob.Sum(few(rng.Uint64(), 9)).String()+".json"), nil)
					write(t, inStore(root, "tmp", fmt.Sprint(step)), nil)
					write(t, inStore(root, "blobs", "0f", fmt.Sprint("stray", step)), nil)
				default:
					write(t, fmt.Sprint(dirs[n], "/", rng.IntN(5)), few(rng.Uint64(), 1+rng.IntN(9000)))
					take(t, s, app, dirs[n], store.SnapshotOptions{Keep: 1 + rng.IntN(3)})
				}
				wantAccounted(t, s, root)
			}
		})
	}
}

func wantAccounted(t *testing.T, s *store.Store, root string) {
	t.Helper()
	r, err := s.Check(t.Context(), store.CheckOptions{ReadData: true})
	check(t, err)
	snapshots, blobs, live, listed := 0, 0, map[blob.ID]bool{}, 0
	check(t, index.DB(inStore(root, "index.db")).View(func(tx *index.Tx) error {
		for p, err := range tx.Packs() {
			check(t, err)
			blobs += p.Tail.Len()
			listed++
		}
		return nil
	}))
	apps, err := s.Apps()
	check(t, err)
	for _, app := range apps {
		for _, id := range app.Snapshots {
			snapshots++
			reachable(t, s, app.Name, id, live)
		}
	}
	packs, strays := 0, 0
	for path := range packFiles(t, root) {
		if strings.HasSuffix(path, ".pack") {
			packs++
		} else {
			strays++
		}
	}
	files := func(dir string) int {
		entries, err := os.ReadDir(inStore(root, dir))
		check(t, err)
		return len(entries)
	}
	got := []int{r.Apps, r.Snapshots, r.Packs, r.Blobs, r.LiveBlobs, int(r.BlobsRead),
		r.GarbagePacks, r.OldRecords, r.Unfinished, len(r.Strays), len(r.Problems)}
	want := []int{len(apps), snapshots, listed, blobs, len(live), blobs,
		packs - listed, files("snapshots") - snapshots, files("tmp"), strays, 0}
	if !slices.Equal(got, want) {
		t.Errorf("check counts %v, want %v: %v", got, want, r.Problems)
	}
}

// reachable adds the chunks that a snapshot needs.
func reachable(t *testing.T, s *store.Store, app string, id store.ID, live map[blob.ID]bool) {
	t.Helper()
	c, err := s.Checkout(t.Context(), app, id, false)
	check(t, err)
	defer c.Close()
	for _, v := range c.Record.Volumes {
		for _, id := range v.Manifest.Chunks {
			live[id] = true
		}
		encoded, err := c.Manifest(v.Name)
		check(t, err)
		for id, err := range manifest.Chunks(encoded) {
			check(t, err)
			live[id] = true
		}
	}
}

func TestSubsetsReadEverythingTogether(t *testing.T) {
	s, root := newStore(t)
	for i := range uint64(7) {
		handmade(t, root, true, part{raw: few(2*i, 50)}, part{raw: few(2*i+1, 60)})
	}
	for path := range packFiles(t, root) {
		flipFile(t, path, 20)
	}
	for _, parts := range []int{1, 2, 3, 7, 30} {
		var read int64
		var damaged []string
		for part := range parts {
			r, err := s.Check(t.Context(), store.CheckOptions{ReadData: true, Part: part + 1, Parts: parts})
			check(t, err)
			read += r.BlobsRead
			for _, p := range r.Problems {
				damaged = append(damaged, p.Pack.String())
			}
		}
		slices.Sort(damaged)
		if read != 14 || len(slices.Compact(damaged)) != 7 || len(damaged) != 7 {
			t.Errorf("%d parts read %d blobs of 14 and find %d damaged packs of 7", parts, read, len(damaged))
		}
	}
	for _, opts := range []store.CheckOptions{{Parts: 3}, {Parts: 3, Part: 4}, {Parts: 3, Part: -1}} {
		if _, err := s.Check(t.Context(), opts); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%+v: error is %v", opts, err)
		}
	}
}
