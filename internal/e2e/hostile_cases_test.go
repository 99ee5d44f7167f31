package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A hostileCase is a tree that a container could leave behind.
type hostileCase struct {
	name    string
	build   func(tr tree)
	spoil   func(tr tree) // instead of what is done to all
	not     []string      // file systems that cannot hold it, or that need not show it again
	refused string        // what the command says, if it takes no snapshot of it
	deep    bool          // beyond PATH_MAX, or what rsync reads in time
}

func hostileCases() []hostileCase {
	return []hostileCase{
		{name: "nothing at all", build: func(tree) {}},
		{name: "regular files and deep paths", build: tree.buildRegular},
		{name: "odd names", build: tree.buildOddNames},
		{name: "every type into every other", build: tree.buildPairs, spoil: tree.spoilPairs},
		{name: "devices, pipes and sockets", build: tree.buildNodes},
		{name: "device 4095:1048575", build: tree.buildLargeDevice, not: []string{"xfs"}},
		{name: "device 0:0", build: tree.buildWhiteout, not: []string{"overlay"}},
		{name: "symlinks that loop and lead out", build: tree.buildSymlinks},
		{name: "symlink to 4,095 bytes", build: tree.buildLongSymlink, not: []string{"xfs", "btrfs"}},
		{name: "hard links of every type", build: tree.buildHardLinks},
		{name: "5,000 hard links to one file", build: tree.buildManyLinks},
		{name: "holes of every shape", build: func(tr tree) { tr.buildSparse() }},
		{name: "100 GiB with 1,000 extents", build: tree.buildHuge, deep: true},
		{name: "owners, modes, ACLs, capabilities", build: tree.buildOwners},
		{name: "times from 1677 to 9999", build: tree.buildExtremeTimes},
		{name: "attribute of 64 KiB", build: tree.buildLargeAttribute, not: []string{"ext4", "btrfs"}},
		{name: "as many attributes as fit", build: tree.buildManyAttributes},
		{name: "directories without permissions", build: tree.buildReadOnly},
		{name: "immutable and append-only", build: tree.buildProtected},
		{name: "3,000 levels", build: func(tr tree) { tr.buildLevels(3000) }, deep: true},
		{name: "70,000 levels", build: func(tr tree) { tr.buildLevels(70_000) }, refused: "is too deep",
			not: []string{"ext4", "xfs", "btrfs", "overlay"}},
		{name: "a mount within", build: tree.buildMount,
			refused: `/\x1b[31mred\n\xff": is a mount point`},
		{name: "a bind mount of itself within", build: tree.buildBind, refused: "is a mount point"},
	}
}

func (tr tree) buildOddNames() {
	tr.dir("names/dirs")
	for i, name := range oddNames {
		tr.file("names/"+name, []byte(name))
		tr.file("names/dirs/"+name+"/"+name, noise(uint64(i), 10))
		tr.symlink(name, fmt.Sprintf("names/to%d", i))
		tr.file(name, nil)
	}
}

func (tr tree) buildPairs() {
	tr.file("hard/first", noise(20, 100_000))
	tr.dir("pairs")
	eachPair(func(from, _, name string) { kinds[from](tr, name) })
}

func (tr tree) spoilPairs() {
	eachPair(func(_, to, name string) {
		try(tr.t, os.RemoveAll(tr.at(name)))
		kinds[to](tr, name)
	})
}

func (tr tree) buildNodes() {
	tr.dir("nodes")
	for i, kind := range []uint32{unix.S_IFIFO, unix.S_IFSOCK, unix.S_IFCHR, unix.S_IFBLK} {
		for j, number := range [][2]uint32{{1, 3}, {5, 0}, {300, 100_000}} {
			name := fmt.Sprintf("nodes/%d %d", i, j)
			tr.node(name, kind|0o644, number[0], number[1])
			tr.owner(name, i, 4294967294)
			tr.mode(name, 0o6777)
			tr.mtime(name, int64(-i), int64(j))
			tr.xattr(name, "trusted.node", []byte(name))
		}
	}
}

func (tr tree) buildLargeDevice() { tr.node("large", unix.S_IFBLK|0o600, 4095, 1<<20-1) }

