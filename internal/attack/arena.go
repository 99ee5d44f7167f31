package attack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
	"github.com/warmstore/warmstore/restore"
	"github.com/warmstore/warmstore/store"
)

const (
	app    = "app"
	volume = "data"

	// hang is how long one run may take, which needs milliseconds.
	hang = 30 * time.Second
	// sweep is after how many runs what they left in the store is removed.
	sweep = 64
)

// An Arena is a volume that is attacked, and what is around it.
type Arena struct {
	dir     string
	victim  *Victim
	outside map[string]string // what it was
	walked  *store.Store      // of snapshots during the attack
	kept    *store.Store      // of the two states
	states  [2]store.ID
}

// A Report is what came of an attack.
type Report struct {
	Attempts, Exchanges int64
	Walks, Restores     int // runs
	Walked, Restored    int // those that succeeded
	// Runs that touched the victim, or took something of it into the store.
	WalksOut, RestoresOut int
	// How it was first seen, and what was changed outside.
	First   string
	Changed []string
}

// Runs returns how many runs there were.
func (r *Report) Runs() int { return r.Walks + r.Restores }

// Out returns how many of them got out of the volume.
func (r *Report) Out() int { return r.WalksOut + r.RestoresOut }

// String is one line.
func (r *Report) String() string {
	text := fmt.Sprintf("%d exchanges attempted, %d made; %d snapshots (%d succeeded), %d restores (%d); "+
		"%d got out, %.1f of 1,000; %d changes outside",
		r.Attempts, r.Exchanges, r.Walks, r.Walked, r.Restores, r.Restored,
		r.Out(), 1000*float64(r.Out())/float64(max(r.Runs(), 1)), len(r.Changed))
	if r.First != "" {
		text += "; first: " + r.First
	}
	return text
}

// NewArena makes an arena in dir, with a snapshot of either state.
func NewArena(ctx context.Context, dir string) (*Arena, error) {
	a := &Arena{dir: dir}
	var err error
	if a.victim, err = NewVictim(a.at("victim")); err != nil {
		return nil, err
	}
	if err := outside(a.at("outside")); err != nil {
		return nil, err
	}
	if a.outside, err = describe(a.at("outside"), ownOnly); err != nil {
		return nil, err
	}
	if a.walked, err = store.Create(a.at("walked"), store.Options{}); err != nil {
		return nil, err
	}
	if a.kept, err = store.Create(a.at("kept"), store.Options{}); err != nil {
		return nil, err
	}
	for i := range a.states {
		if err := a.keep(ctx, state(i)); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// keep takes a snapshot of the volume in a state.
func (a *Arena) keep(ctx context.Context, s state) error {
	if err := errors.Join(os.RemoveAll(a.volume()), os.Mkdir(a.volume(), 0o755), s.build(a.volume())); err != nil {
		return err
	}
	r, err := a.kept.Snapshot(ctx, app, a.volumes(), store.SnapshotOptions{Keep: len(a.states)})
	if err != nil {
		return err
	}
	a.states[s] = r.ID
	return nil
}

func (a *Arena) at(name string) string { return filepath.Join(a.dir, name) }

func (a *Arena) volume() string { return a.at("volume") }

func (a *Arena) volumes() []store.Volume { return []store.Volume{{Name: volume, Path: a.volume()}} }

// Run takes snapshots and restores in turn under attack, for as long as more says
// so. Most of them may fail. One that hangs ends the process.
func (a *Arena) Run(ctx context.Context, more func(*Report) bool) (*Report, error) {
	swapper, err := Attack(a.volume(), traps(a.victim.Dir, a.at("outside")))
	if err != nil {
		return nil, err
	}
	r := new(Report)
	for err == nil && more(r) {
		err = a.round(ctx, r)
		r.Attempts, r.Exchanges = swapper.Attempts.Load(), swapper.Exchanges.Load()
	}
	swapper.Stop()
	changed, failed := a.changed()
	r.Changed = changed
	return r, errors.Join(err, failed)
}

// changed returns what is different outside of the volume than it was.
func (a *Arena) changed() ([]string, error) {
	lines, err := a.victim.Changed()
	now, failed := describe(a.at("outside"), ownOnly)
	return append(lines, difference(a.outside, now)...), errors.Join(err, failed)
}

// round is one snapshot and one restore.
func (a *Arena) round(ctx context.Context, r *Report) error {
	defer time.AfterFunc(hang, func() { panic("attack: a run hangs") }).Stop()
	r.Walks++
	seen, err := a.walk(ctx)
	if err == nil {
		r.Walked++
	}
	if r.saw(append(seen, a.victim.Touched()...)) {
		r.WalksOut++
	}
	r.Restores++
	if a.restore(ctx, a.states[r.Restores%len(a.states)]) == nil {
		r.Restored++
	}
	if r.saw(a.victim.Touched()) {
		r.RestoresOut++
	}
	if r.Walks%sweep == 0 {
		_, err := a.walked.Collect(ctx, store.GCOptions{})
		return err
	}
	return nil
}

// saw reports whether there is anything to be seen, and remembers the first.
func (r *Report) saw(events []string) bool {
	if len(events) > 0 && r.First == "" {
		r.First = events[0]
	}
	return len(events) > 0
}

// walk takes a snapshot and returns what it has of the victim. Whatever error the
// attack leads to is fine.
func (a *Arena) walk(ctx context.Context) (seen []string, err error) {
	if _, err := a.walked.Snapshot(ctx, app, a.volumes(), store.SnapshotOptions{}); err != nil {
		return nil, err
	}
	c, err := a.walked.Checkout(ctx, app, store.ID{}, false)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	for _, id := range a.victim.Secrets {
		if _, err := c.Chunk(nil, id); err == nil {
			seen = append(seen, fmt.Sprintf("chunk %s is stored", id.Short()))
		}
	}
	encoded, err := c.Manifest(volume)
	if err != nil {
		return seen, err
	}
	dec := manifest.NewDecoder(encoded)
	for e, err := dec.Next(); err == nil; e, err = dec.Next() {
		if isSecret(e.Name, e.Meta.Xattrs) {
			seen = append(seen, fmt.Sprintf("the manifest has %q", e.Name))
		}
	}
	return seen, nil
}

func isSecret(name string, xattrs []fsx.Xattr) bool {
	for _, x := range xattrs {
		name += " " + string(x.Value)
	}
	return strings.Contains(name, secret)
}

// restore restores a state into the volume.
func (a *Arena) restore(ctx context.Context, id store.ID) error {
	c, err := a.kept.Checkout(ctx, app, id, true)
	if err != nil {
		return err
	}
	defer c.Close()
	opts := restore.Options{Journal: c} // and no Memory, for which it would wait
	_, err = restore.Run(ctx, c, []restore.Target{{Volume: volume, Path: a.volume()}}, opts)
	return err
}

// Calm restores both states, now that nobody attacks, and returns an error unless
// the volume is exactly what each was.
func (a *Arena) Calm(ctx context.Context) error {
	for i, id := range a.states {
		if err := a.restore(ctx, id); err != nil {
			return fmt.Errorf("restore state %d: %w", i, err)
		}
		want, err := a.kept.Lookup(app, id)
		if err != nil {
			return err
		}
		got, err := a.kept.Snapshot(ctx, app, a.volumes(), store.SnapshotOptions{DryRun: true, Rehash: true})
		if err != nil {
			return err
		}
		if !slices.Equal(got.Record.Volumes[0].Manifest.Chunks, want.Volumes[0].Manifest.Chunks) {
			return fmt.Errorf("state %d is not what it was", i)
		}
	}
	return nil
}
