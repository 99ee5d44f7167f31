package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// bulk fills a directory with about mb MiB of new, incompressible files.
func bulk(t *testing.T, root string, seed uint64, mb int) {
	t.Helper()
	tr := tree{t, root}
	const fileMB = 4
	for i := range mb / fileMB {
		tr.file(fmt.Sprintf("/data/%d", i), noise(seed*1000+uint64(i), fileMB<<20+i%2))
	}
	for i := range 500 {
		tr.file(fmt.Sprintf("/small/%d", i), noise(seed*1000+uint64(i)+500, 2000))
	}
}

// tmpFiles returns the names of the store's unfinished files.
func (s storeDir) tmpFiles() []string {
	entries, _ := os.ReadDir(filepath.Join(string(s), ".warmstore", "tmp"))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// await polls until done holds, and reports whether it did before p ended.
func (p *process) await(done func() bool) bool {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		unix.Waitid(unix.P_PID, p.Process.Pid, &unix.Siginfo{}, unix.WEXITED|unix.WNOWAIT, nil) // leaves it to wait
	}()
	for !done() {
		select {
		case <-ended:
			return false
		case <-time.After(time.Millisecond):
		}
	}
	return true
}

// holds judges that the last-good of app is complete and restores to one of the
// references, and returns which.
func (s storeDir) holds(t *testing.T, app string, wants ...reference) reference {
	t.Helper()
	s.run(t, exitDone, "has", app)
	to := freshDir(t, "to")
	s.run(t, exitDone, "restore", app, "--to", to)
	defer os.RemoveAll(to)
	last := len(wants) - 1
	for _, want := range wants[:last] {
		if !want.differs(t, filepath.Join(to, "data")) {
			return want
		}
	}
	wants[last].same(t, filepath.Join(to, "data"))
	return wants[last]
}

// crashMB is the size of the volumes that a snapshot or restore is stopped in.
func crashMB() int {
	if testing.Short() {
		return 60
	}
	return 300
}

// TestKilledSnapshot kills a snapshot at several moments. Each time the old
// last-good must be whole, or the new one if the kill came after the commit, and
// in the end the next run must work.
func TestKilledSnapshot(t *testing.T) {
	need(t, "root", "rsync")
	s, volume := newStore(t), freshDir(t, "volume")
	bulk(t, volume, 1, crashMB())
	full := s.snapshot(t, "app", dir("data", volume)).took
	old := refer(t, volume)

	killed := 0
	for i, percent := range []int{1, 10, 20, 35, 50, 70, 90} {
		bulk(t, volume, uint64(2+i), crashMB())
		next := refer(t, volume)
		p := s.start(t, "snapshot", "app", dir("data", volume))
		time.Sleep(full * time.Duration(percent) / 100)
		p.Process.Signal(syscall.SIGKILL) // which fails if it was too late
		if r := p.wait(t); r.code == -1 {
			killed++
			old = s.holds(t, "app", old, next)
		} else {
			t.Logf("at %d %% it was done already: exit %d", percent, r.code)
			old = s.holds(t, "app", next)
		}
	}
	if killed < 3 {
		t.Errorf("only %d snapshots were killed", killed)
	}
	s.snapshot(t, "app", dir("data", volume))
	s.holds(t, "app", refer(t, volume))
}

// interruptLimit is generous: a second is what is promised, and a loaded machine
// takes its own time.
const interruptLimit = 3 * time.Second

// TestInterruptedSnapshot sends what Ctrl-C sends: the command ends soon and
// leaves nothing unfinished.
func TestInterruptedSnapshot(t *testing.T) {
	need(t, "root", "rsync")
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			s, volume := newStore(t), freshDir(t, "volume")
			bulk(t, volume, 1, 20)
			s.snapshot(t, "app", dir("data", volume))
			old := refer(t, volume)
			bulk(t, volume, 2, crashMB())

			p := s.start(t, "snapshot", "app", dir("data", volume))
			if !p.await(func() bool { return len(s.tmpFiles()) > 0 }) {
				t.Fatalf("the snapshot was done before it began: %s", p.wait(t).stderr)
			}
			time.Sleep(50 * time.Millisecond) // into the work
			sent := time.Now()
			try(t, p.Process.Signal(signal))
			r := p.wait(t)
			if took := time.Since(sent); took > interruptLimit || r.code == exitDone {
				t.Errorf("interrupted, it exits %d after %v\n%s", r.code, took, r.stderr)
			}
			if left := s.tmpFiles(); len(left) > 0 {
				t.Errorf("interrupted, it leaves %q", left)
			}
			s.holds(t, "app", old)
			s.snapshot(t, "app", dir("data", volume))
		})
	}
}

