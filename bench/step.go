package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Step is one thing that is measured of each peer. Steps come in order; what
// one leaves is what the next one starts with.
type Step struct {
	Name     string
	prepare  func(ctx context.Context, t *trial, p Peer, s *Site) error
	commands func(p Peer, s Site) []Command
	// restored returns the directory that must be like wanted afterwards; empty
	// if the step is a snapshot.
	restored func(s Site) string
	wanted   func(t *trial) string
}

// steps returns the steps of a round.
func steps() []Step {
	return []Step{
		{Name: "first", prepare: prepareFirst, commands: Peer.Snapshot},
		{Name: "unchanged", prepare: prepareUnchanged, commands: Peer.Snapshot},
		{Name: "changed", prepare: prepareChanged, commands: Peer.Snapshot},
		{Name: "touched", prepare: prepareTouched, commands: Peer.Snapshot},
		{
			Name: "restore", prepare: prepareRestore, commands: Peer.Extract,
			restored: func(s Site) string { return s.Out }, wanted: (*trial).after,
		},
		{
			Name: "rollback", prepare: prepareRollback, commands: Peer.RollBack,
			restored: func(s Site) string { return s.Volume }, wanted: (*trial).before,
		},
	}
}

// prepareFirst makes the volume as it was built and an empty store.
func prepareFirst(ctx context.Context, t *trial, p Peer, s *Site) error {
	if err := os.MkdirAll(s.Volume, 0o755); err != nil {
		return err
	}
	if err := become(ctx, t.before(), s); err != nil {
		return err
	}
	s.Taken = 1
	return s.begin(ctx, p)
}

// begin makes an empty store, and all else empty but the volume.
func (s *Site) begin(ctx context.Context, p Peer) error {
	for _, dir := range []string{s.Store, s.State, s.Out} {
		if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
			return err
		}
	}
	_, err := runAll(ctx, p.Create(*s))
	return err
}

func prepareUnchanged(_ context.Context, _ *trial, _ Peer, s *Site) error {
	s.Taken++
	return nil
}

func prepareChanged(ctx context.Context, t *trial, _ Peer, s *Site) error {
	s.Taken++
	return become(ctx, t.after(), s)
}

func prepareTouched(_ context.Context, _ *trial, _ Peer, s *Site) error {
	s.Taken++
	return touch(s.Volume)
}

// touch gives all regular files below dir a new ctime and changes nothing else, as
// chown -R does to the owner that they have.
func touch(dir string) error {
	return walk(dir, func(path string, l leaf) error {
		if !l.isRegular() {
			return nil
		}
		if err := unix.Chmod(path, l.Mode&0o7777); err != nil {
			return fmt.Errorf("chmod %q: %w", path, err)
		}
		return nil
	})
}

func prepareRestore(_ context.Context, t *trial, _ Peer, s *Site) error {
	s.Wanted = t.after()
	return nil
}

// prepareRollback brings about what a rollback is for: the newest snapshot is of
// the volume as it was built, and since then it has changed.
func prepareRollback(ctx context.Context, t *trial, p Peer, s *Site) error {
	if err := errors.Join(os.RemoveAll(s.Out), become(ctx, t.before(), s), settle(s)); err != nil {
		return err
	}
	s.Taken++
	if _, err := runAll(ctx, p.Snapshot(*s)); err != nil {
		return err
	}
	s.Wanted = t.before()
	return become(ctx, t.after(), s)
}

// become makes the volume what dir is, in place: files that do not differ stay
// untouched, and the others keep their inodes, as in a volume in use. Of what is
// mostly holes that is not left to rsync, which reads them, and fills them or makes
// some of zeros; and if a peer filled them, the volume is made anew.
func become(ctx context.Context, dir string, s *Site) error {
	s.Changed = time.Now().Add(-50 * time.Millisecond) // the clock of files is coarse
	sparse, err := isSparse(dir)
	if err != nil {
		return err
	}
	if sparse {
		if err := becomeSparse(ctx, dir, s.Volume); err != nil {
			return err
		}
	}
	_, _, err = rsyncing(dir, s.Volume, "--inplace").run(ctx)
	return err
}

func becomeSparse(ctx context.Context, dir, volume string) error {
	sparse, err := isSparse(volume)
	if err != nil {
		return err
	}
	if !sparse {
		if _, _, err := clearing(volume).run(ctx); err != nil {
			return err
		}
	}
	return patchTree(dir, volume)
}

// settle makes durable what was written so far, so that nobody pays for it but
// who wrote it.
func settle(s *Site) error { return syncFS(s.Volume) }

// verify compares a restored directory with what it should be, every byte and
// all metadata. It returns why it is wrong; or what is not exact, though no file
// is wrong, for tools differ in that: mtimes cut to seconds, and directories
// that have other owners, modes or times.
func verify(ctx context.Context, wanted, restored string) (wrong, note string, err error) {
	diff, err := differences(ctx, wanted, restored, "-1")
	if err != nil || diff == "" {
		return "", "", err
	}
	var notes []string
	coarse, err := differences(ctx, wanted, restored, "0")
	if err != nil {
		return "", "", err
	}
	if coarse != diff {
		notes = append(notes, "mtimes are cut to seconds")
	}
	directories := 0
	for line := range strings.Lines(coarse) {
		if !strings.HasPrefix(line, ".d") {
			return fmt.Sprintf("%d names differ, such as %s", strings.Count(coarse, "\n")+1, line), "", nil
		}
		directories++
	}
	if directories > 0 {
		first, _, _ := strings.Cut(coarse, "\n")
		notes = append(notes, fmt.Sprintf("%d directories differ: %s", directories, first))
	}
	return "", strings.Join(notes, "; "), nil
}

// differences returns what rsync would do to make restored like wanted. Window
// -1 compares the nanoseconds of mtimes, 0 does not.
func differences(ctx context.Context, wanted, restored, window string) (string, error) {
	_, out, err := rsyncing(wanted, restored, "-nic", "--modify-window="+window).run(ctx)
	return strings.TrimSpace(out), err
}
