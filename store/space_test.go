package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/warmstore/warmstore/store"
)

// A tight store is on a disk far smaller than the volume that is to go into it.
// The file of the volume occupies its size and reads as zeros, so that it fits
// all the same.
type tight struct {
	t       *testing.T
	s       *store.Store
	dir     string
	notices []string
	read    atomic.Int64
}

func newTight(t *testing.T, volume int64) *tight {
	t.Helper()
	st := &tight{t: t, dir: t.TempDir()}
	f, err := os.Create(st.dir + "/database")
	check(t, err)
	check(t, unix.Fallocate(int(f.Fd()), 0, 0, volume))
	check(t, f.Close())
	st.s, err = store.Create(filepath.Join(mount(t, 64<<20), "warm"), store.Options{
		Notice: func(line string) { st.notices = append(st.notices, line) },
	})
	check(t, err)
	return st
}

func (st *tight) snapshot(ignore bool) error {
	st.notices = nil
	st.read.Store(0)
	_, err := st.s.Snapshot(st.t.Context(), "app", []store.Volume{{Name: "data", Path: st.dir}}, store.SnapshotOptions{
		IgnoreSpace: ignore, Progress: func(_, bytes int64) { st.read.Add(bytes) },
	})
	return err
}

func (st *tight) wantNotice(want bool) {
	st.t.Helper()
	if said := strings.Contains(strings.Join(st.notices, "\n"), "space may not suffice"); said != want {
		st.t.Errorf("notices are %q, one of space: want %t", st.notices, want)
	}
}

func TestSnapshotThatCannotFitIsNotBegun(t *testing.T) {
	st := newTight(t, 2<<30)
	if err := st.snapshot(false); !errors.Is(err, store.ErrFull) {
		t.Errorf("2 GiB into 64 MiB: error is %v, want ErrFull", err)
	}
	if n := st.read.Load(); n > 0 {
		t.Errorf("%d bytes were read although there is no space", n)
	}
	if err := st.snapshot(true); err != nil {
		t.Errorf("zeros need no space, and it was told to try: %v", err)
	}
	wantSound(t, st.s)
}

func TestTightSpaceIsSaid(t *testing.T) {
	st := newTight(t, 256<<20)
	check(t, st.snapshot(false))
	st.wantNotice(true)
}

// TestOnlyWhatChangedNeedsSpace: the unchanged file is not counted, and one that
// was there before only as what deltas will leave of it.
func TestOnlyWhatChangedNeedsSpace(t *testing.T) {
	st := newTight(t, 2<<30)
	check(t, st.snapshot(true))
	time.Sleep(30 * time.Millisecond) // or it would look as if it might still change
	check(t, st.snapshot(true))
	check(t, st.snapshot(false))
	st.wantNotice(false)
	now := time.Now()
	check(t, os.Chtimes(st.dir+"/database", now, now))
	check(t, st.snapshot(false))
	st.wantNotice(true)
}
