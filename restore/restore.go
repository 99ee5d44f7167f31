// Package restore makes directories what they were when a snapshot was taken:
// everything that the snapshot has, and nothing else. It changes only what
// differs, and it can be killed at any time and run again.
//
// Directories are trusted no more than those who could write to them: all
// access goes through open directories, no symlink is followed, and no inode
// is written to that has another name.
package restore

import (
	"context"
	"fmt"
	"io"
	"iter"
	"runtime"
	"time"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/exclude"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
	"github.com/warmstore/warmstore/internal/planted"
	"github.com/warmstore/warmstore/internal/witness"
)

// A Source is a snapshot. Its methods may be called by many goroutines.
type Source interface {
	// Manifest returns the encoded manifest of a volume.
	Manifest(volume string) (io.Reader, error)
	// Verify returns an error unless every chunk can be had: it is stored and
	// its stored bytes are undamaged.
	Verify(ctx context.Context, chunks iter.Seq2[blob.ID, error]) error
	// Chunk reads a chunk into dst, grown at need, and checks its hash.
	Chunk(dst []byte, id blob.ID) ([]byte, error)
	// Excluded returns the paths that the snapshot leaves out of every volume. In
	// targets they are left as they are; in a directory that the snapshot does not
	// have they go with it.
	Excluded() exclude.Patterns
}

// A Journal remembers that a restore was begun, across a crash.
type Journal interface {
	// Begin is called before the first change, with the path of each volume.
	Begin(paths map[string]string) error
	// Finish is called when everything is restored and durable.
	Finish() error
}

// A Memory knows how restored files look to stat, so that neither the next
// restore nor the next snapshot has to read what nobody changed.
type Memory interface {
	// Recall returns how the files of a volume looked when they were as the
	// snapshot has them; nil if nobody knows.
	Recall(volume string, root *fsx.Dir) *witness.Reader
	// Learn starts to write down how the files of a volume look.
	Learn() (*witness.Writer, error)
	// Remember keeps that. It is called when everything is durable.
	Remember(w *witness.Writer, volume string, root fsx.Identity, clean fsx.Time) error
}

// Options configure Run. The zero value works.
type Options struct {
	Journal Journal // nil: nobody needs to know
	Memory  Memory  // nil: everything is read
	DryRun  bool    // stop before the first change
	Workers int     // 0: one a processor

	// LabelsAsStored gives files the SELinux labels that they had in the
	// snapshot. Without it, files keep theirs and new ones get those of policy.
	LabelsAsStored bool

	Create bool     // make targets that do not exist, before the first change
	Empty  bool     // refuse targets that hold anything: a plain extraction removes nothing
	Apart  []string // directories that no target may be at, above or below

	// Recheck is called right before the first change, if set; its error stops
	// the restore. It tells whether the volumes stayed unused.
	Recheck func(context.Context) error
	// Progress is called with what was done since the last call, if set, by
	// several goroutines at a time.
	Progress func(files, bytes int64)
}

// A Report is what a restore did.
type Report struct {
	Files        int64 // in the targets now, but for directories
	Bytes        int64 // of their content
	BytesWritten int64 // of content that differed
	Removed      int64 // names that the snapshot does not have, or has as another type
	Elapsed      time.Duration
}

// Run restores volumes of the snapshot into their targets. Before the first
// change it makes sure that every chunk can be had. When it returns without an
// error, the targets are exactly the snapshot, and durable.
//
// After an error beyond that point the targets hold a mixture, which the
// journal remembers; running it again finishes the work.
func Run(ctx context.Context, src Source, targets []Target, opts Options) (*Report, error) {
	begun := time.Now()
	if opts.Workers <= 0 {
		opts.Workers = runtime.GOMAXPROCS(0)
	}
	r := &run{src: src, opts: opts}
	err := r.all(ctx, targets)
	if err != nil {
		return nil, err
	}
	return r.report(time.Since(begun)), nil
}

// A run is one restore of several volumes.
type run struct {
	src   Source
	opts  Options
	count counters
	spare spare
}

