package e2e

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A portrait is what a directory was: what rsync can compare it with, and what
// getfattr and lsattr say of it, where rsync is blind.
type portrait struct {
	t          *testing.T
	reference  *reference // nil where paths are too long for rsync
	attributes string
	flags      string
	listing    string
}

// refer takes a portrait of a directory. The copy that rsync needs is beside it,
// for another file system may hold less.
func (o *ordeal) refer(path string) portrait {
	t := o.t
	t.Helper()
	p := portrait{t: t, listing: listing(t, path)}
	if o.c.deep {
		return p
	}
	p.attributes, p.flags = attributes(t, path), flags(t, path)
	p.reference = &reference{path + "-reference", census(t, path)}
	if _, err := os.Stat(p.reference.dir); err != nil {
		copyTree(t, path, p.reference.dir)
	}
	return p
}

// same judges that the directory at path is as the portrait has it.
func (p portrait) same(path string) {
	p.t.Helper()
	if got := listing(p.t, path); got != p.listing {
		p.t.Fatalf("%s is not as it was, says find: %s", path, firstDifference(got, p.listing))
	}
	if p.reference == nil {
		return
	}
	p.reference.same(p.t, path)
	if got := attributes(p.t, path); got != p.attributes {
		p.t.Fatalf("%s has other attributes: %s", path, firstDifference(got, p.attributes))
	}
	if got := flags(p.t, path); got != p.flags {
		p.t.Fatalf("%s has other flags: %s", path, firstDifference(got, p.flags))
	}
}

// sameContent judges that p, taken later, is of the same files as q: that nothing
// was written through a link.
func (p portrait) sameContent(q portrait) {
	p.t.Helper()
	sums := func(listing string) string { return listing[strings.Index(listing, "\nsums\n"):] }
	if sums(p.listing) != sums(q.listing) {
		p.t.Fatalf("outside of the volume: %s", firstDifference(p.listing, q.listing))
	}
}

// listing is what find says of every file, whatever the depth, and the checksums
// of regular files; of one named huge, of its extents alone.
func listing(t *testing.T, path string) string {
	t.Helper()
	all := in(t, path, "find", ".", "-type", "d", "-printf", `%P %y %m %U:%G %T@ %n\0`, "-o",
		"-printf", `%P %y %m %U:%G %T@ %n %s %l\0`)
	sums := in(t, path, "find", ".", "-type", "f", "-size", "-1073741824c", "-execdir", "sha256sum", "{}", "+")
	return sorted(all, "\x00") + "\nsums\n" + sorted(sums, "\n") + extents(t, path+"/huge")
}

// extents says of a file, if there is one, where it has data, and which.
func extents(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	var text strings.Builder
	for end := int64(0); ; {
		start, err := unix.Seek(int(f.Fd()), end, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return text.String()
		}
		try(t, err)
		end, err = unix.Seek(int(f.Fd()), start, unix.SEEK_HOLE)
		try(t, err)
		sum := sha256.New()
		_, err = io.Copy(sum, io.NewSectionReader(f, start, end-start))
		try(t, err)
		fmt.Fprintf(&text, "%d to %d: %x\n", start, end, sum.Sum(nil))
	}
}

// attributes is what getfattr says of all files.
func attributes(t *testing.T, path string) string {
	t.Helper()
	return sorted(in(t, path, "getfattr", "-RPh", "-d", "-m", "-", "-e", "hex", "."), "\n\n")
}

// flags is what lsattr says of all files that can have flags, of those that a
// snapshot keeps.
func flags(t *testing.T, path string) string {
	t.Helper()
	var kept []string
	for line := range strings.Lines(in(t, path, "lsattr", "-aR", ".")) {
		if set, name, ok := strings.Cut(line, " "); ok && !strings.HasSuffix(name, "/..\n") {
			kept = append(kept, strings.Trim(set, "-ejCmcsuSADtTVFNEIPx")+" "+name)
		}
	}
	slices.Sort(kept)
	return strings.Join(kept, "")
}

