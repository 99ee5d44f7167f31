package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// A bench is one run of this program.
type bench struct {
	opts      Options
	scratch   string // removed at the end
	log       io.Writer
	begun     time.Time
	workloads []Workload
	peers     []Peer // the limit first
	result    Result
}

// newBench finds what there is to run, and builds this checkout's warmstore. It
// leaves nothing behind if it fails.
func newBench(ctx context.Context, opts Options, log io.Writer) (*bench, error) {
	dir, err := os.MkdirTemp(opts.scratch, "warmstore-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{opts: opts, scratch: dir, log: log, begun: time.Now()}
	if err := b.find(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return b, nil
}

func (b *bench) find(ctx context.Context) (err error) {
	if err := os.Chmod(b.scratch, 0o711); err != nil { // Postgres runs as another user
		return err
	}
	if b.workloads, err = chosenWorkloads(b.opts, b.scratch, b.say); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	built := filepath.Join(b.scratch, "warmstore")
	if err := buildWarmstore(ctx, built); err != nil {
		return err
	}
	all, err := peers(self, built, b.opts.also)
	if err != nil {
		return err
	}
	if b.peers, err = chosenPeers(all, b.opts.peers, b.say); err != nil {
		return err
	}
	b.result, err = newResult(ctx, b)
	return err
}

// say tells what is being done, and when.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.log, "%6.1f s  %s\n", time.Since(b.begun).Seconds(), fmt.Sprintf(format, args...))
}

// close removes the scratch directory.
func (b *bench) close() {
	if b.opts.keep {
		b.say("the scratch directory is %s", b.scratch)
		return
	}
	if err := os.RemoveAll(b.scratch); err != nil {
		b.say("%v", err)
	}
}

// all runs all rounds of all workloads. After each it writes what there is, so that a
// run that is ended early has the workloads before that.
func (b *bench) all(ctx context.Context) error {
	for _, w := range b.workloads {
		t, err := newTrial(ctx, b, w)
		if err != nil {
			return err
		}
		facts, err := t.weigh()
		if err != nil {
			return err
		}
		b.result.Workloads = append(b.result.Workloads, facts)
		for n := range b.opts.rounds {
			if err := t.round(ctx, n); err != nil {
				return err
			}
		}
		if err := t.allNights(ctx); err != nil {
			return err
		}
		if err := b.result.write(b.opts.out); err != nil {
			return err
		}
		if b.opts.keep {
			continue
		}
		if err := os.RemoveAll(t.dir); err != nil {
			return err
		}
	}
	return nil
}
