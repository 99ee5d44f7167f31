package fsx

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A LockMode says who else may hold a lock. Zero is invalid.
type LockMode uint8

// The modes of a lock.
const (
	Shared    LockMode = 1 + iota // others may hold it Shared
	Exclusive                     // nobody else may hold it
)

// lockPoll is how long to wait between attempts: short to a person, and far
// longer than an attempt takes.
const lockPoll = 20 * time.Millisecond

// A Lock is an flock on a file that is never written or removed. It ends with
// the process, however that ends. It is not safe for concurrent use.
type Lock struct {
	file *os.File
	mode LockMode
}

// LockFile locks the trusted file path, creating it for root alone if need be.
// If others are in the way it tries again until wait is over, just once if wait
// is 0, and then returns an error that wraps ErrLocked and names the processes
// that hold the lock if they are known. It returns ctx's error if that is done
// first. Attempts do not queue: a waiting Exclusive does not keep new Shared
// ones out.
func LockFile(ctx context.Context, path string, mode LockMode, wait time.Duration) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	if err := poll(ctx, wait, func() error { return flock(f, mode) }); err != nil {
		err = lockError(f, err)
		f.Close()
		return nil, err
	}
	return &Lock{file: f, mode: mode}, nil
}

// Unlock gives the lock up. A second call is an error. Closing the file alone
// would not do: a process that is just being started may have a copy of the
// descriptor until it executes its program.
func (l *Lock) Unlock() error {
	unlocked := onFD(l.file, func(fd int) error { return unix.Flock(fd, unix.LOCK_UN) })
	if err := errors.Join(unlocked, l.file.Close()); err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	return nil
}

// TryMode changes the mode without waiting. If others are in the way it returns
// ErrLocked, and the lock keeps the mode that it had. flock cannot change a
// mode in one step; in the rare case that another process uses the gap between
// the two, whichever way the change goes, the error is ErrLockLost and the lock
// is not held any more, but is still to be unlocked.
func (l *Lock) TryMode(mode LockMode) error {
	err := flock(l.file, mode)
	if err == nil {
		l.mode = mode
		return nil
	}
	if flock(l.file, l.mode) != nil {
		return describeFile(ErrLockLost, "change lock", l.file)
	}
	return lockError(l.file, err)
}

// poll calls try until it returns something else than EWOULDBLOCK or wait is
// over.
func poll(ctx context.Context, wait time.Duration, try func() error) error {
	deadline := time.Now().Add(wait)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := try()
		left := time.Until(deadline)
		if err != unix.EWOULDBLOCK || wait <= 0 || left <= 0 {
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(min(lockPoll, left)):
		}
	}
}

// flock tries to lock f, once.
func flock(f *os.File, mode LockMode) error {
	how := unix.LOCK_SH
	if mode == Exclusive {
		how = unix.LOCK_EX
	}
	return onFD(f, func(fd int) error { return unix.Flock(fd, how|unix.LOCK_NB) })
}

// lockError turns EWOULDBLOCK into ErrLocked and names the holders.
func lockError(f *os.File, err error) error {
	if err != unix.EWOULDBLOCK {
		return describeFile(err, "lock", f)
	}
	if pids := holders(f); len(pids) > 0 {
		return fmt.Errorf("lock %s: %w by process %s", f.Name(), ErrLocked, strings.Join(pids, ", "))
	}
	return describeFile(ErrLocked, "lock", f)
}

// holders returns the IDs of the processes that hold an flock on f, as far as
// /proc/locks shows them to us. Its lines are like
//
//	1: FLOCK  ADVISORY  WRITE 4711 fe:00:131 0 EOF
//
// with the device in hexadecimal and then the inode.
func holders(f *os.File) []string {
	stat, err := StatFile(f)
	if err != nil {
		return nil
	}
	inode := fmt.Sprintf("%02x:%02x:%s", unix.Major(stat.ID.Dev), unix.Minor(stat.ID.Dev),
		strconv.FormatUint(stat.ID.Ino, 10))
	locks, err := os.Open("/proc/locks")
	if err != nil {
		return nil
	}
	defer locks.Close()
	var pids []string
	for lines := bufio.NewScanner(locks); lines.Scan(); {
		word := strings.Fields(lines.Text())
		if len(word) > 5 && word[1] == "FLOCK" && word[5] == inode && word[4] != "0" {
			pids = append(pids, word[4])
		}
	}
	return pids
}