// TestKilledRestore kills a restore in place, and interrupts one: what is half
// restored must not become last-good, and running restore again finishes it.
func TestKilledRestore(t *testing.T) {
	need(t, "root", "rsync")
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			s, volume := newStore(t), freshDir(t, "volume")
			bulk(t, volume, 1, crashMB())
			s.snapshot(t, "app", dir("data", volume))
			want := refer(t, volume)
			try(t, os.RemoveAll(volume+"/data"))
			try(t, os.RemoveAll(volume+"/small"))

			p := s.start(t, "restore", "app")
			if !p.await(func() bool { _, err := os.Lstat(volume + "/data"); return err == nil }) {
				t.Fatalf("the restore was done before it began: %s", p.wait(t).stderr)
			}
			sent := time.Now()
			p.Process.Signal(signal)
			r := p.wait(t)
			if r.code == exitDone {
				t.Fatalf("the restore was done before the signal, in %v", r.took)
			}
			if took := time.Since(sent); took > interruptLimit {
				t.Errorf("it ends %v after the signal", took)
			}
			s.run(t, exitUnfinished, "snapshot", "app", dir("data", volume))
			s.restore(t, "app")
			want.same(t, volume)
			s.snapshot(t, "app", dir("data", volume))
		})
	}
}

// tmpfs mounts a file system of mb MiB, so that a full disk is a small one.
func tmpfs(t *testing.T, mb int) string {
	t.Helper()
	path := freshDir(t, "full")
	try(t, unix.Mount("warmstore-test", path, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0700", mb)))
	t.Cleanup(func() {
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", path, err)
		}
	})
	return path
}

// fill writes a file that leaves n bytes free on the file system, and returns
// its name.
func fill(t *testing.T, path string, n int64) string {
	t.Helper()
	var st unix.Statfs_t
	try(t, unix.Statfs(path, &st))
	name := filepath.Join(path, "ballast")
	f, err := os.Create(name)
	try(t, err)
	if size := int64(st.Bavail)*st.Bsize - n; size > 0 {
		try(t, unix.Fallocate(int(f.Fd()), 0, 0, size))
	}
	try(t, f.Close())
	return name
}

// TestFullDisk lets the disk run full at many moments of a snapshot: it must say
// so, leave nothing unfinished and not touch the old last-good, and once there is
// space it must work.
func TestFullDisk(t *testing.T) {
	need(t, "root", "rsync")
	disk, volume := tmpfs(t, 512), freshDir(t, "volume")
	s := storeDir(filepath.Join(disk, "warm"))
	bulk(t, volume, 1, 20)
	s.snapshot(t, "app", dir("data", volume))
	old := refer(t, volume)

	bulk(t, volume, 2, 40)
	for _, free := range []int64{0, 4 << 10, 64 << 10, 1 << 20, 5 << 20, 20 << 20, 36 << 20} {
		ballast := fill(t, disk, free)
		s.run(t, exitFull, "snapshot", "app", dir("data", volume))
		if left := s.tmpFiles(); len(left) > 0 {
			t.Errorf("with %d bytes free it leaves %q", free, left)
		}
		s.holds(t, "app", old)
		try(t, os.Remove(ballast))
	}
	s.sweepCommit(t, disk, volume, old)
	s.snapshot(t, "app", dir("data", volume))
	s.holds(t, "app", refer(t, volume))
}

// sweepCommit fills the disk so that it runs full near the commit, where the
// packs are written and the index is not: in steps, until a snapshot fits.
func (s storeDir) sweepCommit(t *testing.T, disk, volume string, old reference) {
	t.Helper()
	for free := int64(41 << 20); free < 80<<20; free += 64 << 10 {
		ballast := fill(t, disk, free)
		r := s.start(t, "snapshot", "app", dir("data", volume)).wait(t)
		left := s.tmpFiles()
		try(t, os.Remove(ballast))
		if len(left) > 0 {
			t.Errorf("with %d bytes free it exits %d and leaves %q", free, r.code, left)
		}
		switch r.code {
		case exitDone:
			t.Logf("with %d bytes free it fits", free)
			return
		case exitFull:
			s.run(t, exitDone, "has", "app")
		default:
			t.Fatalf("with %d bytes free it exits %d: %s", free, r.code, r.stderr)
		}
	}
	s.holds(t, "app", old)
	t.Error("with 80 MiB free, 40 MiB do not fit")
}
