package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// treeTools are what building, damaging and judging a tree needs.
var treeTools = []string{"root", "rsync", "setfacl", "setcap"}

// A tree is a directory that a test fills or damages. Every step must succeed.
type tree struct {
	t    *testing.T
	root string
}

// at returns the path of a name in the tree.
func (tr tree) at(name string) string { return tr.root + "/" + name } // not Join: names are not cleaned

// noise returns n bytes that do not compress, the same for the same seed.
func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), 1}).Read(b)
	return b
}

// file writes a regular file, making the directories above it.
func (tr tree) file(name string, data []byte) {
	tr.t.Helper()
	try(tr.t, os.MkdirAll(filepath.Dir(tr.at(name)), 0o755))
	try(tr.t, os.WriteFile(tr.at(name), data, 0o644))
}

func (tr tree) dir(name string) {
	tr.t.Helper()
	try(tr.t, os.MkdirAll(tr.at(name), 0o755))
}

func (tr tree) symlink(target, name string) {
	tr.t.Helper()
	try(tr.t, os.Symlink(target, tr.at(name)))
}

func (tr tree) link(old, name string) {
	tr.t.Helper()
	try(tr.t, unix.Linkat(unix.AT_FDCWD, tr.at(old), unix.AT_FDCWD, tr.at(name), 0)) // 0: the symlink, not its target
}

func (tr tree) node(name string, mode uint32, major, minor uint32) {
	tr.t.Helper()
	try(tr.t, unix.Mknod(tr.at(name), mode, int(unix.Mkdev(major, minor))))
}

// sparse writes a file of size bytes that has data only at the offsets given.
func (tr tree) sparse(name string, size int64, offsets ...int64) {
	tr.t.Helper()
	f, err := os.Create(tr.at(name))
	try(tr.t, err)
	try(tr.t, f.Truncate(size))
	for i, off := range offsets {
		_, err := f.WriteAt(noise(uint64(i), 64<<10), off)
		try(tr.t, err)
	}
	try(tr.t, f.Close())
}

func (tr tree) xattr(name, key string, value []byte) {
	tr.t.Helper()
	try(tr.t, unix.Lsetxattr(tr.at(name), key, value, 0))
}

func (tr tree) owner(name string, uid, gid int) {
	tr.t.Helper()
	try(tr.t, os.Lchown(tr.at(name), uid, gid))
}

// mode sets all twelve bits, without following a symlink (which has no mode).
func (tr tree) mode(name string, mode uint32) {
	tr.t.Helper()
	try(tr.t, unix.Chmod(tr.at(name), mode))
}

// mtime sets the time of a file or symlink. One in the year 1905 is an int64 of
// seconds like any other.
func (tr tree) mtime(name string, sec, nsec int64) {
	tr.t.Helper()
	at := unix.Timespec{Sec: sec, Nsec: nsec}
	try(tr.t, unix.UtimesNanoAt(unix.AT_FDCWD, tr.at(name), []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW))
}

// tool runs a program on a file of the tree.
func (tr tree) tool(name string, args ...string) {
	tr.t.Helper()
	output(tr.t, exec.Command(args[0], append(args[1:], tr.at(name))...))
}

// kinds make a file of each type there is.
var kinds = map[string]func(tr tree, name string){
	"file":    func(tr tree, name string) { tr.file(name, []byte("a file")) },
	"large":   func(tr tree, name string) { tr.file(name, noise(77, 300<<10)) },
	"dir":     func(tr tree, name string) { tr.file(name+"/sub/file", []byte("in a directory")) },
	"symlink": func(tr tree, name string) { tr.symlink("../regular", name) },
	"fifo":    func(tr tree, name string) { tr.node(name, unix.S_IFIFO|0o640, 0, 0) },
	"socket":  func(tr tree, name string) { tr.node(name, unix.S_IFSOCK|0o600, 0, 0) },
	"char":    func(tr tree, name string) { tr.node(name, unix.S_IFCHR|0o666, 1, 3) },
	"block":   func(tr tree, name string) { tr.node(name, unix.S_IFBLK|0o660, 300, 100000) },
	"sparse":  func(tr tree, name string) { tr.sparse(name, 256<<10, 128<<10) },
	"link":    func(tr tree, name string) { tr.link("hard/first", name) },
}