func (tr tree) buildWhiteout() { tr.node("whiteout", unix.S_IFCHR, 0, 0) }

func (tr tree) buildSymlinks() {
	for name, target := range map[string]string{
		"etc": "/etc", "shadow": "/etc/shadow", "up": "../../../../../../etc/passwd",
		"self": "self", "a": "b", "b": "a", "dot": ".", "bytes": "new\nline\xff\x1b",
		"proc": "/proc/self/fd/3", "long": strings.Repeat("l/", 511), "dangling": "nowhere",
	} {
		tr.symlink(target, name)
		tr.xattr(name, "trusted.link", []byte(target[:1]))
		tr.owner(name, 12, 34)
	}
}

func (tr tree) buildLongSymlink() { tr.symlink(strings.Repeat("l/", 2047)+"l", "long") }

func (tr tree) buildHardLinks() {
	tr.dir("a")
	tr.dir("z")
	for name, make := range kinds {
		if name == "dir" || name == "link" {
			continue
		}
		make(tr, "m "+name)
		tr.link("m "+name, "a/"+name)
		tr.link("m "+name, "z/"+name)
	}
}

func (tr tree) buildManyLinks() {
	tr.file("first", noise(3, 5_000))
	for i := range 5000 {
		if i%100 == 0 {
			tr.dir(fmt.Sprint("d", i/100))
		}
		tr.link("first", fmt.Sprintf("d%d/link %d", i/100, i))
	}
}

// buildHuge makes a file of 100 GiB, which is mostly holes.
func (tr tree) buildHuge() {
	const size, extents = 100 << 30, 1000
	f, err := os.Create(tr.at("huge"))
	try(tr.t, err)
	defer f.Close()
	try(tr.t, f.Truncate(size))
	for i := range int64(extents) {
		_, err := f.WriteAt(noise(uint64(i), 4096), i*(size/extents)&^4095)
		try(tr.t, err)
	}
	try(tr.t, f.Sync()) // or what is not on disk yet may look like holes
}

func (tr tree) buildOwners() {
	tr.dir("special")
	for _, kind := range []string{"fifo", "char"} {
		kinds[kind](tr, "special/"+kind)
	}
	tr.buildMeta()
}

func (tr tree) buildExtremeTimes() {
	const year1677, year2446, year9999 = -9_223_372_036, 15_032_385_535, 253_402_300_799
	for i, sec := range []int64{
		year1677, -1<<31 - 1, -1 << 31, -1, 0, 1<<31 - 1, 1 << 31, 1<<32 + 5, year2446, year9999,
	} {
		for name, make := range kinds {
			if name == "link" {
				continue
			}
			name = fmt.Sprintf("%s %d", name, i)
			make(tr, name)
			tr.mtime(name, sec, 999_999_999)
		}
	}
}

func (tr tree) buildLargeAttribute() {
	tr.file("file", []byte("x"))
	tr.dir("dir")
	for _, name := range []string{"file", "dir", ""} {
		tr.xattr(name, "trusted.large", noise(5, 1<<16))
	}
}

// buildManyAttributes gives a file attributes until its file system has enough.
func (tr tree) buildManyAttributes() {
	tr.file("file", []byte("x"))
	for i := range 150 {
		name := fmt.Sprintf("user.%0200d", i)
		err := unix.Lsetxattr(tr.at("file"), name, noise(uint64(i), 300), 0)
		if errors.Is(err, unix.ENOSPC) {
			return
		}
		try(tr.t, err)
	}
}

func (tr tree) buildReadOnly() {
	for _, mode := range []uint32{0o555, 0o500, 0o000, 0o111, 0o1000} {
		name := fmt.Sprintf("%04o", mode)
		tr.file(name+"/dir/file", []byte(name))
		tr.symlink("dir", name+"/link")
		for _, below := range []string{"/dir/file", "/dir", ""} {
			tr.mode(name+below, mode)
		}
	}
	tr.mode("", 0o555)
}

