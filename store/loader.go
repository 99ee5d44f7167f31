package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/manifest"
	"github.com/warmstore/warmstore/internal/pack"
	"github.com/warmstore/warmstore/internal/planted"
)

// A loader reads chunks. It keeps the packs it has read from open until it is
// closed. It is safe for concurrent use.
type loader struct {
	packs  pack.Dir
	chunks *index.Chunks
	healed *index.Chunks // copies to be preferred, if not nil
	spare  sync.Pool     // of *scratch

	mu     sync.Mutex
	open   map[blob.ID]*pack.Reader
	chosen map[choice]blob.Location // of chunks with several copies
}

// A choice is one among the copies of a chunk, or among those that are no deltas.
type choice struct {
	id    blob.ID
	whole bool
}

func (c choice) from(chunks *index.Chunks) iter.Seq[blob.Location] {
	if c.whole {
		return chunks.Whole(c.id)
	}
	return chunks.Copies(c.id)
}

// scratch is what reading one chunk needs.
type scratch struct {
	coder  *pack.Coder
	stored []byte
	base   []byte
}

func newLoader(packs pack.Dir, chunks *index.Chunks) *loader {
	l := &loader{
		packs: packs, chunks: chunks,
		open: make(map[blob.ID]*pack.Reader), chosen: make(map[choice]blob.Location),
	}
	l.spare.New = func() any { return &scratch{coder: pack.NewCoder()} }
	return l
}

func (l *loader) close() {
	for _, r := range l.open {
		r.Close()
	}
}

// find returns where a chunk is, or ErrCorrupt: whoever asks has it from a
// snapshot. Of several copies it returns one that can be read.
func (l *loader) find(id blob.ID) (blob.Location, error) {
	return l.choose(choice{id: id})
}

// base returns where the base of a delta is: a copy of the chunk that is no delta.
// It is find else.
func (l *loader) base(id blob.ID) (blob.Location, error) {
	return l.choose(choice{id: id, whole: true})
}

// choose returns one of the copies, which must be readable if there are several.
// Copies are few, and choices remembered: two snapshots at a time stored the chunk,
// or one was damaged and stored again.
func (l *loader) choose(c choice) (blob.Location, error) {
	if l.healed != nil {
		for loc := range c.from(l.healed) {
			return loc, nil
		}
	}
	var first blob.Location
	copies := 0
	for loc := range c.from(l.chunks) {
		if copies == 0 {
			first = loc
		}
		copies++
	}
	switch copies {
	case 0:
		return blob.Location{}, fmt.Errorf("chunk %s is not in the store: %w", c.id.Short(), ErrCorrupt)
	case 1:
		return first, nil
	}
	return l.readable(c, slices.Collect(c.from(l.chunks)))
}

// readable returns the first copy that can be read.
func (l *loader) readable(c choice, copies []blob.Location) (blob.Location, error) {
	l.mu.Lock()
	chosen, known := l.chosen[c]
	l.mu.Unlock()
	if known {
		return chosen, nil
	}
	x := l.spare.Get().(*scratch)
	defer l.spare.Put(x)
	var failed error
	for _, loc := range copies {
		_, err := l.read(nil, x, loc)
		if err == nil {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.chosen[c] = loc
			return loc, nil
		}
		failed = errors.Join(failed, err)
	}
	return blob.Location{}, failed
}

// chunk reads a chunk into dst, grown at need, and checks that it hashes to id.
func (l *loader) chunk(dst []byte, id blob.ID) ([]byte, error) {
	loc, err := l.find(id)
	if err != nil {
		return nil, err
	}
	return l.at(dst, loc)
}

// at is chunk for the copy at loc.
func (l *loader) at(dst []byte, loc blob.Location) ([]byte, error) {
	x := l.spare.Get().(*scratch)
	defer l.spare.Put(x)
	return l.read(dst, x, loc)
}

// read reads the blob at loc into dst, grown at need, and checks its hash. It
// leaves the stored bytes in x. A base is not hashed: were it another one, the
// chunk would not hash to its ID either.
func (l *loader) read(dst []byte, x *scratch, loc blob.Location) (raw []byte, err error) {
	x.base = x.base[:0]
	if loc.IsDelta() {
		if x.base, err = l.whole(x, loc.Base); err != nil {
			return nil, fmt.Errorf("base of chunk %s: %w", loc.ID.Short(), err)
		}
	}
	if raw, err = l.decode(dst, x, loc); err != nil {
		return nil, err
	}
	if blob.Sum(raw) != loc.ID {
		return nil, fmt.Errorf("chunk %s in pack %s is %w: it hashes to another ID",
			loc.ID.Short(), loc.Pack.Short(), ErrCorrupt)
	}
	return raw, nil
}

// whole reads a chunk that is stored whole into the scratch's base.
func (l *loader) whole(x *scratch, id blob.ID) ([]byte, error) {
	loc, err := l.base(id)
	if err != nil {
		return nil, err
	}
	return l.decode(x.base, x, loc)
}

