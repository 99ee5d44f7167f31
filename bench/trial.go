package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A trial is one workload, on which all peers are measured.
type trial struct {
	bench    *bench
	workload Workload
	dir      string
	sites    map[string]*Site
}

// before and after are the volume as it was built, and as it was changed then.
func (t *trial) before() string { return filepath.Join(t.dir, "before") }
func (t *trial) after() string  { return filepath.Join(t.dir, "after") }

// peers is where each peer has a directory of its name.
func (t *trial) peers() string { return filepath.Join(t.dir, "peers") }

// newTrial builds the workload.
func newTrial(ctx context.Context, b *bench, w Workload) (*trial, error) {
	t := &trial{bench: b, workload: w, dir: filepath.Join(b.scratch, w.Name()), sites: map[string]*Site{}}
	if err := os.MkdirAll(t.before(), 0o755); err != nil {
		return nil, err
	}
	b.say("%s: building", w.Name())
	if err := w.Build(ctx, t.before()); err != nil {
		return nil, fmt.Errorf("build %s: %w", w.Name(), err)
	}
	if _, err := output(ctx, "cp", "-a", t.before(), t.after()); err != nil {
		return nil, err
	}
	if err := w.Change(ctx, t.after(), 1); err != nil {
		return nil, fmt.Errorf("change %s: %w", w.Name(), err)
	}
	for _, p := range b.peers {
		dir := filepath.Join(t.peers(), p.Name())
		t.sites[p.Name()] = newSite(dir, filepath.Join(dir, "volume"), keptInSteps)
	}
	return t, nil
}

// weigh returns what the workload is like.
func (t *trial) weigh() (WorkloadFacts, error) {
	var files, bytes, changed, changedBytes atomic.Int64
	err := walk(t.after(), func(path string, l leaf) error {
		if !l.isRegular() {
			return nil
		}
		files.Add(1)
		bytes.Add(l.Size)
		if old, err := lstat(rebase(path, t.after(), t.before())); err != nil || !old.like(&l) {
			changed.Add(1)
			changedBytes.Add(l.Size)
		}
		return nil
	})
	return WorkloadFacts{
		Name: t.workload.Name(), Files: files.Load(), Bytes: bytes.Load(),
		ChangedFiles: changed.Load(), ChangedBytes: changedBytes.Load(),
	}, err
}

// round has the peers take every step in turn. Each round another one begins.
func (t *trial) round(ctx context.Context, number int) error {
	n := len(t.bench.peers)
	for _, step := range steps() {
		for i := range n {
			p := t.bench.peers[(i+number)%n]
			t.bench.say("%s: round %d: %s: %s", t.workload.Name(), number+1, step.Name, p.Name())
			run, err := t.step(ctx, step, p)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			run.Round = number + 1
			if err != nil {
				run.Void = err.Error()
			}
			if run.Void != "" {
				t.bench.say("  void: %s", run.Void)
			}
			t.bench.result.Runs = append(t.bench.result.Runs, run)
		}
	}
	return nil
}

// step measures one step of one peer. An error is the peer's.
func (t *trial) step(ctx context.Context, step Step, p Peer) (Run, error) {
	run, s := Run{Workload: t.workload.Name(), Peer: p.Name(), Step: step.Name}, t.sites[p.Name()]
	if err := step.prepare(ctx, t, p, s); err != nil {
		return run, err
	}
	size, err := usage(ctx, s.Store)
	if err != nil {
		return run, err
	}
	if err := t.bench.calm(s, step.restored != nil); err != nil {
		return run, err
	}
	if run.Cost, err = runAll(ctx, step.commands(p, *s)); err != nil {
		return run, err
	}
	begun := time.Now()
	if err := settle(s); err != nil {
		return run, err
	}
	run.SyncSeconds = time.Since(begun).Seconds()
	if step.restored != nil {
		run.Void, run.Note, err = verify(ctx, step.wanted(t), step.restored(*s))
		return run, err
	}
	grown, err := usage(ctx, s.Store)
	run.Growth = grown - size
	return run, err
}

// calm brings the machine into the state that a step is measured in: nothing
// to be written, and what the peer will read cached, or nothing cached.
func (b *bench) calm(s *Site, restores bool) error {
	if err := settle(s); err != nil {
		return err
	}
	if b.opts.cold {
		return os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0)
	}
	if err := warm(s.Volume); err != nil || !restores {
		return err
	}
	if s.Wanted != "" { // what the limit reads
		if err := warm(s.Wanted); err != nil {
			return err
		}
	}
	return warm(s.Store)
}

// warm reads all files below dir, so that they are cached. Holes are skipped:
// read, they fill the cache with zeros in place of what peers need there.
func warm(dir string) error {
	return walk(dir, func(path string, l leaf) error {
		if !l.isRegular() {
			return nil
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return eachData(0, l.Size, func(offset, end int64) error {
			_, err := io.Copy(struct{ io.Writer }{io.Discard}, io.NewSectionReader(f, offset, end-offset))
			return err
		}, f)
	})
}

// usage returns the bytes that dir takes on disk, hard links counted once.
func usage(ctx context.Context, dir string) (int64, error) {
	text, err := output(ctx, "du", "-s", "-B1", dir)
	if err != nil {
		return 0, err
	}
	bytes, _, _ := strings.Cut(text, "\t")
	n, err := strconv.ParseInt(bytes, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("du: %w", err)
	}
	return n, nil
}