// in runs a program in a directory and returns what it prints. Some of them fail
// for files that they cannot look at.
func in(t *testing.T, path string, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = path
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil && args[0] != "lsattr" {
		t.Fatalf("%q in %s: %v", args, path, err)
	}
	return out.String()
}

func sorted(text, separator string) string {
	parts := strings.Split(text, separator)
	slices.Sort(parts)
	return strings.Join(parts, separator)
}

func firstDifference(got, want string) string {
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	from := max(0, i-100)
	return strings.ToValidUTF8("\n…"+clip(got, from, i+200)+"…\nwant\n…"+clip(want, from, i+200)+"…", "?")
}

func clip(s string, from, to int) string { return s[min(from, len(s)):min(to, len(s))] }

// spoil changes what is near the top of the volume: some of it goes, some becomes
// another type, some is made a link to what is outside, much is added.
func (o *ordeal) spoil(outside string) {
	t, volume := o.t, o.volume
	tr := tree{t, volume}
	if o.c.spoil != nil {
		o.c.spoil(tr)
		return
	}
	paths, err := filepath.Glob(volume + "/*")
	try(t, err)
	for i, path := range paths[:min(len(paths), 40)] {
		name := strings.TrimPrefix(path, volume+"/")
		if i%8 != 0 {
			output(t, exec.Command("chattr", "-ia", volume)) // or nothing could be changed
			output(t, exec.Command("sh", "-c", `chattr -Rf -ia "$0"; rm -rf "$0"`, path))
		}
		switch i % 8 {
		case 1:
			tr.symlink(outside, name)
		case 2:
			tr.file(name+"/dir/file", []byte("in the way"))
			output(t, exec.Command("chattr", "+i", tr.at(name+"/dir/file"), tr.at(name+"/dir")))
		case 3:
			try(t, os.Link(outside+"/precious", path))
		case 4:
			tr.node(name, unix.S_IFIFO|0o600, 0, 0)
		case 5:
			tr.symlink(outside+"/precious", name)
		case 6:
			tr.file(name, noise(uint64(i), 100_000))
			output(t, exec.Command("chattr", "+a", path))
		}
	}
	output(t, exec.Command("chattr", "-ia", volume))
	tr.file("added/later", []byte("x"))
	tr.symlink(outside, "added/link")
	output(t, exec.Command("chattr", "+i", tr.at("added/later"), tr.at("added")))
	try(t, os.Chmod(volume, 0o700))
}

// TestPortraitsDiffer shows that the judge sees what rsync does not.
func TestPortraitsDiffer(t *testing.T) {
	need(t, append([]string{"chattr"}, diskTools...)...)
	for name, damage := range map[string]struct {
		look func(*testing.T, string) string
		do   func(tree)
	}{
		"flag":         {flags, func(tr tree) { tr.tool("dir/file", "chattr", "+d") }},
		"flag of dirs": {flags, func(tr tree) { tr.tool("dir", "chattr", "+d") }},
		"attribute":    {attributes, func(tr tree) { tr.xattr("dir/file", "security.x", []byte("y")) }},
		"time":         {listing, func(tr tree) { tr.mtime("dir/file", 1, 1) }},
		"content":      {listing, func(tr tree) { tr.file("dir/file", []byte("y")); tr.mtime("dir/file", 0, 0) }},
		"hole":         {listing, func(tr tree) { tr.sparse("huge", 1<<30, 0, 1<<20, 1<<29) }},
	} {
		t.Run(name, func(t *testing.T) {
			tr := tree{t, freshDir(t, "volume")}
			tr.file("dir/file", []byte("x"))
			tr.mtime("dir/file", 0, 0)
			tr.sparse("huge", 1<<30, 0, 1<<20)
			before := damage.look(t, tr.root)
			damage.do(tr)
			if damage.look(t, tr.root) == before {
				t.Error("not seen")
			}
		})
	}
}