// eachPair calls f with every two different kinds, and the name that a file
// has which is of the first kind and becomes one of the second.
func eachPair(f func(from, to, name string)) {
	for from := range kinds {
		for to := range kinds {
			if from != to {
				f(from, to, "pairs/"+from+" to "+to)
			}
		}
	}
}

// oddNames are legal, and each has broken some program.
var oddNames = []string{
	"new\nline", "\x1b[31mred", "bad\xff\xfeutf8", "-rf", "--delete", ".hidden", "..dots", "...", " space ", "*", "~",
	"\\", "\"", "'", "%s", "$HOME", "a:b", "\u202egnp", "e\u0301", "é", "tab\t", "\r", "\x01", "CON", ".wh.x",
	".warmstore", ".rsync-tmp.x", strings.Repeat("n", 255), strings.Repeat("é", 127), strings.Repeat("\xff", 255),
}

// buildTree fills dir with every kind of file and metadata there is.
func buildTree(t *testing.T, dir string) {
	t.Helper()
	tr := tree{t, dir}
	tr.dir("pairs")
	tr.dir("names/dirs")
	tr.buildRegular()
	tr.buildLinks()
	tr.buildSpecial()
	tr.buildSparse()
	tr.buildMeta()
	for i, name := range oddNames {
		tr.file("names/"+name, []byte(name))
		tr.file("names/dirs/"+name+"/"+name, noise(uint64(i), 10))
		tr.symlink(name, fmt.Sprintf("names/to%d", i))
	}
	eachPair(func(from, _, name string) { kinds[from](tr, name) })
	tr.buildTimes()
}

func (tr tree) buildRegular() {
	for name, data := range map[string][]byte{
		"empty": nil, "one byte": {'x'}, "small": []byte("small\n"), "small 2": []byte("small\n"), "nothing": nil,
		"page": noise(1, 4096), "text": bytes.Repeat([]byte("a line of text\n"), 100_000),
		"pages": noise(2, 2<<20), "page zeros": make([]byte, 1<<20), "odd": noise(3, 3<<20+17),
		"odd 2": noise(4, 1<<20+1), "twin a": []byte("twins"), "twin b": []byte("twins"),
		"swap a": noise(5, 5000), "swap b": noise(6, 5000), "removed": noise(7, 70_000), "cut": noise(8, 2<<20),
		"grown": noise(9, 2<<20), "filled": nil, "emptied": noise(10, 100), "inserted": noise(11, 2<<20+5),
		"nulls": append(make([]byte, 100<<10), 1),
	} {
		tr.file("regular/"+name, data)
	}
	tr.dir("dirs/empty")
	for _, name := range []string{"swap a/a", "swap b/b", "removed/a/b/c/d", "out/precious", "moved/a/b", "renamed/x"} {
		tr.file("dirs/"+name, []byte(name))
	}
	deep := "dirs" + strings.Repeat("/"+strings.Repeat("d", 250), 12)
	tr.file(deep+"/leaf", []byte("deep"))
}

func (tr tree) buildLinks() {
	tr.dir("symlinks")
	for name, target := range map[string]string{
		"relative": "../regular/small", "absolute": "/etc/hostname", "dangling": "nowhere/at/all", "up": "../../../..",
		"directory": "../dirs", "self": "self", "bytes": "new\nline\xff\x1b", "changed": "before", "removed": "x",
		"long": strings.Repeat("l/", 2047) + "l",                       // 4,095 bytes, the most that Linux allows
		"59":   strings.Repeat("i", 59), "60": strings.Repeat("o", 60), // where ext4 moves a target out of the inode
	} {
		tr.symlink(target, "symlinks/"+name)
	}
	tr.file("hard/first", noise(20, 100_000))
	tr.dir("hard/a/b")
	tr.dir("hard/z")
	tr.link("hard/first", "hard/a/b/second")
	tr.link("hard/first", "hard/z/third")
	tr.link("hard/first", "links elsewhere") // sorts after hard, beside it
	for name, make := range kinds {
		if name == "dir" || name == "link" {
			continue
		}
		for _, n := range []string{"kept ", "broken "} {
			make(tr, "hard/"+n+name)
			tr.link("hard/"+n+name, "hard/a/"+n+name)
		}
	}
	tr.file("hard/empty", nil)
	tr.link("hard/empty", "hard/empty 2")
}

