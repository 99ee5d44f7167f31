package store

import (
	"context"
	"fmt"
	"path"

	"github.com/warmstore/warmstore/internal/exclude"
	"github.com/warmstore/warmstore/internal/fsx"
)

// An app is down while its snapshot is taken. So one for which there is no space
// should fail before it has read everything, not after. What it will need is
// guessed from what stat says; a guess that is too low costs time only, for a
// snapshot that runs out of space leaves nothing.

const (
	// roomy is how many times the size of the app's last snapshot must be free
	// for nobody to have a closer look: few volumes double in a night.
	roomy = 2
	// fewFreeTimes is how many times the free space a guess must be for the
	// snapshot not to be begun: some data compresses so much better than the rest.
	fewFreeTimes = 4
	// defaultRatio is what compression is taken to leave of data where the store
	// holds too little to go by: measured databases and text are below it.
	defaultRatio = 0.5
	// enoughToGoBy is how many raw bytes a store must hold for that.
	enoughToGoBy = 64 << 20
	// deltaRatio is what deltas leave of a file that has changed somewhere;
	// measured databases left 1/17 to 1/40 of it.
	deltaRatio = 1.0 / 16
)

// A demand is what a snapshot will have to read, in bytes that files occupy on
// disk.
type demand struct {
	fresh   int64 // of files that the previous snapshot does not have
	changed int64 // of files that look otherwise than it has them
}

// checkSpace returns ErrFull if the snapshot seems to need far more space than
// there is, and says so if it seems to need more. The reserve is no such space.
func (run *session) checkSpace(ctx context.Context, volumes []Volume) error {
	if run.opts.DryRun {
		return nil
	}
	if err := run.store.keepReserve(); err != nil || run.opts.IgnoreSpace {
		return err
	}
	disk, err := fsx.FilesystemAt(run.store.dir)
	if err != nil {
		return err
	}
	if run.previous != nil && disk.Free/roomy >= run.previous.Bytes() {
		return nil
	}
	need, err := run.demand(ctx, volumes)
	if err != nil {
		return err
	}
	return run.judge(need, disk.Free)
}

// judge compares what a demand comes to with the free bytes.
func (run *session) judge(need demand, free int64) error {
	guess := int64(float64(need.fresh)*run.ratio() + float64(need.changed)*deltaRatio)
	switch {
	case guess/fewFreeTimes > free:
		return fmt.Errorf("%w: it seems to need %s, and %s are free", ErrFull, mebibytes(guess), mebibytes(free))
	case guess > free:
		run.store.notice("space may not suffice: the snapshot seems to need %s, and %s are free",
			mebibytes(guess), mebibytes(free))
	}
	return nil
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// ratio returns the part that compression leaves of what is stored whole here.
func (run *session) ratio() float64 {
	var raw, stored float64
	for p := range run.load.chunks.Packs() {
		for i := range p.Tail.Len() {
			if e := p.Tail.Entry(i); !e.IsDelta() {
				raw += float64(e.Raw)
				stored += float64(e.Stored)
			}
		}
	}
	if raw < enoughToGoBy {
		return defaultRatio
	}
	return stored / raw
}

// demand adds up the files of the volumes that will have to be read. What cannot
// be looked at is left for the walk to report.
func (run *session) demand(ctx context.Context, volumes []Volume) (need demand, err error) {
	for _, v := range volumes {
		if v.Tree != nil {
			continue // nobody knows before it is read
		}
		root, err := fsx.OpenDir(v.Path)
		if err != nil {
			return need, fmt.Errorf("volume %s: %w", v.Name, err)
		}
		before := run.prior(v.Name, root)
		counted := &demandWalk{need: &need, before: before, exclude: run.opts.Exclude}
		counted.directory(ctx, root, "")
		before.close()
		root.Close()
	}
	return need, ctx.Err()
}

// A demandWalk adds up what is in one volume.
type demandWalk struct {
	need    *demand
	before  *prior
	exclude exclude.Patterns
}

// directory adds what is in the directory at a path, and below it.
func (w *demandWalk) directory(ctx context.Context, dir *fsx.Dir, at string) {
	names, _ := dir.Names()
	below := func(name string) string { return path.Join(at, name) }
	for _, name := range w.exclude.Keep(names, below) {
		old := w.before.cursor.Find(name)
		stat, err := dir.Stat(name)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
		case stat.Type == fsx.Directory:
			w.descend(ctx, dir, name, below(name))
		case stat.Type != fsx.Regular || w.before.same(old, &stat.ID):
		case old != nil && old.IsFile():
			w.need.changed += occupied(&stat)
		default:
			w.need.fresh += occupied(&stat)
		}
	}
}

func (w *demandWalk) descend(ctx context.Context, dir *fsx.Dir, name, at string) {
	sub, err := dir.OpenDir(name)
	if err != nil {
		return
	}
	defer sub.Close()
	w.before.cursor.Enter()
	defer w.before.cursor.Leave()
	w.directory(ctx, sub, at)
}

// occupied returns the bytes of a file that are on disk, divided among its
// names.
func occupied(stat *fsx.Stat) int64 {
	const unit = 512 // of st_blocks
	return min(stat.ID.Size, stat.Blocks*unit) / int64(max(1, stat.Links))
}
