package restore_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/witness"
	"github.com/warmstore/warmstore/restore"
	"github.com/warmstore/warmstore/store"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A garden is a directory that changes at random. It has few names, so that one
// is often something else than it was before.
type garden struct {
	t    *testing.T
	rng  *rand.Rand
	root string
	hard bool // it has hard links
}

func (g *garden) path() string {
	path := g.root
	for range 1 + g.rng.IntN(3) {
		path += "/" + string("ab\xffZ\n"[g.rng.IntN(5)])
	}
	return path
}

// grow does something to a path at random, n times. Much of that fails, as when
// a file is where a directory should be.
func (g *garden) grow(n int) {
	for range n {
		path, other := g.path(), g.path()
		if os.MkdirAll(filepath.Dir(path), 0o755) != nil {
			continue // it is a FIFO, perhaps, and to open that would block
		}
		switch g.rng.IntN(11) {
		case 0:
			os.RemoveAll(path)
		case 1:
			os.Symlink(fmt.Sprint(g.rng.IntN(3)), path)
		case 2:
			unix.Mkfifo(path, 0o600)
		case 3:
			unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, []uint32{3, 5}[g.rng.IntN(2)]))) // null, zero
		case 4, 8:
			if g.hard {
				os.Remove(path)
				os.Link(other, path)
			}
		case 5:
			g.scratch(path)
		case 6:
			os.Lchown(path, g.rng.IntN(3), 0)
			unix.Lsetxattr(path, "trusted.warm", []byte{byte(g.rng.IntN(3))}, 0)
		case 7:
			at := time.Unix(g.rng.Int64N(2e9), g.rng.Int64N(1e9))
			os.Chtimes(path, at, at)
		default:
			g.write(path)
		}
	}
}

// write writes a file anew where there is nothing or a file: to open anything
// else for writing would block, or reach a device.
func (g *garden) write(path string) {
	if info, err := os.Lstat(path); err != nil || info.Mode().IsRegular() {
		os.WriteFile(path, g.content(), 0o644)
	}
}

func (g *garden) content() []byte {
	if g.rng.IntN(3) == 0 {
		return make([]byte, g.rng.IntN(300_000))
	}
	b := make([]byte, g.rng.IntN(1<<20))
	rand.NewChaCha8([32]byte{byte(g.rng.IntN(5))}).Read(b)
	return b
}

// scratch changes a file in place.
func (g *garden) scratch(path string) {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	check(g.t, err)
	defer f.Close()
	for range 3 {
		_, err = f.WriteAt([]byte("scratch"), g.rng.Int64N(info.Size()+1))
		check(g.t, err)
	}
}

// A look is how a path looks to one who knows nothing of chunks.
type look struct {
	kind    fs.FileMode
	content string // hash, target or device
	meta    string
	ino     uint64
	links   uint64
	first   string // of the names of its inode
}

func looks(t *testing.T, root string) map[string]look {
	t.Helper()
	found, first := map[string]look{}, map[uint64]string{}
	check(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		name := strings.TrimPrefix(path, root+"/")
		if path == root {
			name = "."
		}
		if first[st.Ino] == "" {
			first[st.Ino] = name
		}
		l := look{kind: d.Type(), ino: st.Ino, links: uint64(st.Nlink), first: first[st.Ino]}
		if d.IsDir() {
			l.links = 1
		}
		l.content = fmt.Sprint(st.Rdev)
		if d.Type().IsRegular() {
			b, err := os.ReadFile(path)
			check(t, err)
			l.content = fmt.Sprintf("%x", sha256.Sum256(b))
		} else if d.Type() == fs.ModeSymlink {
			l.content, err = os.Readlink(path)
			check(t, err)
		}
		xattr := make([]byte, 10)
		n, _ := unix.Lgetxattr(path, "trusted.warm", xattr)
		l.meta = fmt.Sprint(st.Mode, st.Uid, st.Gid, st.Mtim, n, xattr[:max(n, 0)])
		found[name] = l
		return nil
	}))
	return found
}

// naive says what has to change, from two looks at a directory.
func naive(want, have map[string]look) map[string]restore.ChangeKind {
	changes := map[string]restore.ChangeKind{}
	for path, w := range want {
		h, ok := have[path]
		switch {
		case !ok:
			changes[path] = restore.Added
		case w.kind != h.kind, w.content != h.content, w.links == 1 && h.links > 1,
			w.first != path && have[w.first].ino != h.ino:
			changes[path] = restore.Changed
		case w.meta != h.meta:
			changes[path] = restore.Metadata
		}
	}
	for path := range have {
		if _, ok := want[path]; !ok {
			changes[path] = restore.Removed
		}
	}
	return changes
}

// A stand is a garden with a store beside it.
type stand struct {
	garden
	s *store.Store
}

