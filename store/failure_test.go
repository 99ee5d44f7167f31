package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/warmstore/warmstore/store"
)

// A stage is a store with a last-good of app, and a volume that has changed
// since.
type stage struct {
	t      *testing.T
	s      *store.Store
	root   string
	dir    string
	good   store.ID
	before []string
}

func newStage(t *testing.T, root string, bytes int) *stage {
	t.Helper()
	st := &stage{t: t, root: root, dir: t.TempDir()}
	st.s = open(t, root)
	write(t, st.dir+"/file", []byte("good"))
	st.good = take(t, st.s, "app", st.dir, store.SnapshotOptions{}).ID
	for i := range 4 {
		write(t, fmt.Sprintf("%s/sub/large%d", st.dir, i), noise(random(uint64(i)), bytes/4))
	}
	st.before = litter(t, root)
	return st
}

func (st *stage) snapshot(ctx context.Context, opts store.SnapshotOptions) error {
	_, err := st.s.Snapshot(ctx, "app", []store.Volume{{Name: "data", Path: st.dir}}, opts)
	return err
}

// failed judges a snapshot that must have failed with want: nothing of it is
// left, the last-good is intact, and what was in the way gone, the next works.
func (st *stage) failed(err, want error) {
	st.t.Helper()
	if !errors.Is(err, want) {
		st.t.Fatalf("error is %v, want %v", err, want)
	}
	wantLitter(st.t, st.root, st.before)
	wantLastGood(st.t, st.s, "app", st.good)
}

func (st *stage) works() {
	st.t.Helper()
	take(st.t, st.s, "app", st.dir, store.SnapshotOptions{})
	wantRestored(st.t, st.s, "app", store.ID{}, list(st.t, st.dir))
}

func newRoot(t *testing.T) string { return filepath.Join(t.TempDir(), "warm") }

