package stale

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/warmstore/warmstore/internal/faults/disktest"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/need"
)

// size is that of every file, so that it tells nothing.
const size = 20_000 // bytes

// past is the modification time of every file, so that it tells nothing.
var past = time.Unix(1_000_000_000, 123_456_789)

// put gives a file a content and the time that all have.
func (v *volume) put(name, word string) {
	v.t.Helper()
	v.overwrite(name, word)
	v.date(name, past)
}

// overwrite changes all bytes of a file in place, or makes it.
func (v *volume) overwrite(name, word string) {
	v.t.Helper()
	f, err := os.OpenFile(v.at(name), os.O_WRONLY|os.O_CREATE, 0o644)
	check(v.t, err)
	defer f.Close()
	_, err = f.WriteAt(content(word), 0)
	check(v.t, err)
}

func content(word string) []byte { return bytes.Repeat([]byte(word), size)[:size] }

func (v *volume) date(name string, to time.Time) {
	v.t.Helper()
	check(v.t, os.Chtimes(v.at(name), to, to))
}

// try fails the test if err is not nil.
func (v *volume) try(errs ...error) {
	v.t.Helper()
	for _, err := range errs {
		check(v.t, err)
	}
}

// run runs a tool in the volume.
func (v *volume) run(args ...string) {
	v.t.Helper()
	need.Tools(v.t, args[0])
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = v.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		v.t.Fatalf("%q: %v: %s", args, err, out)
	}
}

// exchange swaps two names.
func (v *volume) exchange(a, b string) {
	v.t.Helper()
	v.try(unix.Renameat2(unix.AT_FDCWD, v.at(a), unix.AT_FDCWD, v.at(b), unix.RENAME_EXCHANGE))
}

// changes are ways to change the file "a", or what has this name, with size and
// modification time what they were.
var changes = []struct {
	name   string
	change func(v *volume)
}{
	{"written in place", func(v *volume) { v.put("a", "changed") }},
	{"one byte", func(v *volume) {
		f, err := os.OpenFile(v.at("a"), os.O_WRONLY, 0)
		check(v.t, err)
		_, err = f.WriteAt([]byte("!"), size-1)
		v.try(err, f.Close())
		v.date("a", past)
	}},
	{"truncated and written", func(v *volume) { v.try(os.Truncate(v.at("a"), 0)); v.put("a", "changed") }},
	{"zeroed by fallocate", func(v *volume) {
		f, err := os.OpenFile(v.at("a"), os.O_WRONLY, 0)
		check(v.t, err)
		v.try(fsx.PunchHole(f, fsx.Extent{Length: 8192}), f.Close())
		v.date("a", past)
	}},
	{"cp -p over it", func(v *volume) { v.run("cp", "-p", "b", "a") }},
	{"cp --reflink over it", func(v *volume) { v.run("cp", "-p", "--reflink=auto", "b", "a") }},
	{"dd with O_DIRECT", func(v *volume) {
		v.run("dd", "if=b", "of=a", "oflag=direct", "conv=notrunc", "bs=4096", "count=4", "status=none")
		v.date("a", past)
	}},
	{"touch -d after it", func(v *volume) {
		v.overwrite("a", "changed")
		v.run("touch", "-d", past.UTC().Format("2006-01-02T15:04:05.999999999Z"), "a")
	}},
	{"touch -d before and after it", func(v *volume) {
		v.run("touch", "-d", "2100-01-01", "a")
		v.overwrite("a", "changed")
		v.run("touch", "-d", "1965-01-01", "a")
		v.date("a", past)
	}},
	{"rename over it", func(v *volume) { v.put("new", "changed"); v.try(os.Rename(v.at("new"), v.at("a"))) }},
	{"rename of an old file over it", func(v *volume) { v.try(os.Rename(v.at("b"), v.at("a"))) }},
	{"removed and made again", func(v *volume) { v.try(os.Remove(v.at("a"))); v.put("a", "changed") }},
	{"exchanged with another", func(v *volume) { v.exchange("a", "b") }},
	{"a link to another", func(v *volume) { v.try(os.Remove(v.at("a")), os.Link(v.at("b"), v.at("a"))) }},
	{"written by its other name", func(v *volume) {
		v.try(os.Link(v.at("a"), v.at("link")))
		v.put("link", "changed")
		v.try(os.Remove(v.at("link")))
	}},
	{"directories exchanged", func(v *volume) { v.exchange("sub", "other") }},
	{"directory renamed over", func(v *volume) {
		v.try(os.RemoveAll(v.at("sub")), os.Rename(v.at("other"), v.at("sub")))
	}},
	{"chattr around it", func(v *volume) {
		v.run("chattr", "+i", "a")
		v.run("chattr", "-i", "a")
		v.put("a", "changed")
		v.run("chattr", "+d", "a")
	}},
	{"mode and attribute only", func(v *volume) {
		v.try(os.Chmod(v.at("a"), 0o600), unix.Setxattr(v.at("b"), "trusted.stale", []byte("x"), 0))
	}},
	{"stored through a mapping", func(v *volume) {
		m := mapFile(v.t, v.at("a"))
		m[5]++
		v.try(unix.Munmap(m))
		v.date("a", past)
	}},
	{"restored and changed", func(v *volume) { v.put("a", "other"); v.restore(v.dir); v.put("a", "changed") }},
	{"changed and restored", func(v *volume) { v.put("a", "changed"); v.restore(v.dir) }},
	{"in the future", func(v *volume) {
		v.date("a", time.Unix(4_000_000_000, 0))
		v.snapshot()
		v.overwrite("a", "changed")
		v.date("a", time.Unix(4_000_000_000, 0))
	}},
	{"before 1970", func(v *volume) {
		v.date("a", time.Unix(-1000, 5))
		v.snapshot()
		v.overwrite("a", "changed")
		v.date("a", time.Unix(-1000, 5))
	}},
	{"again and again, within the clock's tick", func(v *volume) {
		for _, word := range []string{"one", "two", "three", "four", "five", "six", "seven", "eight"} {
			v.put("a", word)
			v.snapshot()
			v.put("a", word+"!")
			v.snapshot()
			if stale := v.stale(); stale != nil {
				v.t.Errorf("stale after %s: %q", word, stale)
			}
		}
	}},
}

// build makes files of one size and one time.
func (v *volume) build() {
	v.try(os.Mkdir(v.at("sub"), 0o755), os.Mkdir(v.at("other"), 0o755))
	for _, name := range []string{"a", "b", "sub/file", "other/file"} {
		v.put(name, name)
	}
	v.date("sub", past)
	v.date("other", past)
}

// Each change is in the next snapshot, of a volume of which nothing would have
// been read without it.
func TestNoChangeIsMissed(t *testing.T) {
	for _, kind := range trusted {
		t.Run(kind, func(t *testing.T) {
			t.Parallel() // it waits for the clock most of the time
			disk, stale := disktest.New(t, kind), 0
			for _, c := range changes {
				t.Run(c.name, func(t *testing.T) {
					v := newVolume(t, disk)
					v.build()
					v.settled()
					v.snapshot()
					if v.last.Stats.BytesRead != 0 {
						t.Fatalf("unchanged, %d bytes are read: nothing is shown", v.last.Stats.BytesRead)
					}
					c.change(v)
					v.snapshot()
					for _, line := range v.stale() {
						stale++
						t.Errorf("stale: %s", line)
					}
					check(t, os.RemoveAll(v.dir))
				})
			}
			t.Logf("%s: %d kinds of change, %d stale files", kind, len(changes), stale)
		})
	}
}
