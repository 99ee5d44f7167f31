package faults

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Fault is what happens at a point.
type Fault struct {
	Name       string
	Errno      unix.Errno // what the call fails with; 0: it does not fail
	Persistent bool       // later ones fail as well
	Power      bool       // the power is cut; else, without an Errno, the process is killed
	Meanwhile  bool       // nothing fails, but a snapshot of another app is taken before the call
}

// Faults are those that the sweeps use.
var (
	None       = Fault{Name: "none"}
	Kill       = Fault{Name: "kill"}
	Power      = Fault{Name: "power", Power: true}
	EIO        = Fault{Name: "EIO", Errno: unix.EIO}
	EIOFrom    = Fault{Name: "EIO from then on", Errno: unix.EIO, Persistent: true}
	ENOSPC     = Fault{Name: "ENOSPC", Errno: unix.ENOSPC}
	ENOSPCFrom = Fault{Name: "ENOSPC from then on", Errno: unix.ENOSPC, Persistent: true}
	Meanwhile  = Fault{Name: "snapshot meanwhile", Meanwhile: true}
)

// AllFaults are they in the order in which they are published.
var AllFaults = []Fault{Kill, Power, EIO, EIOFrom, ENOSPC, ENOSPCFrom, Meanwhile}

// A Point is one moment of one run.
type Point struct {
	Call   int // the fault happens before this call
	Subset int // of a power cut: 0 for none, else which files had been written back by chance
	Seed   uint64
}

// never is the Call of a Point at which nothing happens.
const never = 1 << 30

// String names the point, so that it can be run again.
func (p Point) String() string {
	if p.Call == never {
		return fmt.Sprintf("no call, seed %d", p.Seed)
	}
	return fmt.Sprintf("call %d, subset %d, seed %d", p.Call, p.Subset, p.Seed)
}

// A strike is a Fault at a Point, on a disk. It is the Action of one run.
type strike struct {
	fault  Fault
	point  Point
	disk   *Disk
	begun  time.Time
	dice   *rand.Rand
	names  names
	struck bool  // the point was reached
	call   Call  // the one that was struck
	err    error // of cutting the power
	visit  *visit
}

func newStrike(f Fault, p Point, d *Disk) *strike {
	return &strike{
		fault: f, point: p, disk: d, begun: time.Now().Add(-clockTick),
		dice: rand.New(rand.NewPCG(p.Seed, uint64(p.Call)<<16|uint64(p.Subset))),
	}
}

// clockTick is how much later a file's times may seem to be than they are.
const clockTick = 20 * time.Millisecond

// See does what the fault is.
func (s *strike) See(n int, c Call) Answer {
	switch {
	case n < s.point.Call || s.fault == None:
		s.names.see(c)
		return Answer{}
	case s.fault.Errno != 0:
		return s.fail(n, c)
	case s.fault.Meanwhile:
		if n == s.point.Call {
			s.struck, s.call = true, c
			s.visit.begin()
		}
		return Answer{}
	case s.fault.Power:
		s.err = s.cut()
	}
	s.struck, s.call = true, c
	return Answer{Kill: true}
}

// fail lets a call fail that can fail in this way.
func (s *strike) fail(n int, c Call) Answer {
	possible := s.fault.Errno != unix.ENOSPC || c.Grow
	if !possible || n > s.point.Call && !s.fault.Persistent {
		return Answer{}
	}
	if !s.struck {
		s.struck, s.call = true, c
	}
	return Answer{Errno: s.fault.Errno}
}

// after is called when the program has ended. A power cut that did not happen
// on the way happens now. After a failed call that the program passed over, it
// happens too: a sync that failed has synced nothing.
func (s *strike) after(o *Outcome) error {
	switch {
	case s.fault.Meanwhile && s.struck:
		s.visit.end()
		return nil
	case s.fault.Power && s.struck:
	case s.fault.Power, s.fault.Errno != 0 && s.struck && o.Acknowledged():
		s.err = s.cut()
	default:
		return s.err
	}
	if s.err != nil {
		return s.err
	}
	if err := s.disk.Reboot(); err != nil {
		return err
	}
	if s.point.Subset > 0 {
		s.names.takeBack(s.coin)
	}
	return nil
}

func (s *strike) coin() bool { return s.point.Subset == 1 || s.dice.IntN(2) == 0 }

// cut cuts the power, perhaps after some files were written back.
func (s *strike) cut() error {
	if s.point.Subset > 0 {
		s.writeBack()
	}
	return s.disk.Cut()
}

// writeBack does by chance what the kernel may do at any time: it writes back
// some of what has changed since the run began, with or without the metadata.
func (s *strike) writeBack() {
	share := []float64{0.5, 0.15, 0.85}[s.point.Subset%3]
	filepath.WalkDir(s.disk.Root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() && !e.Type().IsRegular() || !changedSince(path, s.begun) {
			return nil
		}
		if s.dice.Float64() < share {
			persist(path, s.dice.IntN(2) == 0)
		}
		return nil
	})
}

func changedSince(path string, begun time.Time) bool {
	var st unix.Stat_t
	return unix.Lstat(path, &st) == nil && time.Unix(st.Ctim.Unix()).After(begun)
}

// persist writes a file back; with metadata, that and all of the journal.
func persist(path string, metadata bool) {
	f, err := os.Open(path)
	if err != nil {
		return
	}
	defer f.Close()
	if metadata {
		f.Sync() // what cannot be synced is not persisted
		return
	}
	const all = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	unix.SyncFileRange(int(f.Fd()), 0, 0, all)
}

// inStore reports whether a call is on a file of the store.
func inStore(c Call) bool { return strings.Contains(c.File, "/"+storeName+"/") }
