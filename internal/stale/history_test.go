package stale

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/warmstore/warmstore/internal/faults/disktest"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
	"github.com/warmstore/warmstore/store"
)

const (
	sizeVariable = "WARMSTORE_FAULTS" // full: many histories; else a few
	few, many    = 45, 1000           // histories
	steps        = 6                  // snapshots of each
)

// A history changes a volume at random, by the dice alone.
type history struct {
	*volume
	dice   *rand.Rand
	memory []byte // a file that is mapped; nil: none
	file   *os.File
	trace  []string
}

// events are what can happen to a volume between two snapshots.
var events = []struct {
	name   string
	happen func(h *history, file string) error
}{
	{"write in place", (*history).write},
	{"write in place", (*history).write},
	{"append", func(h *history, file string) error {
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.Write(h.bytes(1 + h.dice.IntN(3000)))
		return err
	}},
	{"truncate", func(h *history, file string) error { return os.Truncate(file, int64(h.dice.IntN(10_000))) }},
	{"rename", func(h *history, file string) error { return os.Rename(file, h.any()) }},
	{"exchange", func(h *history, file string) error {
		return unix.Renameat2(unix.AT_FDCWD, file, unix.AT_FDCWD, h.any(), unix.RENAME_EXCHANGE)
	}},
	{"link", func(h *history, file string) error {
		to := h.any()
		if to == file {
			return nil
		}
		os.Remove(to)
		return os.Link(file, to)
	}},
	{"unlink", func(_ *history, file string) error { return os.Remove(file) }},
	{"copy over", func(h *history, file string) error {
		data, err := os.ReadFile(h.any())
		if err != nil {
			return err
		}
		return os.WriteFile(file, data, 0o644)
	}},
	{"chmod", func(h *history, file string) error { return os.Chmod(file, os.FileMode(h.dice.IntN(0o1000))) }},
	{"attribute", func(h *history, file string) error {
		return unix.Setxattr(file, "trusted.stale", h.bytes(h.dice.IntN(9)), 0)
	}},
	{"map", (*history).mapped},
	{"store through a mapping", (*history).store},
	{"store through a mapping", (*history).store},
	{"rename the directory", func(h *history, _ string) error {
		return unix.Renameat2(unix.AT_FDCWD, h.at("one"), unix.AT_FDCWD, h.at("two"), unix.RENAME_EXCHANGE)
	}},
	{"restore", func(h *history, _ string) error { h.restore(h.dir); return nil }},
	{"wait", func(*history, string) error { fsx.Settle(); return nil }},
	{"wait", func(*history, string) error { fsx.Settle(); return nil }},
}

// any returns the path of one of a few files, which need not exist.
func (h *history) any() string {
	return h.at([]string{"a", "b", "c", "one/a", "one/b", "two/a", "two/b"}[h.dice.IntN(7)])
}

func (h *history) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(h.dice.Uint32())
	}
	return b
}

// write changes a part of a file, or makes it.
func (h *history) write(file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt(h.bytes(1+h.dice.IntN(6000)), int64(h.dice.IntN(6000)))
	return err
}

// mapped maps a file, whatever becomes of its name, and no longer the one before.
func (h *history) mapped(file string) error {
	info, err := os.Stat(file)
	if err != nil || info.Size() == 0 {
		return err
	}
	h.unmap()
	if h.file, err = os.Open(file); err != nil {
		return err
	}
	h.memory = mapFile(h.t, file)
	return nil
}

func (h *history) unmap() {
	if h.memory != nil {
		check(h.t, unix.Munmap(h.memory))
		check(h.t, h.file.Close())
	}
	h.memory = nil
}

// store changes one byte of what is mapped, unless the file ends before it by
// now.
func (h *history) store(string) error {
	if h.memory == nil {
		return nil
	}
	info, err := h.file.Stat()
	if at := h.dice.IntN(len(h.memory)); err == nil && int64(at) < info.Size() {
		h.memory[at]++
	}
	return err
}