// all checks everything, and then changes everything: FORMAT.md section 8.
func (r *run) all(ctx context.Context, targets []Target) error {
	if err := r.check(targets); err != nil {
		return err
	}
	roots, err := r.open(targets)
	defer roots.close()
	if err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	// Step 1: every chunk can be had, and every target can hold what is in them.
	demands := make([]demand, len(targets))
	if err := r.src.Verify(ctx, r.chunks(targets, demands)); err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	if err := r.checkDemands(targets, demands); err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	if r.opts.Recheck != nil {
		if err := r.opts.Recheck(ctx); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil || r.opts.DryRun {
		return err
	}
	if err := roots.make(targets); err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	return r.change(ctx, targets, roots)
}

// change makes the targets, whose roots are open, what the snapshot has.
func (r *run) change(ctx context.Context, targets []Target, roots roots) error {
	volumes := make([]*volume, len(targets))
	for i, t := range targets {
		volumes[i] = &volume{run: r, target: t, root: roots[i]}
		defer volumes[i].close()
	}
	if planted.Bug("mark after the first change") {
		volumes[0].restore(ctx)
	}
	// Step 2: the mark is durable.
	if err := r.begin(targets); err != nil {
		return err
	}
	// Step 3: the volumes change.
	for _, v := range volumes {
		if err := v.restore(ctx); err != nil {
			return fmt.Errorf("restore volume %s: %w", v.target.Volume, err)
		}
	}
	if planted.Bug("mark removed before the sync") {
		r.opts.Journal.Finish()
	}
	// Step 4: they are durable, and where they were.
	if err := r.settle(volumes); err != nil {
		return err
	}
	for _, v := range volumes {
		if err := v.root.Unmoved(); err != nil {
			return fmt.Errorf("volume %s was restored, but: %w", v.target.Volume, err)
		}
	}
	// Step 5: the mark is gone.
	return r.finish(volumes)
}

// chunks yields every chunk that the targets' manifests name, with repetitions,
// and notes what each demands of its target.
func (r *run) chunks(targets []Target, demands []demand) iter.Seq2[blob.ID, error] {
	return func(yield func(blob.ID, error) bool) {
		for i, t := range targets {
			encoded, err := r.src.Manifest(t.Volume)
			if err != nil {
				yield(blob.ID{}, err)
				return
			}
			for e, err := range manifest.Entries(encoded) {
				if err != nil {
					yield(blob.ID{}, err)
					return
				}
				demands[i].note(e, r.attributes(e.Meta.Xattrs))
				for id := range e.Chunks() {
					if !yield(id, nil) {
						return
					}
				}
			}
		}
	}
}

// attributes returns those of the stored attributes that a target gets.
func (r *run) attributes(stored []fsx.Xattr) []fsx.Xattr {
	if r.opts.LabelsAsStored {
		return stored
	}
	return fsx.WithoutLabel(stored)
}

func (r *run) begin(targets []Target) error {
	if r.opts.Journal == nil {
		return nil
	}
	paths := make(map[string]string, len(targets))
	for _, t := range targets {
		paths[t.Volume] = t.Path
	}
	if err := r.opts.Journal.Begin(paths); err != nil {
		return fmt.Errorf("nothing was changed: record the restore: %w", err)
	}
	return nil
}

// settle makes everything durable.
func (r *run) settle(volumes []*volume) error {
	clean := fsx.Time{}
	if r.opts.Memory != nil {
		clean = fsx.Settle()
	}
	for _, v := range volumes {
		v.clean = clean
		if planted.Bug("volume syncfs") {
			continue
		}
		if err := v.root.Syncfs(); err != nil {
			return fmt.Errorf("restore volume %s: %w", v.target.Volume, err)
		}
	}
	return nil
}

func (r *run) finish(volumes []*volume) error {
	if r.opts.Journal != nil {
		if err := r.opts.Journal.Finish(); err != nil {
			return fmt.Errorf("everything is restored, but not recorded as finished: %w", err)
		}
	}
	for _, v := range volumes {
		v.remember()
	}
	return nil
}
