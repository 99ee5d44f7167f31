package store_test

import (
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/warmstore/warmstore/store"
)

// concerns returns what needs attention, in order.
func concerns(st *store.Status) (all []store.Concern) {
	for _, a := range st.Attention {
		all = append(all, a.Concern)
	}
	return all
}

func status(t *testing.T, s *store.Store, opts store.StatusOptions) *store.Status {
	t.Helper()
	st, err := s.Status(t.Context(), opts)
	check(t, err)
	return st
}

// TestStatusSeesEveryKindOfDamage but for that of data, and of footers, which the
// index has too: those check finds.
func TestStatusSeesEveryKindOfDamage(t *testing.T) {
	for _, hurt := range hurts {
		if hurt.read || strings.HasPrefix(hurt.name, "footer") {
			continue
		}
		t.Run(hurt.name, func(t *testing.T) {
			t.Parallel()
			h := newHistory(t)
			if st := status(t, h.s, store.StatusOptions{}); len(st.Attention) > 0 {
				t.Fatalf("a sound store needs %v", st.Attention)
			}
			hurt.do(h)
			st := status(t, h.s, store.StatusOptions{})
			seen := concerns(st)
			if slices.Contains(seen, store.ConcernDamage) != hurt.lastGood {
				t.Errorf("it sees %v, want a damaged last-good: %t", st.Attention, hurt.lastGood)
			}
			if !hurt.lastGood && !strings.Contains(hurt.name, "garbage") && !slices.Contains(seen, store.ConcernOlder) {
				t.Errorf("it sees %v, want a damaged older snapshot", st.Attention)
			}
			for _, a := range st.Apps {
				listed := func(at store.Attention) bool { return at.App == a.App && at.Concern == store.ConcernDamage }
				if a.Whole == slices.ContainsFunc(st.Attention, listed) {
					t.Errorf("%s is whole: %t, and %v needs attention", a.App, a.Whole, st.Attention)
				}
			}
		})
	}
}

func TestStatusKnowsWhatCheckRead(t *testing.T) {
	h := newHistory(t)
	flip(t, h.root, "the new file")
	if st := status(t, h.s, store.StatusOptions{}); len(st.Attention) > 0 {
		t.Errorf("it sees %v without reading data", st.Attention)
	}
	wantDamage := func(when string, want bool) {
		t.Helper()
		seen := concerns(status(t, h.s, store.StatusOptions{}))
		if slices.Contains(seen, store.ConcernDamage) != want {
			t.Errorf("%s it sees %v, want damage: %t", when, seen, want)
		}
	}
	look := func(opts store.CheckOptions) {
		t.Helper()
		_, err := h.s.Check(t.Context(), opts)
		check(t, err)
	}
	look(store.CheckOptions{ReadData: true})
	wantDamage("after a check that read it", true)
	look(store.CheckOptions{})
	look(store.CheckOptions{ReadData: true, Part: 1, Parts: 99})
	wantDamage("after checks that did not read it", true)
	_, err := h.s.Repair(t.Context(), store.RepairOptions{}) // from the live volume
	check(t, err)
	wantDamage("after it was repaired", false)
	look(store.CheckOptions{ReadData: true})
	wantDamage("after another check", false)
}

func TestStatusTellsOfUnfinishedRestores(t *testing.T) {
	h := newHistory(t)
	finish := begin(t, h.s, map[string]string{"data": h.dir})
	st := status(t, h.s, store.StatusOptions{})
	want := []store.Concern{store.ConcernUnfinished}
	if got := concerns(st); !slices.Equal(got, want) || st.Apps[0].Unfinished == nil {
		t.Errorf("it sees %v", st.Attention)
	}
	if st := status(t, h.s, store.StatusOptions{App: "other"}); len(st.Attention) > 0 || len(st.Apps) != 1 {
		t.Errorf("of the other app it sees %v", st.Attention)
	}
	finish()
	if st := status(t, h.s, store.StatusOptions{}); len(st.Attention) > 0 {
		t.Errorf("after that it sees %v", st.Attention)
	}
	write(t, inStore(h.root, "restoring", "gone.json"), []byte("{"))
	st = status(t, h.s, store.StatusOptions{})
	if got := concerns(st); !slices.Equal(got, want) || len(st.Apps) != 3 {
		t.Errorf("of a mark that cannot be read it sees %v", st.Attention)
	}
	if _, err := h.s.Status(t.Context(), store.StatusOptions{App: "nobody"}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown app: %v", err)
	}
}

