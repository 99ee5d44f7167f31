package store

import (
	"context"
	"os"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/pack"
)

const (
	// packSize is when a pack is full. It costs four durable operations, and
	// gc rewrites it as a whole.
	packSize = 64 << 20 // bytes
	// packBlobs is when a pack is full of small blobs: footers are held in memory,
	// and gc copies a pack's blobs one by one.
	packBlobs = 1 << 15
	// finishing bounds the packs that are made durable while one is filled.
	finishing = 2
	// queued bounds the blobs that wait for the packer.
	queued = 64
)

// A packer stores new blobs in packs. Any number of workers add blobs; one
// goroutine appends them, and full packs are made durable while the next one
// fills.
type packer struct {
	store  *Store
	known  *index.Chunks
	stop   context.CancelFunc
	ctx    context.Context
	group  *errgroup.Group
	queue  chan *stored
	spare  sync.Pool // of *stored
	weighs bool      // nothing is written, only counted

	mu        sync.Mutex
	claimed   map[claim]struct{}
	tails     []pack.Tail
	published []blob.ID // of the packs
}

// A claim is the first half of an ID, which is enough to tell the new chunks of
// one snapshot apart (2⁶⁴ of them would have to be hashed for a collision).
type claim [16]byte

// stored is a blob on its way into a pack.
type stored struct {
	entry blob.Entry
	bytes []byte
}

// newPacker starts a packer for chunks that known does not have. With weighs
// it writes nothing.
func newPacker(ctx context.Context, s *Store, known *index.Chunks, weighs bool) *packer {
	ctx, stop := context.WithCancel(ctx)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(1 + finishing)
	p := &packer{
		store: s, known: known, weighs: weighs,
		stop: stop, ctx: ctx, group: group,
		queue:   make(chan *stored, queued),
		claimed: make(map[claim]struct{}),
	}
	p.spare.New = func() any { return new(stored) }
	group.Go(p.run)
	return p
}

// claim reports whether the chunk is new: then the caller must add it, and
// nobody else will be told to.
func (p *packer) claim(id blob.ID) bool {
	if _, ok := p.known.Find(id); ok {
		return false
	}
	return p.claimAgain(id)
}

// claimAgain is claim for a chunk of which the store has no good copy.
func (p *packer) claimAgain(id blob.ID) bool {
	key := claim(id[:len(claim{})])
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.claimed[key]; ok {
		return false
	}
	p.claimed[key] = struct{}{}
	return true
}

// add stores a blob, of which entry says ID, Raw, Codec and Base. It copies
// the bytes and returns before they are durable.
func (p *packer) add(entry blob.Entry, bytes []byte) error {
	b := p.spare.Get().(*stored)
	b.entry, b.bytes = entry, append(b.bytes[:0], bytes...)
	select {
	case p.queue <- b:
		return nil
	case <-p.ctx.Done():
		return context.Cause(p.ctx)
	}
}

// run appends blobs to packs until the queue is closed.
func (p *packer) run() (err error) {
	var w *pack.Writer
	defer func() {
		if w != nil {
			w.Abort()
		}
	}()
	for {
		select {
		case <-p.ctx.Done():
			return context.Cause(p.ctx)
		case b, ok := <-p.queue:
			if !ok {
				return p.finish(&w)
			}
			if err := p.append(&w, b); err != nil {
				return err
			}
		}
	}
}

func (p *packer) append(w **pack.Writer, b *stored) (err error) {
	defer p.spare.Put(b)
	if p.weighs {
		return nil
	}
	if *w == nil {
		if *w, err = pack.Create(p.store.path("tmp")); err != nil {
			return err
		}
	}
	if err := (*w).Append(b.entry, b.bytes); err != nil || !isFull(*w) {
		return err
	}
	full := *w
	*w = nil
	p.group.Go(func() error { return p.finish(&full) })
	return nil
}

func isFull(w *pack.Writer) bool { return w.Size() >= packSize || w.Len() >= packBlobs }

// finish publishes the pack, if there is one.
func (p *packer) finish(w **pack.Writer) error {
	if *w == nil {
		return nil
	}
	tail, err := (*w).Finish(p.store.packs)
	*w = nil
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tails, p.published = append(p.tails, tail), append(p.published, tail.ID())
	return nil
}

// close waits until every blob is durable and returns the tails of the packs
// that hold them; they are the caller's. Nothing may be added after it.
func (p *packer) close() (tails []pack.Tail, err error) {
	close(p.queue)
	err = p.group.Wait()
	p.stop()
	tails = p.tails
	p.tails, p.claimed = nil, nil // of many small blobs they are what takes the memory
	return tails, err
}

// abort gives up and removes what was published, of which nothing may have been
// committed.
func (p *packer) abort() {
	p.stop()
	p.group.Wait()
	for _, id := range p.published {
		os.Remove(p.store.packs.Path(id))
	}
}