// happen lets one thing happen, and then perhaps hides it: sizes are what they
// were often enough by themselves, and times are set back.
func (h *history) happen() {
	e, file := events[h.dice.IntN(len(events))], h.any()
	before, _ := os.Lstat(file)
	err := e.happen(h, file)
	h.trace = append(h.trace, fmt.Sprintf("%s %s: %v", e.name, strings.TrimPrefix(file, h.dir), err))
	if before != nil && h.dice.IntN(2) == 0 && os.Chtimes(file, time.Time{}, before.ModTime()) == nil {
		h.trace = append(h.trace, "set its time back")
	}
}

// An outcome is what came of histories.
type outcome struct {
	skipped int64 // bytes that the fast path did not read
	moved   int   // times that only holes were elsewhere
	missed  int
}

func (h *history) play() (o outcome) {
	check(h.t, os.Mkdir(h.at("one"), 0o755))
	check(h.t, os.Mkdir(h.at("two"), 0o755))
	h.snapshot() // to restore
	for range steps {
		for range 1 + h.dice.IntN(6) {
			h.happen()
		}
		h.snapshot()
		h.trace = append(h.trace, "snapshot")
		o.skipped += h.last.Record.Bytes() - h.last.Stats.BytesRead
		h.rehash(&o)
	}
	h.unmap()
	return o
}

// rehash compares the last snapshot with one that reads everything. Equal trees
// have equal manifests, but a file system may fill a hole, or make one, without a
// change of the file: XFS does.
func (h *history) rehash(o *outcome) {
	h.t.Helper()
	all := h.take(store.SnapshotOptions{DryRun: true, Rehash: true})
	if slices.Equal(manifestOf(h.last), manifestOf(all)) {
		return
	}
	fast := h.entries()
	h.take(store.SnapshotOptions{Rehash: true})
	if slices.Equal(fast, h.entries()) {
		o.moved++
		return
	}
	o.missed++
}

// manifestOf returns what the manifest was cut into: the same for the same tree.
func manifestOf(r *store.Result) []store.ID { return r.Record.Volumes[0].Manifest.Chunks }

// entries returns what the newest snapshot has, but for holes.
func (h *history) entries() (all []string) {
	h.t.Helper()
	c, err := h.s.Checkout(h.t.Context(), "app", store.ID{}, false)
	check(h.t, err)
	defer c.Close()
	encoded, err := c.Manifest("data")
	check(h.t, err)
	dec := manifest.NewDecoder(encoded)
	e, err := dec.Next()
	for ; err == nil; e, err = dec.Next() {
		bare := *e
		bare.Holes = nil
		all = append(all, fmt.Sprintf("%+v", bare))
	}
	if !errors.Is(err, io.EOF) {
		h.t.Fatal(err)
	}
	return all
}

// A snapshot that reads everything finds nothing that the fast one missed.
func TestRehashFindsNothing(t *testing.T) {
	n := few
	if os.Getenv(sizeVariable) == "full" {
		n = many
	}
	seed := uint64(time.Now().UnixNano())
	var mu sync.Mutex
	var sum outcome
	t.Run("on", func(t *testing.T) {
		for i, kind := range trusted {
			t.Run(kind, func(t *testing.T) {
				t.Parallel() // it waits for the clock most of the time
				disk := disktest.New(t, kind)
				for j := i; j < n; j += len(trusted) {
					h := &history{volume: newVolume(t, disk), dice: rand.New(rand.NewPCG(seed, uint64(j)))}
					o := h.play()
					mu.Lock()
					sum.skipped, sum.moved, sum.missed = sum.skipped+o.skipped, sum.moved+o.moved, sum.missed+o.missed
					mu.Unlock()
					if o.missed > 0 {
						t.Errorf("seed %d, history %d: missed after\n\t%s", seed, j, strings.Join(h.trace, "\n\t"))
					}
					check(t, os.RemoveAll(h.dir))
				}
			})
		}
	})
	t.Logf("%d histories of %d snapshots on %s, seed %d: %d missed something that --rehash found, "+
		"%d had other holes; %d bytes not read",
		n, steps, strings.Join(trusted, ", "), seed, sum.missed, sum.moved, sum.skipped)
	if sum.skipped == 0 {
		t.Error("everything was read: nothing is shown")
	}
}
