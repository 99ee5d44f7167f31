package e2e

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// rsync's options for everything it can carry: -a is recursion, links, modes,
// times, owners, devices and specials; the window of -1 compares nanoseconds.
var rsyncAll = []string{"-aHAX", "--numeric-ids", "--modify-window=-1"}

// copyTree makes to an exact copy of the directory from, if with more holes.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	args := slices.Concat(rsyncAll, []string{"--sparse", "--delete", from + "/", to + "/"})
	output(t, exec.Command("rsync", args...))
}

// A reference is what a directory once was: a copy that rsync made, and what
// rsync is blind to, taken from the directory itself.
type reference struct {
	dir   string
	spots map[string]blindSpot
}

// refer takes a reference of the directory.
func refer(t *testing.T, dir string) reference {
	t.Helper()
	ref := reference{filepath.Join(t.TempDir(), "reference"), census(t, dir)}
	copyTree(t, dir, ref.dir)
	return ref
}

// same judges that the directory is as it was: rsync, told to compare every byte
// and to change nothing, must find nothing to do, and what rsync does not look
// at must be equal, too.
func (r reference) same(t *testing.T, dir string) {
	t.Helper()
	if diff := r.rsyncDiff(t, dir); diff != "" {
		t.Errorf("%s is not as it was; rsync would do:\n%s", dir, diff)
	}
	for _, diff := range r.blindDiff(t, dir) {
		t.Errorf("%s is not as it was: %s", dir, diff)
	}
	if t.Failed() {
		t.FailNow()
	}
}

// differs reports whether the judge sees any difference.
func (r reference) differs(t *testing.T, dir string) bool {
	t.Helper()
	return r.rsyncDiff(t, dir) != "" || r.blindDiff(t, dir) != nil
}

// rsyncDiff returns what rsync would do to make dir as it was.
func (r reference) rsyncDiff(t *testing.T, dir string) string {
	t.Helper()
	args := slices.Concat(rsyncAll, []string{"-nic", "--delete", r.dir + "/", dir + "/"})
	return output(t, exec.Command("rsync", args...))
}

// A blindSpot is what rsync does not compare of a file: which names are links to
// it, whether more are than should be, its type and device to the bit, and the
// space it takes.
type blindSpot struct {
	links  string // all names of the file, sorted
	mode   uint32
	rdev   uint64
	mtime  unix.Timespec
	blocks int64 // of 512 bytes
	size   int64
}

// blockSlack is by how much a restored file may take more space than it took:
// a hole may be rounded, and the file system's own metadata differ.
const blockSlack = 128 // blocks of 512 bytes

// blindDiff compares what rsync is blind to.
func (r reference) blindDiff(t *testing.T, dir string) (diffs []string) {
	t.Helper()
	gots := census(t, dir)
	for _, path := range slices.Sorted(maps.Keys(r.spots)) {
		w, g := r.spots[path], gots[path]
		extra := g.blocks - w.blocks
		w.blocks, g.blocks = 0, 0
		if w.mode&unix.S_IFMT == unix.S_IFDIR {
			w.size, g.size, extra = 0, 0, 0 // a directory's size is the file system's own business
		}
		if w != g {
			diffs = append(diffs, fmt.Sprintf("%q is %+v, want %+v", path, g, w))
		}
		if extra > blockSlack {
			diffs = append(diffs, fmt.Sprintf("%q takes %d blocks more: its holes are filled", path, extra))
		}
	}
	return diffs
}

// census returns the blind spots of all files below dir, by path.
func census(t *testing.T, dir string) map[string]blindSpot {
	t.Helper()
	spots := map[string]blindSpot{}
	inodes := map[string]uint64{}
	names := map[uint64][]string{}
	try(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		rel := strings.TrimPrefix(path, dir)
		spots[rel] = blindSpot{mode: st.Mode, rdev: st.Rdev, mtime: st.Mtim, blocks: st.Blocks, size: st.Size}
		inodes[rel] = st.Ino
		names[st.Ino] = append(names[st.Ino], rel)
		return nil
	}))
	links := map[uint64]string{}
	for inode, all := range names {
		links[inode] = fmt.Sprintf("%q", all) // WalkDir's order is sorted
	}
	for rel, spot := range spots {
		spot.links = links[inodes[rel]]
		spots[rel] = spot
	}
	return spots
}

// TestJudge shows that the judge sees each kind of damage that the tests of
// restore rely on it to see. A judge that sees nothing passes everything.
func TestJudge(t *testing.T) {
	need(t, treeTools...)
	want, got := freshDir(t, "want"), freshDir(t, "got")
	buildTree(t, want)
	try(t, os.Remove(want+"/sparse/large")) // no damage is about it, and it takes time
	ref := refer(t, want)
	copyTree(t, want, got)
	ref.same(t, got)
	pairs := 0
	for _, damage := range damages() {
		damage.do(t, got)
		if strings.HasPrefix(damage.name, "pairs/") {
			pairs++
			continue // these last ones are judged together
		}
		if !ref.differs(t, got) {
			t.Errorf("%s: not seen", damage.name)
		}
		copyTree(t, want, got)
		if ref.blindDiff(t, got) != nil { // which rsync did not repair
			output(t, exec.Command("rm", "-rf", got))
			copyTree(t, want, got)
		}
	}
	seen := map[string]bool{}
	for line := range strings.Lines(ref.rsyncDiff(t, got)) {
		_, name, _ := strings.Cut(line, " pairs/")
		name, _, _ = strings.Cut(name, "/") // what is in a directory is of the directory
		name, _, _ = strings.Cut(strings.TrimSuffix(name, "\n"), " -> ")
		name, _, _ = strings.Cut(name, " => ")
		seen[name] = name != ""
	}
	if delete(seen, ""); len(seen) != pairs {
		t.Errorf("%d of %d exchanged types seen", len(seen), pairs)
	}
}
