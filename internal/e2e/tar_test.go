package e2e

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
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
	try(t, os.Remove(dir+"/sparse/large")) // which takes time
	try(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type()&fs.ModeSocket != 0 {
			return os.Remove(path)
		}
		return err
	}))
}

// bsdtarLimits mends what bsdtar 3.6 loses on the way into a tar or out of one,
// its own included: that devices have several names, the time of the root,
// fractions of seconds before 1970, and IDs above 2^31 in ACLs.
func bsdtarLimits(tr tree) {
	above, err := os.Stat(tr.at("hard/a"))
	try(tr.t, err)
	for _, name := range []string{"kept block", "kept char", "broken block", "broken char"} {
		try(tr.t, os.Remove(tr.at("hard/a/"+name)))
		tr.link("hard/"+name, "hard/a/"+name)
	}
	try(tr.t, os.Chtimes(tr.at("hard/a"), above.ModTime(), above.ModTime()))
	for _, kind := range []string{"", "link ", "dir "} {
		tr.mtime("times/"+kind+"before", -1, 999_999_999)
		tr.mtime("times/"+kind+"1905", -2_051_222_400, 1)
	}
	for _, file := range []string{"meta/file10", "meta/file11", "meta/dir10", "meta/dir11", "special/fifo"} {
		tr.tool(file, "setfacl", "-x", "u:0,u:2147483647")
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
			t.Log(in(t, to, append(args, out+"/snapshot/volumes/data.tar")...))
			if name == "bsdtar" {
				bsdtarLimits(tree{t, to})
			}
			want.same(t, to)
		})
	}
}

// manifests returns what names the trees of the app's last-good.
func (s storeDir) manifests(t *testing.T, app string) string {
	t.Helper()
	var record struct{ Trees []struct{ Manifest any } }
	try(t, json.Unmarshal([]byte(s.run(t, exitDone, "show", app, "--json").stdout), &record))
	return fmt.Sprint(record.Trees)
}

// TestImportExport takes a snapshot through export and import: nothing of it
// may change, however often.
func TestImportExport(t *testing.T) {
	need(t, tarTools...)
	volume := freshDir(t, "volume")
	withoutSockets(t, volume)
	s, other := newStore(t), newStore(t)
	s.snapshot(t, "app", dir("data", volume))
	want := s.manifests(t, "app")
	for range 2 {
		out := filepath.Join(t.TempDir(), "out")
		s.run(t, exitDone, "export", "app", "--out", out)
		other.run(t, exitDone, "import", "app", "--from", out)
		if got := other.manifests(t, "app"); got != want {
			t.Fatalf("imported as %.500s, exported as %.500s", got, want)
		}
		s, other = other, newStore(t)
	}
	ref := refer(t, volume)
	s.restore(t, "app", "--dir=data="+volume)
	ref.same(t, volume)
}

// creators make a tar of the directory that is current.
var creators = map[string][]string{
	"script":     {"tar"},
	"gnu sparse": {"tar", "--format=gnu", "-S"},
	"pax":        {"tar", "--format=pax", "--acls", "--xattrs", "--xattrs-include=*", "-S"},
	"pax 0.1":    {"tar", "--format=pax", "-S", "--sparse-version=0.1"},
	"bsdtar":     {"bsdtar", "--format=pax"}, // which has nanoseconds, unlike what it writes else
	"bsdtar gnu": {"bsdtar", "--format=gnutar"},
}

// TestImport imports what other programs made of every kind of file, as the
// replaced script did it and in other ways. What is in a tar is what GNU tar
// extracts; in bsdtar's own format all that there was, which GNU tar does not
// know to restore.
func TestImport(t *testing.T) {
	need(t, tarTools...)
	volume := freshDir(t, "volume")
	withoutSockets(t, volume)
	for name, create := range creators {
		t.Run(name, func(t *testing.T) {
			from := archiveOf(t, volume, create)
			s := newStore(t)
			s.run(t, exitDone, "import", "app", "--from", from)
			to := freshDir(t, "to")
			s.restore(t, "app", "--to", to)
			to = filepath.Join(to, "data")
			if name == "bsdtar" {
				bsdtarLimits(tree{t, to})
				refer(t, volume).same(t, to)
				return
			}
			extracted := freshDir(t, "extracted")
			extract := append(extractors["tar"], from+"/snapshot/volumes/data.tar", "--delay-directory-restore")
			in(t, extracted, extract...)
			refer(t, extracted).same(t, to)
		})
	}
}

// archiveOf returns an archive of one volume as the replaced script left it,
// whose tar the program makes.
func archiveOf(t *testing.T, volume string, create []string) string {
	t.Helper()
	dir := t.TempDir()
	tree{t, dir}.file("snapshot/meta.json", []byte(`{"recipe": "app", "domain": "app.example.org", "commit": "c",
		"version": "v", "volumes": ["data"], "ts": "2024-05-06T07:08:09Z"}`))
	tree{t, dir}.dir("snapshot/volumes")
	in(t, volume, append(create, "-cf", dir+"/snapshot/volumes/data.tar", ".")...)
	return dir
}
