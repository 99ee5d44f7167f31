package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/warmstore/warmstore/chunker"
	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
)

// manifestChunk is the average length of a manifest's chunks. They are cut by
// content, so that a changed file changes one of them.
const manifestChunk = 64 << 10 // bytes

// A tree makes the manifest of a volume from its nodes and stores it.
type tree struct {
	run    *session
	record VolumeRecord
	lane   *lane
	cutter chunker.Cutter
	buf    []byte // encoded, not yet cut
	stored []byte // a chunk of the manifest read back
	seen   *seen  // nil: nobody will ask
}

func (run *session) newTree(v Volume, s *seen) *tree {
	cutter := chunker.NewFastCDC(manifestChunk)
	return &tree{
		run:    run,
		record: VolumeRecord{Name: v.Name, Path: v.Path, Object: v.Object},
		lane:   newLane(),
		cutter: cutter,
		buf:    make([]byte, 0, 2*cutter.Max()),
		seen:   s,
	}
}

// build encodes the nodes in the order they come, each when it is complete.
func (t *tree) build(ctx context.Context, nodes <-chan *node) error {
	enc := manifest.NewEncoder(t)
	for n := range nodes {
		if n.ready != nil {
			<-n.ready // it will be: whoever reads the file heeds ctx
		}
		if n.err != nil {
			return nil // the walk fails with the first error, of which this may be a consequence
		}
		if err := enc.Encode(&n.entry); err != nil {
			return notStorable(err)
		}
		if t.seen != nil && n.entry.IsFile() {
			t.seen.witness.Put(n.entry.Number, &n.id)
		}
		t.count(&n.entry)
	}
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	if err := enc.Close(); err != nil {
		return err
	}
	t.record.Manifest.Bytes = enc.Size()
	return t.cut(true)
}

// notStorable says of what breaks the rules of manifests that it is the volume
// that does, not the store.
func notStorable(err error) error {
	if errors.Is(err, manifest.ErrCorrupt) {
		what := strings.TrimPrefix(err.Error(), manifest.ErrCorrupt.Error()+": ")
		return fmt.Errorf("%w volume: beyond what can be stored: %s", ErrInvalid, what)
	}
	return err
}

func (t *tree) count(e *manifest.Entry) {
	switch {
	case e.Kind == manifest.End:
	case e.IsDir():
		t.record.Dirs++
	default:
		t.record.Files++
	}
	if e.Kind == manifest.Inode && e.Meta.Type == fsx.Regular {
		t.record.Bytes += e.Size
	}
}

// Write takes the next bytes of the manifest.
func (t *tree) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	return len(p), t.cut(false)
}

// cut stores all whole chunks of what was written.
func (t *tree) cut(final bool) error {
	rest := t.buf
	for n := t.cutter.Cut(rest, final); n > 0; n = t.cutter.Cut(rest, final) {
		if err := t.keep(rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	t.buf = t.buf[:copy(t.buf, rest)]
	return nil
}

// keep stores a chunk of the manifest. It is never all zeros, for no manifest
// has a run of them that long. One that is stored is read back: all that a
// manifest names would be lost with it. So it is no delta either: with an old pack
// that is lost, repair needs the manifest to find what was in it elsewhere.
func (t *tree) keep(raw []byte) error {
	id := blob.Sum(raw)
	t.record.Manifest.Chunks = append(t.record.Manifest.Chunks, id)
	stored, err := t.run.load.chunk(t.stored, id)
	if err == nil {
		t.stored = stored
	}
	if err == nil || !t.run.packs.claimAgain(id) {
		t.run.counters.reused.Add(1)
		return nil
	}
	_, err = t.run.put(t.lane, id, raw, ancestor{})
	return err
}