func (l *loader) decode(dst []byte, x *scratch, loc blob.Location) (raw []byte, err error) {
	r, err := l.pack(loc.Pack)
	if err != nil {
		return nil, err
	}
	if x.stored, err = r.ReadStored(x.stored, loc.Entry); err != nil {
		return nil, err
	}
	if raw, err = x.coder.Decode(dst, loc.Entry, x.stored, x.base); err != nil {
		return nil, fmt.Errorf("chunk %s in pack %s: %w", loc.ID.Short(), loc.Pack.Short(), err)
	}
	return raw, nil
}

func (l *loader) pack(id blob.ID) (*pack.Reader, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.open[id]; r != nil {
		return r, nil
	}
	r, err := l.packs.Open(id)
	if err != nil {
		return nil, missing(err)
	}
	l.open[id] = r
	return r, nil
}

// manifest returns the bytes of a manifest as a stream.
func (l *loader) manifest(ref ManifestRef) io.Reader {
	return &chunkReader{load: l, rest: ref.Chunks}
}

// A chunkReader reads the bytes of chunks, one after the other.
type chunkReader struct {
	load *loader
	rest []blob.ID
	buf  []byte
	data []byte // of buf: not yet read
}

func (r *chunkReader) Read(p []byte) (int, error) {
	for len(r.data) == 0 {
		if len(r.rest) == 0 {
			return 0, io.EOF
		}
		buf, err := r.load.chunk(r.buf, r.rest[0])
		if err != nil {
			return 0, fmt.Errorf("read manifest: %w", err)
		}
		r.buf, r.data, r.rest = buf, buf, r.rest[1:]
	}
	n := copy(p, r.data)
	r.data = r.data[n:]
	return n, nil
}

// locate adds to set the blobs that hold the chunks, bases of deltas included.
// A chunk that is not in the index is ErrCorrupt.
func (l *loader) locate(set *index.Set, ids iter.Seq2[blob.ID, error]) error {
	for id, err := range ids {
		if err == nil {
			err = l.include(set, id, nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// include adds to set the blob that holds a chunk and, if that is a delta, its
// base. It calls added, if not nil, with those that were not in the set.
func (l *loader) include(set *index.Set, id blob.ID, added func(blob.Location)) error {
	loc, err := l.find(id)
	if err != nil || !set.Add(loc) {
		return err
	}
	if added != nil {
		added(loc)
	}
	if !loc.IsDelta() || planted.Bug("delta base not live") {
		return nil
	}
	base, err := l.base(loc.Base)
	if err == nil && set.Add(base) && added != nil {
		added(base)
	}
	return err
}

// reach adds to set all blobs that the snapshot needs: those of its manifests
// and of the content they name, and the bases of deltas.
func (l *loader) reach(set *index.Set, r *Record) error {
	return l.eachManifest(r, func(ids iter.Seq2[blob.ID, error]) error { return l.locate(set, ids) })
}

// name adds to set those of them that are not there for deltas alone.
func (l *loader) name(set *index.Set, r *Record) error {
	return l.eachManifest(r, func(ids iter.Seq2[blob.ID, error]) error {
		for id, err := range ids {
			if err != nil {
				return err
			}
			loc, err := l.find(id)
			if err != nil {
				return err
			}
			set.Add(loc)
		}
		return nil
	})
}

// eachManifest calls f with the chunks of each manifest of the snapshot, and with
// those that it names.
func (l *loader) eachManifest(r *Record, f func(iter.Seq2[blob.ID, error]) error) error {
	for i := range r.Volumes {
		v := &r.Volumes[i]
		if err := f(each(v.Manifest.Chunks)); err != nil {
			return fmt.Errorf("volume %s: manifest: %w", v.Name, err)
		}
		if err := f(manifest.Chunks(l.manifest(v.Manifest))); err != nil {
			return fmt.Errorf("volume %s: %w", v.Name, err)
		}
	}
	return nil
}

// each yields ids as those that may end in an error.
func each(ids []blob.ID) iter.Seq2[blob.ID, error] {
	return func(yield func(blob.ID, error) bool) {
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
	}
}

// checkPacks returns an error unless the packs that hold the blobs of the set are
// there, of the right size and with their tails.
func (l *loader) checkPacks(set *index.Set) error {
	for id := range set.Packs() {
		if _, err := l.pack(id); err != nil {
			return err
		}
	}
	return nil
}

// verify reads the stored bytes of every blob of the set, in the order they lie
// on disk, and checks their CRC.
func (l *loader) verify(ctx context.Context, set *index.Set, workers int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(workers)
	for id, entries := range set.Packs() {
		group.Go(func() error {
			r, err := l.pack(id)
			if err != nil {
				return err
			}
			x := l.spare.Get().(*scratch)
			defer l.spare.Put(x)
			for e := range entries {
				if err := ctx.Err(); err != nil {
					return err
				}
				if x.stored, err = r.ReadStored(x.stored, e); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}
