package restore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"runtime"
	"time"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
)

// A ChangeKind says what restoring does to a path. Zero is invalid.
type ChangeKind uint8

// The kinds of change.
const (
	Added    ChangeKind = 1 + iota // the snapshot has it, and the target does not
	Removed                        // the target has it, and the snapshot does not
	Changed                        // its type, its content or what it is linked to
	Metadata                       // only its owner, mode, time, attributes or holes
)

// String returns the kind in a word.
func (k ChangeKind) String() string {
	switch k {
	case Added:
		return "added"
	case Removed:
		return "removed"
	case Changed:
		return "changed"
	case Metadata:
		return "metadata"
	}
	return fmt.Sprintf("change %d", uint8(k))
}

// MarshalText makes a kind its String in JSON.
func (k ChangeKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// A Change is what restoring does to one path.
type Change struct {
	Volume string     `json:"volume"`
	Path   string     `json:"path"` // raw bytes, from the volume's root, which is "."
	Kind   ChangeKind `json:"change"`
	Bytes  int64      `json:"bytes"` // of content to be written
}

// Totals add changes up.
type Totals struct {
	Added    int64 `json:"added"`
	Removed  int64 `json:"removed"`
	Changed  int64 `json:"changed"`
	Metadata int64 `json:"metadata"`
	Bytes    int64 `json:"bytes"` // of content to be written
}

// Add counts a change.
func (t *Totals) Add(c Change) {
	t.Bytes += c.Bytes
	switch c.Kind {
	case Added:
		t.Added++
	case Removed:
		t.Removed++
	case Changed:
		t.Changed++
	case Metadata:
		t.Metadata++
	}
}

// Paths returns the number of changed paths.
func (t *Totals) Paths() int64 { return t.Added + t.Removed + t.Changed + t.Metadata }

// WriteRate is what Estimate assumes, bytes a second: a disk that is not fast.
const WriteRate = 100 << 20

// Estimate guesses how long Run takes, when reading and comparing takes that
// long: what is to be written is written at WriteRate.
func (t *Totals) Estimate(reading time.Duration) time.Duration {
	return reading + time.Duration(float64(t.Bytes)/WriteRate*float64(time.Second))
}

// Plan yields what Run would change in the targets, and changes nothing. Changes
// come volume by volume, directories before what is in them, names by ascending
// bytes. Files that Memory knows to be unchanged are not read; the others are
// compared by several workers, some ahead of what was yielded. An error ends the
// sequence. Of the options it uses Memory, Workers, Create, Empty, Apart and
// Progress; a target that Create would make counts as empty.
//
// Bytes are what Run would write. It writes less where hard links differ and a
// name too many is removed before the others are compared.
func Plan(ctx context.Context, src Source, targets []Target, opts Options) iter.Seq2[Change, error] {
	if opts.Workers <= 0 {
		opts.Workers = runtime.GOMAXPROCS(0)
	}
	r := &run{src: src, opts: opts}
	return func(yield func(Change, error) bool) {
		if err := r.check(targets); err != nil {
			yield(Change{}, err)
			return
		}
		for _, t := range targets {
			compare := func(ctx context.Context, m *merge) error { return r.compareLive(ctx, m, t) }
			if !stream(ctx, t.Volume, compare, yield) {
				return
			}
		}
	}
}

// A Pair is a volume in two snapshots: its encoded manifests.
type Pair struct {
	Volume string
	Want   io.Reader // of the one to be restored; nil: it does not have the volume
	Have   io.Reader // of the one that is there instead; nil: the same
}

// Compare yields what Run would change in volumes that are as another snapshot
// has them, in the order of Plan. A volume that only one of the two has is added
// or removed with all its paths. Bytes are those of whole chunks.
func Compare(ctx context.Context, pairs []Pair) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		for _, p := range pairs {
			compare := func(ctx context.Context, m *merge) error { return comparePair(ctx, m, p) }
			if !stream(ctx, p.Volume, compare, yield) {
				return
			}
		}
	}
}

// compareLive compares a manifest with a target.
func (r *run) compareLive(ctx context.Context, m *merge, t Target) error {
	encoded, err := r.src.Manifest(t.Volume)
	if err != nil {
		return err
	}
	m.want = manifest.NewDecoder(encoded)
	root, err := fsx.OpenDir(t.Path)
	if errors.Is(err, fs.ErrNotExist) && r.opts.Create {
		return m.all(ctx)
	}
	if err != nil {
		return err
	}
	live, err := r.newLiveTree(ctx, t.Volume, root)
	if err != nil {
		return err
	}
	m.have = live
	err = m.all(ctx)
	return errors.Join(err, live.close())
}

func comparePair(ctx context.Context, m *merge, p Pair) error {
	if p.Want != nil {
		m.want = manifest.NewDecoder(p.Want)
	}
	if p.Have != nil {
		m.have = newStoredTree(manifest.NewDecoder(p.Have))
	}
	return m.all(ctx)
}

// ahead bounds the paths that are looked at before those in front of them are
// compared and yielded.
const ahead = 1024

// stream yields the changes that a comparison finds, each when it is complete.
// It reports whether to go on.
func stream(ctx context.Context, volume string, compare func(context.Context, *merge) error,
	yield func(Change, error) bool) (more bool) {
	ctx, cancel := context.WithCancel(ctx)
	m := &merge{volume: volume, nodes: make(chan *node, ahead)}
	var failed error
	go func() {
		defer close(m.nodes)
		failed = compare(ctx, m)
	}()
	defer func() {
		cancel()
		for range m.nodes { // until nobody works any more
		}
	}()
	for n := range m.nodes {
		if n.wait(); n.err != nil {
			yield(Change{}, fmt.Errorf("volume %s: %w", volume, n.err))
			return false
		}
		if n.Kind != 0 && !yield(n.Change, nil) {
			return false
		}
	}
	if failed != nil {
		yield(Change{}, fmt.Errorf("volume %s: %w", volume, failed))
	}
	return failed == nil
}
