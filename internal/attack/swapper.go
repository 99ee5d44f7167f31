package attack

import (
	"math/rand/v2"
	"path"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A trap is a name in the volume and what is exchanged for it.
type trap struct {
	dir  string // of both, from the volume's root
	name string // in the snapshots, or not always
	bait string // beside it, planted
	set  func(dir int, bait string) error
}

// bait is the name of what is exchanged for name.
func bait(name string) string { return name + "~" }

func symlink(target string) func(int, string) error {
	return func(dir int, bait string) error { return unix.Symlinkat(target, dir, bait) }
}

func hardlink(to string) func(int, string) error {
	return func(dir int, bait string) error { return unix.Linkat(unix.AT_FDCWD, to, dir, bait, 0) }
}

func fifo(dir int, bait string) error { return unix.Mknodat(dir, bait, unix.S_IFIFO|0o644, 0) }

func directory(dir int, bait string) error { return unix.Mkdirat(dir, bait, 0o755) }

// A Swapper exchanges names of a volume for what leads out of it. It stays in
// the volume itself: its own lookups follow no symlink.
type Swapper struct {
	Attempts  atomic.Int64 // to exchange
	Exchanges atomic.Int64 // that were made
	root      int
	traps     []trap
	stop      chan struct{}
	done      sync.WaitGroup
}

// Attack starts to attack the volume at root, until Stop.
func Attack(root string, traps []trap) (*Swapper, error) {
	fd, err := unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	s := &Swapper{root: fd, traps: traps, stop: make(chan struct{})}
	s.done.Go(s.attack)
	return s, nil
}

// Stop ends the attack.
func (s *Swapper) Stop() {
	close(s.stop)
	s.done.Wait()
	unix.Close(s.root)
}

func (s *Swapper) attack() {
	for {
		select {
		case <-s.stop:
			return
		default:
			s.spring(s.traps[rand.IntN(len(s.traps))])
		}
	}
}

// spring exchanges the two names of a trap again and again for some
// milliseconds: one run meets a few traps so, and comes by the others. It sets
// the bait anew if it is gone. Errors are the volume's being restored meanwhile.
func (s *Swapper) spring(t trap) {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS}
	dir, err := unix.Openat2(s.root, path.Clean(t.dir), &how)
	if err != nil {
		return
	}
	defer unix.Close(dir)
	for range 100 + rand.IntN(300) {
		s.Attempts.Add(1)
		if err := unix.Renameat2(dir, t.name, dir, t.bait, unix.RENAME_EXCHANGE); err != nil {
			t.set(dir, t.bait)
			continue
		}
		s.Exchanges.Add(1)
	}
}