func TestStatusWeighsAgeSpaceAndGarbage(t *testing.T) {
	s, _ := newStore(t)
	dir := t.TempDir()
	write(t, dir+"/file", few(1, 1<<20))
	take(t, s, "app", dir, store.SnapshotOptions{})
	write(t, dir+"/file", few(2, 500_000))
	take(t, s, "app", dir, store.SnapshotOptions{})
	time.Sleep(1100 * time.Millisecond)
	st := status(t, s, store.StatusOptions{MaxAge: time.Second, MinFree: 101, MaxGarbage: 66})
	want := []store.Concern{store.ConcernAge, store.ConcernDisk, store.ConcernGarbage}
	if got := concerns(st); !slices.Equal(got, want) {
		t.Errorf("it sees %v, want %v", st.Attention, want)
	}
	u := usage(t, s, store.UsageOptions{}).Store
	if st.Needed != u.Stored || st.Garbage != u.Garbage || st.Total != u.Total || st.Free > st.Disk {
		t.Errorf("status has %+v, usage %+v", st, u)
	}
	if st := status(t, s, store.StatusOptions{MaxAge: time.Hour, MaxGarbage: 68}); len(st.Attention) > 0 {
		t.Errorf("within the limits it sees %v", st.Attention)
	}
	if r := gc(t, s, store.GCOptions{}); status(t, s, store.StatusOptions{}).GC.Freed != r.Freed {
		t.Errorf("gc freed %d bytes, and the note says something else", r.Freed)
	}
}

// TestNotesAreACache: a note that cannot be written is a notice, one that cannot
// be read is none.
func TestNotesAreACache(t *testing.T) {
	h := newHistory(t)
	gc(t, h.s, store.GCOptions{})
	wantSound(t, h.s)
	h.wantChecked(t)
	check(t, os.RemoveAll(inStore(h.root, "state")))
	write(t, inStore(h.root, "state"), nil)
	var notices []string
	s, err := store.Open(h.root, store.Options{Notice: func(line string) { notices = append(notices, line) }})
	check(t, err)
	gc(t, s, store.GCOptions{})
	wantSound(t, s)
	if len(notices) != 2 || !strings.Contains(notices[0], "gc") || !strings.Contains(notices[1], "check") {
		t.Errorf("the notices are %q, want one for each", notices)
	}
	if st := status(t, s, store.StatusOptions{}); st.GC != nil || st.Check != nil || len(st.Attention) > 0 {
		t.Errorf("without notes it has %v, %v, %v", st.GC, st.Check, st.Attention)
	}
}

// wantChecked fails if a change to any byte of a note gives another one.
func (h *history) wantChecked(t *testing.T) {
	t.Helper()
	read, whole := 0, status(t, h.s, store.StatusOptions{})
	for _, name := range []string{"gc", "check"} {
		path := inStore(h.root, "state", name+".json")
		b, err := os.ReadFile(path)
		check(t, err)
		for at := range b {
			flipFile(t, path, at)
			st := status(t, h.s, store.StatusOptions{})
			if st.GC != nil && *st.GC != *whole.GC || st.Check != nil && !reflect.DeepEqual(st.Check, whole.Check) {
				t.Fatalf("%s with byte %d changed is read as %v, %v", name, at, st.GC, st.Check)
			}
			if st.GC != nil && st.Check != nil {
				read++
			}
			flipFile(t, path, at)
		}
	}
	if read > 20 { // white space does not count
		t.Errorf("%d notes with a changed byte are read", read)
	}
}