func (tr tree) buildSpecial() {
	tr.dir("special")
	for name, make := range kinds {
		if name != "link" {
			make(tr, "special/"+name)
			make(tr, "special/"+name+" removed")
		}
	}
	tr.node("special/char 0 0", unix.S_IFCHR|0o600, 0, 0) // what overlayfs calls a whiteout
	tr.node("special/renuhalfered", unix.S_IFBLK|0o600, 7, 1)
}

func (tr tree) buildSparse() {
	const half = 1 << 19
	tr.dir("sparse")
	tr.sparse("sparse/start", 4*half, 4*half-64<<10)
	tr.sparse("sparse/middle", 4*half, 0, 4*half-64<<10)
	tr.sparse("sparse/end", 4*half, 0)
	tr.sparse("sparse/all", 5*half)
	tr.sparse("sparse/odd", 4*half+123, half+7, 3*half-1)
	tr.sparse("sparse/filled", 4*half, 2*half)
	tr.sparse("sparse/punched", 4*half, 0, half, 2*half)
	tr.sparse("sparse/large", 128*half, 64*half)
	tr.sparse("sparse/filled all", 4*half)
}

func (tr tree) buildMeta() {
	for i := range 12 {
		name := fmt.Sprintf("meta/file%d", i)
		tr.file(name, []byte(name))
		tr.file(fmt.Sprintf("meta/dir%d/inside", i), nil)
		tr.symlink("file0", fmt.Sprintf("meta/symlink%d", i))
	}
	for i, id := range []int{0, 1, 1000, 65534, 65536, 2147483647, 2147483648, 4294967294} {
		for _, kind := range []string{"file", "dir", "symlink"} {
			tr.owner(fmt.Sprintf("meta/%s%d", kind, i), id, 4294967294-id)
		}
	}
	for i, mode := range []uint32{0, 0o777, 0o4755, 0o2755, 0o1777, 0o7777, 0o6000, 0o111} {
		tr.mode(fmt.Sprintf("meta/file%d", i), mode)
		tr.mode(fmt.Sprintf("meta/dir%d", i), mode)
	}
	values := map[string][]byte{"empty": {}, "text": []byte("v"), "bytes": {0, 255, '\n'}, "long": noise(30, 1500)}
	for name, value := range values {
		for _, file := range []string{"meta/file8", "meta/file1", "meta/dir8", "meta/file9"} {
			tr.xattr(file, "user."+name, value)
		}
	}
	tr.xattr("", "user.root", []byte("of the volume"))
	for _, file := range []string{
		"meta/file8", "meta/file0", "meta/file9", "meta/dir8", "meta/dir0", "meta/symlink8", "meta/symlink9",
		"special/fifo", "special/char",
	} {
		tr.xattr(file, "trusted.t", []byte("trusted"))
	}
	for _, file := range []string{"meta/file10", "meta/file11", "meta/dir10", "meta/dir11", "special/fifo"} {
		tr.tool(file, "setfacl", "-m", "u:1000:rwx,u:4294967293:-,g:2000:r-x,m:rx")
	}
	tr.tool("meta/dir10", "setfacl", "-d", "-m", "u:1000:rwx,g:2000:r-x")
	tr.tool("meta/dir9", "setfacl", "-d", "-m", "u::rwx,g::-,o::-")
	tr.tool("meta/file3", "setcap", "cap_net_bind_service=ep")
	tr.tool("meta/file4", "setcap", "cap_sys_admin,cap_chown=eip")
}

// buildTimes gives files times at the edges, and every directory one that its
// filling did not leave behind.
func (tr tree) buildTimes() {
	for name, at := range map[string][2]int64{
		"epoch": {0, 0}, "before": {-1, 999_999_999}, "1905": {-2_051_222_400, 1}, "2037": {1 << 31, 123_456_789},
		"2400": {13_569_465_600, 999_999_999}, "nano": {1_700_000_000, 1}, "changed": {1_700_000_000, 5},
	} {
		tr.file("times/"+name, []byte(name))
		tr.symlink(name, "times/link "+name)
		tr.dir("times/dir " + name)
		for _, kind := range []string{"", "link ", "dir "} {
			tr.mtime("times/"+kind+name, at[0], at[1])
		}
	}
	var dirs []string
	try(tr.t, filepath.WalkDir(tr.root, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && !strings.HasPrefix(path, tr.at("times/")) {
			dirs = append(dirs, strings.TrimPrefix(path, tr.root))
		}
		return err
	}))
	for i, name := range slices.Backward(dirs) {
		tr.mtime(name, 1_500_000_000+int64(i), int64(i))
	}
}