func TestFileThatKeepsChangingFailsTheSnapshot(t *testing.T) {
	st := newStage(t, newRoot(t), 4<<20)
	f, err := os.OpenFile(st.dir+"/sub/large2", os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = st.snapshot(t.Context(), store.SnapshotOptions{
		Progress: func(int64, int64) { f.Write([]byte("more")) }, // called while a file is read
	})
	st.failed(err, store.ErrChanged)
	if !strings.Contains(err.Error(), "sub/large2") || !strings.Contains(err.Error(), "volume data") {
		t.Errorf("the error does not name the file: %v", err)
	}
	st.works()
}

func TestRecheckErrorDiscardsTheSnapshot(t *testing.T) {
	st := newStage(t, newRoot(t), 4<<20)
	deployed := errors.New("it was deployed meanwhile")
	checked := 0
	err := st.snapshot(t.Context(), store.SnapshotOptions{Recheck: func(context.Context) error {
		checked++
		if len(litter(t, st.root)) == len(st.before) {
			t.Error("it is asked before the packs are durable, so that there is time to deploy after it")
		}
		return deployed
	}})
	st.failed(err, deployed)
	if checked != 1 {
		t.Errorf("it is asked %d times", checked)
	}
	st.works()
}

func TestCancelledSnapshotLeavesNothing(t *testing.T) {
	st := newStage(t, newRoot(t), 12<<20)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var read, at atomic.Int64
	err := st.snapshot(ctx, store.SnapshotOptions{Progress: func(_, bytes int64) {
		if read.Add(bytes) >= 3<<20 && at.CompareAndSwap(0, time.Now().UnixNano()) {
			cancel()
		}
	}})
	if took := time.Since(time.Unix(0, at.Load())); took > time.Second {
		t.Errorf("it ends %v after it is cancelled", took)
	}
	st.failed(err, context.Canceled)
	st.works()
}

func TestSnapshotCancelledBeforeTheCommitLeavesNothing(t *testing.T) {
	st := newStage(t, newRoot(t), 1<<20)
	ctx, cancel := context.WithCancel(t.Context())
	err := st.snapshot(ctx, store.SnapshotOptions{Recheck: func(context.Context) error { cancel(); return nil }})
	st.failed(err, context.Canceled)
	err = st.snapshot(ctx, store.SnapshotOptions{})
	st.failed(err, context.Canceled)
	st.works()
}

// mount mounts a file system of so many bytes.
func mount(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	check(t, unix.Mount("warmstore-test", dir, "tmpfs", 0, fmt.Sprintf("mode=0755,size=%d", bytes)))
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestFullDiskIsErrFullAndLeavesNothing(t *testing.T) {
	disk := mount(t, 24<<20)
	st := newStage(t, filepath.Join(disk, "warm"), 6<<20)
	for _, free := range []int64{0, 64 << 10, 1 << 20, 5 << 20} {
		ballast := fill(t, disk, free)
		err := st.snapshot(t.Context(), store.SnapshotOptions{})
		check(t, os.Remove(ballast))
		st.failed(err, store.ErrFull)
	}
	st.works()
}

// fill writes a file that leaves so many bytes free, and returns its name.
func fill(t *testing.T, disk string, free int64) string {
	t.Helper()
	var fs unix.Statfs_t
	check(t, unix.Statfs(disk, &fs))
	f, err := os.Create(filepath.Join(disk, "ballast"))
	check(t, err)
	check(t, unix.Fallocate(int(f.Fd()), 0, 0, int64(fs.Bavail)*fs.Bsize-free))
	check(t, f.Close())
	return f.Name()
}

func TestUnreadableFileFailsTheSnapshot(t *testing.T) {
	st := newStage(t, newRoot(t), 1<<20)
	check(t, os.Mkdir(st.dir+"/sub/mnt", 0o755))
	check(t, unix.Mount(t.TempDir(), st.dir+"/sub/mnt", "", unix.MS_BIND, ""))
	err := st.snapshot(t.Context(), store.SnapshotOptions{})
	check(t, unix.Unmount(st.dir+"/sub/mnt", unix.MNT_DETACH))
	if err == nil || !strings.Contains(err.Error(), "sub/mnt") {
		t.Errorf("what is mounted in a volume is passed over in silence, or not named: %v", err)
	}
	wantLitter(t, st.root, st.before)
	wantLastGood(t, st.s, "app", st.good)
	st.works()
}

func TestTwoSnapshotsOfOneAppOneIsLocked(t *testing.T) {
	st := newStage(t, newRoot(t), 1<<20)
	var inner error
	err := st.snapshot(t.Context(), store.SnapshotOptions{Recheck: func(ctx context.Context) error {
		inner = st.snapshot(ctx, store.SnapshotOptions{})
		return nil
	}})
	check(t, err)
	if !errors.Is(inner, store.ErrLocked) {
		t.Errorf("the second one returns %v", inner)
	}
	wantRestored(t, st.s, "app", store.ID{}, list(t, st.dir))
}

func TestSnapshotsOfTwoAppsDoNotDisturbEachOther(t *testing.T) {
	s, _ := newStore(t)
	apps := []string{"one", "two"}
	dirs := map[string]string{}
	for i, app := range apps {
		dirs[app] = t.TempDir()
		write(t, dirs[app]+"/shared", noise(random(1), 2<<20))
		write(t, dirs[app]+"/own", noise(random(uint64(2+i)), 2<<20))
	}
	var both, done sync.WaitGroup
	both.Add(len(apps))
	for _, app := range apps {
		done.Go(func() {
			_, err := s.Snapshot(t.Context(), app, []store.Volume{{Name: "data", Path: dirs[app]}},
				store.SnapshotOptions{Recheck: func(context.Context) error {
					both.Done()
					both.Wait() // neither commits before the other has stored its chunks
					return nil
				}})
			if err != nil {
				t.Errorf("%s: %v", app, err)
			}
		})
	}
	done.Wait()
	for _, app := range apps {
		if err := s.Has(t.Context(), app); err != nil {
			t.Errorf("%s: %v", app, err)
		}
		wantRestored(t, s, app, store.ID{}, list(t, dirs[app]))
	}
}

// A process that forks has, until the child execs, two descriptors of each lock:
// what is given up must be free all the same, or the next caller is refused.
func TestLockIsFreeAlthoughTheProcessForked(t *testing.T) {
	st := newStage(t, newRoot(t), 1<<10)
	err := st.snapshot(t.Context(), store.SnapshotOptions{Recheck: func(context.Context) error {
		entries, err := os.ReadDir("/proc/self/fd")
		check(t, err)
		for _, e := range entries {
			target, _ := os.Readlink("/proc/self/fd/" + e.Name())
			if !strings.HasPrefix(target, st.root) || !strings.HasSuffix(target, ".lock") {
				continue
			}
			fd, err := strconv.Atoi(e.Name())
			check(t, err)
			forked, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
			check(t, err)
			t.Cleanup(func() { unix.Close(forked) })
		}
		return nil
	}})
	check(t, err)
	st.works()
}