func newStand(t *testing.T, seed uint64) *stand {
	dir := t.TempDir()
	s, err := store.Create(filepath.Join(dir, "warm"), store.Options{})
	check(t, err)
	root := filepath.Join(dir, "data")
	check(t, os.Mkdir(root, 0o755))
	return &stand{garden{t, rand.New(rand.NewPCG(seed, 1)), root, seed%2 == 0}, s}
}

func (st *stand) snapshot() *store.Checkout {
	st.t.Helper()
	r, err := st.s.Snapshot(st.t.Context(), "app", []store.Volume{{Name: "data", Path: st.root}},
		store.SnapshotOptions{Keep: 9})
	check(st.t, err)
	return st.checkout(r.ID)
}

func (st *stand) checkout(id store.ID) *store.Checkout {
	st.t.Helper()
	c, err := st.s.Checkout(st.t.Context(), "app", id, false)
	check(st.t, err)
	st.t.Cleanup(c.Close)
	return c
}

func (st *stand) targets() []restore.Target { return []restore.Target{{Volume: "data", Path: st.root}} }

// plan returns what restoring c would change, as a map and added up.
func (st *stand) plan(c *store.Checkout, opts restore.Options) (map[string]restore.ChangeKind, restore.Totals) {
	st.t.Helper()
	changes, last := map[string]restore.ChangeKind{}, ""
	var totals restore.Totals
	for change, err := range restore.Plan(st.t.Context(), c, st.targets(), opts) {
		check(st.t, err)
		if key := strings.ReplaceAll(change.Path, "/", "\x00"); change.Path != "." {
			if key <= last {
				st.t.Errorf("%q comes after %q", key, last)
			}
			last = key
		}
		changes[change.Path] = change.Kind
		totals.Add(change)
	}
	return changes, totals
}

func wantChanges(t *testing.T, got, want map[string]restore.ChangeKind) {
	t.Helper()
	for path, kind := range want {
		if got[path] != kind {
			t.Errorf("%q is %v, want %v", path, got[path], kind)
		}
	}
	for path, kind := range got {
		if want[path] == 0 {
			t.Errorf("%q is %v, want no change", path, kind)
		}
	}
}

func TestPlanIsWhatARestoreChanges(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			st := newStand(t, seed)
			st.grow(60)
			want := looks(t, st.root)
			first := st.snapshot()
			st.grow(60)
			have := looks(t, st.root)
			changes, totals := st.plan(first, restore.Options{Workers: 3})
			wantChanges(t, changes, naive(want, have))
			if n := totals.Paths(); n != int64(len(changes)) || n < 5 {
				t.Errorf("%d paths change, by the totals %d", len(changes), n)
			}
			st.compare(first, want, have)

			r, err := restore.Run(t.Context(), first, st.targets(), restore.Options{})
			check(t, err)
			if r.BytesWritten > totals.Bytes || !st.hard && r.BytesWritten != totals.Bytes {
				t.Errorf("%d bytes are written, planned were %d", r.BytesWritten, totals.Bytes)
			}
			if changes, _ := st.plan(first, restore.Options{}); len(changes) > 0 {
				t.Errorf("after the restore %v are to change", changes)
			}
		})
	}
}

// compare takes a snapshot of the garden and compares the manifests. Of an inode
// whose first name is another in the two it says that it changed, whatever it holds.
func (st *stand) compare(first *store.Checkout, want, have map[string]look) {
	st.t.Helper()
	second := st.snapshot()
	encoded, err := first.Manifest("data")
	check(st.t, err)
	present, err := second.Manifest("data")
	check(st.t, err)
	got := map[string]restore.ChangeKind{}
	pair := restore.Pair{Volume: "data", Want: encoded, Have: present}
	for c, err := range restore.Compare(st.t.Context(), []restore.Pair{pair}) {
		check(st.t, err)
		got[c.Path] = c.Kind
	}
	expected := naive(want, have)
	for path, h := range have {
		if h.first != path && want[path].first == path && got[path] == restore.Changed {
			expected[path] = restore.Changed
		}
	}
	wantChanges(st.t, got, expected)
}

// TestPlanTellsOfHardLinks that are others although content and metadata are the
// same.
func TestPlanTellsOfHardLinks(t *testing.T) {
	st := newStand(t, 1)
	at := time.Unix(1e9, 0)
	file := func(names ...string) {
		t.Helper()
		for i, name := range names {
			os.Remove(st.root + "/" + name)
			if i > 0 {
				check(t, os.Link(st.root+"/"+names[0], st.root+"/"+name))
				continue
			}
			check(t, os.WriteFile(st.root+"/"+name, []byte("the same"), 0o644))
			check(t, os.Chtimes(st.root+"/"+name, at, at))
		}
	}
	file("a", "b", "c")
	file("d", "e")
	file("f")
	file("g", "h")
	check(t, os.Chtimes(st.root, at, at))
	want := looks(t, st.root)
	first := st.snapshot()
	file("b", "c")     // without a
	file("d")          // and e is what it was
	file("f", "extra") // one more name
	check(t, os.Remove(st.root+"/g"))
	check(t, os.Chtimes(st.root, at, at))
	changes, totals := st.plan(first, restore.Options{})
	wantChanges(t, changes, map[string]restore.ChangeKind{
		"b": restore.Changed, "c": restore.Changed, "e": restore.Changed, "f": restore.Changed,
		"extra": restore.Removed, "g": restore.Added, "h": restore.Changed,
	})
	if totals.Bytes != 2*8 { // f and g are written, the others linked
		t.Errorf("%d bytes would be written, want 16", totals.Bytes)
	}
	st.compare(first, want, looks(t, st.root))
}

