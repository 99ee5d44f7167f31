package e2e

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A damage is one thing that happens to a volume between its snapshot and its
// restore. All of them together happen to different files.
type damage struct {
	name string
	do   func(t *testing.T, dir string)
}

// damages returns all damages that buildTree has a file for.
func damages() (all []damage) {
	for _, table := range []map[string]func(tree){contentDamage, treeDamage, linkDamage, metaDamage} {
		for _, name := range slices.Sorted(maps.Keys(table)) {
			all = append(all, damage{name, func(t *testing.T, dir string) { table[name](tree{t, dir}) }})
		}
	}
	eachPair(func(_, to, name string) {
		all = append(all, damage{name, func(t *testing.T, dir string) {
			tr := tree{t, dir}
			tr.remove(name)
			kinds[to](tr, name)
		}})
	})
	return all
}

func (tr tree) remove(name string) {
	tr.t.Helper()
	try(tr.t, os.RemoveAll(tr.at(name)))
}

func (tr tree) rename(old, name string) {
	tr.t.Helper()
	try(tr.t, os.Rename(tr.at(old), tr.at(name)))
}

func (tr tree) swap(a, b string) {
	tr.t.Helper()
	try(tr.t, unix.Renameat2(unix.AT_FDCWD, tr.at(a), unix.AT_FDCWD, tr.at(b), unix.RENAME_EXCHANGE))
}

// relink makes name a link to old, whatever it was.
func (tr tree) relink(old, name string) {
	tr.t.Helper()
	tr.remove(name)
	tr.link(old, name)
}

// write overwrites bytes and keeps the file's times, as a program that wants to
// go unnoticed would.
func (tr tree) write(name string, off int64, data []byte) {
	tr.t.Helper()
	var st unix.Stat_t
	try(tr.t, unix.Stat(tr.at(name), &st))
	f, err := os.OpenFile(tr.at(name), os.O_WRONLY, 0)
	try(tr.t, err)
	_, err = f.WriteAt(data, off)
	try(tr.t, err)
	try(tr.t, f.Close())
	tr.mtime(name, st.Mtim.Sec, st.Mtim.Nsec)
}

// duplicate makes name a file of its own, equal to the one it was a link to.
func (tr tree) duplicate(name string) {
	tr.t.Helper()
	tr.tool(name+".copy", "cp", "-a", tr.at(name))
	tr.rename(name+".copy", name)
}

var contentDamage = map[string]func(tree){
	"changed byte, size and mtime kept":   func(tr tree) { tr.write("regular/odd", 1<<20, []byte{1}) },
	"changed page, size and mtime kept":   func(tr tree) { tr.write("regular/pages", 8192, noise(50, 4096)) },
	"changed last byte":                   func(tr tree) { tr.write("regular/odd 2", 1<<20, []byte{1}) },
	"changed small file":                  func(tr tree) { tr.write("regular/small", 0, []byte("S")) },
	"changed one-byte file":               func(tr tree) { tr.write("regular/one byte", 0, []byte{0}) },
	"changed nulls":                       func(tr tree) { tr.write("regular/nulls", 5, []byte{7}) },
	"changed zeros":                       func(tr tree) { tr.write("regular/page zeros", 500_000, []byte{7}) },
	"cut file":                            func(tr tree) { try(tr.t, os.Truncate(tr.at("regular/cut"), 1<<20)) },
	"file cut to nothing":                 func(tr tree) { tr.file("regular/emptied", nil) },
	"empty file filled":                   func(tr tree) { tr.file("regular/filled", noise(51, 1<<20)) },
	"grown file":                          func(tr tree) { tr.write("regular/grown", 2<<20, noise(52, 70_000)) },
	"bytes inserted":                      tree.insert,
	"exchanged files":                     func(tr tree) { tr.swap("regular/swap a", "regular/swap b") },
	"filled hole":                         func(tr tree) { tr.write("sparse/filled", 0, make([]byte, 1<<20)) },
	"filled file of nothing but a hole":   func(tr tree) { tr.write("sparse/filled all", 0, make([]byte, 2<<20)) },
	"data in a hole":                      func(tr tree) { tr.write("sparse/middle", 512<<10, []byte("data")) },
	"data in a file that is all hole":     func(tr tree) { tr.write("sparse/all", 512<<10, []byte("data")) },
	"sparse file cut":                     func(tr tree) { try(tr.t, os.Truncate(tr.at("sparse/end"), 64<<10)) },
	"sparse file grown by a hole":         func(tr tree) { try(tr.t, os.Truncate(tr.at("sparse/start"), 5<<20)) },
	"hole punched where data was":         func(tr tree) { tr.punch("sparse/punched", 512<<10, 64<<10) },
	"hole punched in an ordinary file":    func(tr tree) { tr.punch("regular/text", 4096, 1<<20) },
	"name with a newline changed":         func(tr tree) { tr.write("names/new\nline", 0, []byte("N")) },
	"name that is not UTF-8 changed":      func(tr tree) { tr.write("names/bad\xff\xfeutf8", 0, []byte("B")) },
	"file at the end of deep directories": func(tr tree) { tr.remove("dirs/" + strings.Repeat("d", 250)) },
}

