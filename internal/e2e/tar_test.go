package e2e

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// tarTools are what the tests of export and import need beside treeTools.
var tarTools = append(slices.Clone(treeTools), "tar", "bsdtar")

// extractors restore all that a tar of ours has, by each program that reads it.
var extractors = map[string][]string{
	"tar":    {"tar", "--acls", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-xpf"},
	"bsdtar": {"bsdtar", "--numeric-owner", "-xpf"},
}

// withoutSockets fills a directory as buildTree does, but for what no tar holds.
func withoutSockets(t *testing.T, dir string) {
	t.Helper()
	buildTree(t, dir)
	try(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type()&fs.ModeSocket != 0 {
			return os.Remove(path)
		}
		return err
	}))
}

// bsdtarLimits mends what bsdtar 3.6 does not restore, not even from its own
// tars: the time of the root, the fraction of a second before 1970, and the
// IDs above 2^31 in ACLs.
func bsdtarLimits(tr tree) {
	for _, kind := range []string{"", "link ", "dir "} {
		tr.mtime("times/"+kind+"before", -1, 999_999_999)
		tr.mtime("times/"+kind+"1905", -2_051_222_400, 1)
	}
	for _, file := range []string{"meta/file10", "meta/file11", "meta/dir10", "meta/dir11", "special/fifo"} {
		tr.tool(file, "setfacl", "-x", "u:2147483647")
		tr.tool(file, "setfacl", "-m", "u:4294967293:-,m:rx")
	}
	tr.mtime("", 1_500_000_000, 0)
}

// TestExport has every kind of file extracted by GNU tar and by bsdtar.
func TestExport(t *testing.T) {
	need(t, tarTools...)
	volume := freshDir(t, "volume")
	withoutSockets(t, volume)
	tree{t, volume}.sparse("sparse/e\u0301\xff", 1<<20, 1<<19)
	want := refer(t, volume)
	s := newStore(t)
	s.snapshot(t, "app", dir("data", volume))
	out := filepath.Join(t.TempDir(), "out")
	s.run(t, exitDone, "export", "app", "--out", out)
	for name, args := range extractors {
		t.Run(name, func(t *testing.T) {
			to := freshDir(t, "to")
			extract := exec.Command(args[0], append(args[1:], filepath.Join(out, "snapshot/volumes/data.tar"))...)
			extract.Dir = to
			t.Log(output(t, extract))
			if name == "bsdtar" {
				bsdtarLimits(tree{t, to})
			}
			want.same(t, to)
		})
	}
}