func (tr tree) buildProtected() {
	for name, flags := range map[string]string{
		"fixed": "+i", "log": "+a", "both": "+ia", "undumped": "+d", "all": "+iad",
	} {
		tr.file(name+" dir/sub/file", []byte("x"))
		tr.symlink("sub", name+" dir/link")
		tr.file(name, noise(1, 10_000))
		tr.file(name+" linked", noise(2, 10_000))
		tr.link(name+" linked", name+" dir/other name")
		for _, file := range []string{"", " linked", " dir/sub/file", " dir/sub", " dir"} {
			tr.tool(name+file, "chattr", flags)
		}
	}
	tr.tool("", "chattr", "+a")
}

// buildLevels makes directories in directories, some with longer names than
// others, and a file at the bottom.
func (tr tree) buildLevels(levels int) {
	at, err := unix.Open(tr.root, unix.O_DIRECTORY, 0)
	try(tr.t, err)
	for i := range levels {
		name := fmt.Sprint(i)
		if i%100 == 99 {
			name = strings.Repeat("n", 255)
		}
		try(tr.t, unix.Mkdirat(at, name, 0o755))
		next, err := unix.Openat(at, name, unix.O_DIRECTORY, 0)
		try(tr.t, err)
		try(tr.t, unix.Close(at))
		at = next
	}
	fd, err := unix.Openat(at, "bottom", unix.O_CREAT|unix.O_WRONLY, 0o600)
	try(tr.t, err)
	_, err = unix.Write(fd, []byte("found"))
	try(tr.t, errors.Join(err, unix.Close(fd), unix.Close(at)))
}

func (tr tree) buildMount() {
	const name = "sub/\x1b[31mred\n\xff"
	tr.dir(name)
	mountAt(tr.t, tr.at(name), "-t", "tmpfs", "tmpfs")
	tr.file(name+"/precious", []byte("not of this volume"))
}

func (tr tree) buildBind() {
	tr.dir("sub/self")
	mountAt(tr.t, tr.at("sub/self"), "--bind", tr.root)
}

// TestLargeTrees takes a snapshot of many files, and restores what is missing,
// in bounded memory.
func TestLargeTrees(t *testing.T) {
	need(t, diskTools...)
	files, inOne, limit := 20_000, 10_000, int64(150<<10)
	if os.Getenv("WARMSTORE_HOSTILE") == "full" {
		files, inOne, limit = 1_000_000, 200_000, 300<<10
	}
	for name, build := range map[string]func(tr tree){
		fmt.Sprintf("%d files in one tree", files): func(tr tree) { tr.buildFiles(files, 100) },
		fmt.Sprintf("%d in one directory", inOne):  func(tr tree) { tr.buildFiles(inOne, inOne) },
	} {
		t.Run(name, func(t *testing.T) {
			o := &ordeal{t: t, store: newStore(t), volume: newDisk(t, "ext4")}
			build(tree{t, o.volume})
			want := tarSum(t, o.volume)
			o.command(exitDone, "snapshot", "app", dir("data", o.volume))
			o.command(exitDone, "snapshot", "app", dir("data", o.volume))
			output(t, exec.Command("sh", "-c", `rm -rf "$0"/d[0-4]*; find "$0" -name "f*7*" -delete`, o.volume))
			o.command(exitDone, "restore", "app")
			if got := tarSum(t, o.volume); got != want {
				t.Error("tar packs another archive of what came back")
			}
			t.Logf("%s: peak memory %d MB", name, o.peakRSS>>10)
			if o.peakRSS > limit {
				t.Errorf("peak memory is %d KB, at most %d are in order", o.peakRSS, limit)
			}
		})
	}
}

// tarSum is the checksum of all that tar sees of a directory: one program, however
// many files there are.
func tarSum(t *testing.T, path string) string {
	t.Helper()
	return in(t, path, "sh", "-c", "tar --sort=name --numeric-owner --format=pax "+
		"--pax-option=delete=atime,delete=ctime -cf - . | sha256sum")
}

// buildFiles makes count small files, a number of them in each directory.
func (tr tree) buildFiles(count, each int) {
	for i := range count {
		if i%each == 0 {
			tr.dir(fmt.Sprintf("d%d", i/each))
		}
		name := fmt.Sprintf("d%d/f%d", i/each, i)
		try(tr.t, os.WriteFile(tr.at(name), []byte(name), 0o644))
	}
}