func TestPlanReadsOnlyWhatTheWitnessDoesNotKnow(t *testing.T) {
	st := newStand(t, 1)
	for i := range 9 {
		check(t, os.WriteFile(fmt.Sprint(st.root, "/", i), make([]byte, 1000*i), 0o644))
	}
	time.Sleep(50 * time.Millisecond) // so that no file is too new to be trusted
	c := st.snapshot()
	check(t, os.WriteFile(st.root+"/4", []byte("new"), 0o644))
	var read, known int
	opts := restore.Options{Memory: c, Workers: 1, Progress: func(files, bytes int64) {
		if files == 0 {
			read++
		} else if bytes > 0 {
			known++
		}
	}}
	changes, _ := st.plan(c, opts)
	wantChanges(t, changes, map[string]restore.ChangeKind{"4": restore.Changed})
	wantRead, wantKnown := 1, 7 // the empty one has no bytes to know
	on, err := fsx.FilesystemAt(st.root)
	check(t, err)
	if !witness.Trusts(on) {
		wantRead, wantKnown = 8, 0
	}
	if read != wantRead || known != wantKnown {
		t.Errorf("%d pieces were read, and of %d files nothing, want %d and %d", read, known, wantRead, wantKnown)
	}
}

func TestPlanTellsOfHoles(t *testing.T) {
	st := newStand(t, 1)
	name := st.root + "/sparse"
	f, err := os.Create(name)
	check(t, err)
	check(t, f.Truncate(4<<20))
	_, err = f.WriteAt([]byte("data"), 1<<20)
	check(t, err)
	check(t, f.Close())
	info, err := os.Stat(name)
	check(t, err)
	c := st.snapshot()
	changes, _ := st.plan(c, restore.Options{})
	wantChanges(t, changes, nil)
	f, err = os.OpenFile(name, os.O_WRONLY, 0)
	check(t, err)
	_, err = f.WriteAt(make([]byte, 1<<20), 2<<20)
	check(t, err)
	check(t, f.Close())
	check(t, os.Chtimes(name, info.ModTime(), info.ModTime()))
	changes, totals := st.plan(c, restore.Options{})
	wantChanges(t, changes, map[string]restore.ChangeKind{"sparse": restore.Metadata})
	if totals.Bytes != 0 {
		t.Errorf("%d bytes would be written", totals.Bytes)
	}
}

func TestPlanOfAMissingTarget(t *testing.T) {
	st := newStand(t, 1)
	st.grow(20)
	want := looks(t, st.root)
	c := st.snapshot()
	check(t, os.Rename(st.root, st.root+"-old"))
	for _, err := range restore.Plan(t.Context(), c, st.targets(), restore.Options{}) {
		if err == nil {
			t.Fatal("a target that is not there has changes")
		}
	}
	changes, _ := st.plan(c, restore.Options{Create: true})
	if wanted := naive(want, nil); !maps.Equal(changes, wanted) {
		t.Errorf("changes are %v, want %v", changes, wanted)
	}
}

func TestPlanEndsEarly(t *testing.T) {
	st := newStand(t, 1)
	st.grow(60)
	c := st.snapshot()
	check(t, os.RemoveAll(st.root))
	check(t, os.Mkdir(st.root, 0o700))
	n := 0
	for range restore.Plan(t.Context(), c, st.targets(), restore.Options{}) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d changes were yielded, want 3", n)
	}
}

func TestCompareOfVolumesThatOnlyOneHas(t *testing.T) {
	st := newStand(t, 1)
	st.grow(20)
	paths := slices.Sorted(maps.Keys(looks(t, st.root)))
	c := st.snapshot()
	for _, kind := range []restore.ChangeKind{restore.Added, restore.Removed} {
		encoded, err := c.Manifest("data")
		check(t, err)
		pair := restore.Pair{Volume: "data", Want: encoded}
		if kind == restore.Removed {
			pair = restore.Pair{Volume: "data", Have: encoded}
		}
		var got []string
		for change, err := range restore.Compare(t.Context(), []restore.Pair{pair}) {
			check(t, err)
			if change.Kind != kind {
				t.Errorf("%q is %v, want %v", change.Path, change.Kind, kind)
			}
			got = append(got, change.Path)
		}
		if slices.Sort(got); !slices.Equal(got, paths) {
			t.Errorf("%v are %q, want %q", kind, got, paths)
		}
	}
}