func (tr tree) insert() {
	tr.t.Helper()
	tr.file("regular/inserted", append([]byte("new"), noise(11, 2<<20+5)...))
}

func (tr tree) punch(name string, off, n int64) {
	tr.t.Helper()
	f, err := os.OpenFile(tr.at(name), os.O_WRONLY, 0)
	try(tr.t, err)
	try(tr.t, unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n))
	try(tr.t, f.Close())
}

var treeDamage = map[string]func(tree){
	"removed file":         func(tr tree) { tr.remove("regular/removed") },
	"removed directory":    func(tr tree) { tr.remove("dirs/removed") },
	"removed symlink":      func(tr tree) { tr.remove("symlinks/removed") },
	"removed fifo":         func(tr tree) { tr.remove("special/fifo removed") },
	"removed socket":       func(tr tree) { tr.remove("special/socket removed") },
	"removed device":       func(tr tree) { tr.remove("special/char removed") },
	"removed empty":        func(tr tree) { tr.remove("dirs/empty") },
	"removed odd name":     func(tr tree) { tr.remove("names/-rf") },
	"extra file":           func(tr tree) { tr.file("extra", []byte("extra")) },
	"extra dotfile":        func(tr tree) { tr.file(".extra", []byte("extra")) },
	"extra odd name":       func(tr tree) { tr.file("regular/-extra\n\xff", nil) },
	"extra empty dir":      func(tr tree) { tr.dir("dirs/extra") },
	"extra dot directory":  func(tr tree) { tr.file(".extra.d/a/.b/c", nil) },
	"extra symlink":        func(tr tree) { tr.symlink("/etc", "symlinks/extra") },
	"extra fifo":           func(tr tree) { tr.node("special/extra fifo", unix.S_IFIFO|0o600, 0, 0) },
	"extra device":         func(tr tree) { tr.node("special/extra char", unix.S_IFCHR|0o600, 1, 5) },
	"extra socket":         func(tr tree) { tr.node("special/extra socket", unix.S_IFSOCK|0o600, 0, 0) },
	"extra closed dir":     func(tr tree) { tr.file("dirs/closed/x", nil); tr.mode("dirs/closed", 0) },
	"exchanged dirs":       func(tr tree) { tr.swap("dirs/swap a", "dirs/swap b") },
	"renamed directory":    func(tr tree) { tr.rename("dirs/renamed", "dirs/renamed away") },
	"moved directory":      func(tr tree) { tr.rename("dirs/moved/a", "dirs/a") },
	"other device number":  tree.renumber,
	"other symlink target": func(tr tree) { tr.remove("symlinks/changed"); tr.symlink("after!", "symlinks/changed") },
	// What a restore writes must not follow the link out of the volume.
	"directory that leads outside": func(tr tree) { tr.remove("dirs/out"); tr.symlink("../../outside", "dirs/out") },
}

var linkDamage = map[string]func(tree){
	"broken link":                     func(tr tree) { tr.duplicate("hard/z/third") },
	"broken link of a file":           func(tr tree) { tr.duplicate("hard/broken file") },
	"broken link of a symlink":        func(tr tree) { tr.duplicate("hard/broken symlink") },
	"broken link of a fifo":           func(tr tree) { tr.duplicate("hard/broken fifo") },
	"broken link of a socket":         func(tr tree) { tr.duplicate("hard/broken socket") },
	"broken link of a device":         func(tr tree) { tr.duplicate("hard/broken block") },
	"broken link of an empty file":    func(tr tree) { tr.duplicate("hard/empty 2") },
	"false link of equal files":       func(tr tree) { tr.relink("regular/twin a", "regular/twin b") },
	"false link of different files":   func(tr tree) { tr.relink("regular/page", "regular/nothing") },
	"extra name of a linked file":     func(tr tree) { tr.link("hard/first", "hard/a/extra") },
	"extra name of an unlinked file":  func(tr tree) { tr.link("names/.hidden", "names/extra link") },
	"link to a file of another group": func(tr tree) { tr.relink("hard/first", "hard/a/kept file") },
	"one name of two removed":         func(tr tree) { tr.remove("hard/a/kept fifo") },
	"extra name outside":              tree.linkOutside,
}

