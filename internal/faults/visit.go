package faults

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// visitTime is how long the command under test stands still for a visit that
// nothing is known to hold up.
const visitTime = 5 * time.Second

// A visit is a snapshot that is taken while the command under test stands still
// before a call: of an app whose volume holds what is garbage in the store.
type visit struct {
	rig  *Rig
	done chan *Outcome
	came *Outcome // how it ended
}

// begin takes the snapshot. It returns when that is done, or held up.
func (v *visit) begin() {
	v.done = make(chan *Outcome, 1)
	go func() {
		v.done <- v.rig.plain("snapshot", visitor, "--no-gc", "--dir", "data="+v.rig.Path(revivedName))
	}()
	if v.heldUp() {
		return
	}
	select {
	case o := <-v.done:
		v.done <- o
	case <-time.After(visitTime):
	}
}

// heldUp reports whether somebody, the command under test, keeps everybody out
// of the store.
func (v *visit) heldUp() bool {
	f, err := os.Open(v.rig.Path(storeName, ".warmstore", "lock", "store.lock"))
	if err != nil {
		return false
	}
	defer f.Close()
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// end waits for the snapshot.
func (v *visit) end() { v.came = <-v.done }