// renumber makes a device node another device's.
func (tr tree) renumber() {
	tr.t.Helper()
	tr.remove("special/renumbered")
	tr.node("special/renumbered", unix.S_IFBLK|0o600, 7, 2)
}

// linkOutside gives a file a name beside the volume and writes to it: what is
// done to the file in the volume must not reach the one outside.
func (tr tree) linkOutside() {
	tr.t.Helper()
	tr.remove("../linked")
	tr.link("regular/empty", "../linked")
	tr.write("regular/empty", 0, []byte("mine"))
}

var metaDamage = map[string]func(tree){
	"mode of a file":           func(tr tree) { tr.mode("meta/file0", 0o600) },
	"mode of a directory":      func(tr tree) { tr.mode("meta/dir0", 0o700) },
	"set-uid bit gone":         func(tr tree) { tr.mode("meta/file2", 0o755) },
	"sticky bit gone":          func(tr tree) { tr.mode("meta/dir4", 0o777) },
	"mode of a fifo":           func(tr tree) { tr.mode("special/fifo", 0o666) },
	"mode of a device":         func(tr tree) { tr.mode("special/block", 0o666) },
	"owner of a file":          func(tr tree) { tr.owner("meta/file6", 5, 5) },
	"owner of a directory":     func(tr tree) { tr.owner("meta/dir6", 5, 5) },
	"owner of a symlink":       func(tr tree) { tr.owner("meta/symlink6", 5, 5) },
	"owner of a socket":        func(tr tree) { tr.owner("special/socket", 5, 5) },
	"group of a device":        func(tr tree) { tr.owner("special/char", 0, 5) },
	"capability gone":          func(tr tree) { tr.unset("meta/file3", "security.capability") },
	"capability added":         func(tr tree) { tr.tool("meta/file5", "setcap", "cap_chown=ep") },
	"capability changed":       func(tr tree) { tr.tool("meta/file4", "setcap", "cap_kill=ep") },
	"xattr gone":               func(tr tree) { tr.unset("meta/file8", "user.empty") },
	"xattr changed":            func(tr tree) { tr.xattr("meta/file9", "user.bytes", []byte{0, 254, '\n'}) },
	"xattr added":              func(tr tree) { tr.xattr("meta/file7", "user.new", []byte("new")) },
	"trusted xattr gone":       func(tr tree) { tr.unset("meta/dir8", "trusted.t") },
	"trusted xattr added":      func(tr tree) { tr.xattr("meta/dir7", "trusted.new", []byte("new")) },
	"xattr of a symlink gone":  func(tr tree) { tr.unset("meta/symlink8", "trusted.t") },
	"xattr of a symlink added": func(tr tree) { tr.xattr("meta/symlink7", "trusted.new", nil) },
	"xattr of a fifo gone":     func(tr tree) { tr.unset("special/fifo", "trusted.t") },
	"ACL gone":                 func(tr tree) { tr.tool("meta/file10", "setfacl", "-b") },
	"ACL changed":              func(tr tree) { tr.tool("meta/file11", "setfacl", "-m", "u:1000:r") },
	"ACL added":                func(tr tree) { tr.tool("regular/page", "setfacl", "-m", "u:1000:r") },
	"ACL of a directory gone":  func(tr tree) { tr.tool("meta/dir11", "setfacl", "-b") },
	"default ACL gone":         func(tr tree) { tr.tool("meta/dir10", "setfacl", "-k") },
	"default ACL added":        func(tr tree) { tr.tool("meta/dir3", "setfacl", "-d", "-m", "u:1000:r") },
	"mtime of a file":          func(tr tree) { tr.mtime("times/changed", 1_700_000_000, 6) },
	"mtime of a symlink":       func(tr tree) { tr.mtime("times/link changed", 1_700_000_000, 6) },
	"mtime of a directory":     func(tr tree) { tr.mtime("times/dir changed", 1_700_000_000, 6) },
	"mtime before 1970":        func(tr tree) { tr.mtime("times/1905", -2_051_222_400, 2) },
	"mtime of a fifo":          func(tr tree) { tr.mtime("hard/kept socket", 1, 1) },
	"mode of the volume":       func(tr tree) { tr.mode("", 0o711) },
	"owner of the volume":      func(tr tree) { tr.owner("", 5, 6) },
	"xattr of the volume":      func(tr tree) { tr.xattr("", "user.root", []byte("changed")) },
}

func (tr tree) unset(name, key string) {
	tr.t.Helper()
	try(tr.t, unix.Lremovexattr(tr.at(name), key))
}
