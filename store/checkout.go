package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"slices"

	"github.com/warmstore/warmstore/internal/exclude"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/witness"
)

// A Checkout is a snapshot that is held for reading: gc does not touch it until
// it is closed. It is safe for concurrent use. It is what package restore
// restores from.
type Checkout struct {
	ID     ID
	Record *Record

	store *Store
	load  *loader
	held  locks
	paths map[string]string // being restored, by volume
}

// Checkout opens a snapshot of the app: its last-good if id is zero. With
// exclusive it also keeps others from writing to the app, as a restore in
// place needs. No such app or snapshot is ErrNotFound.
func (s *Store) Checkout(ctx context.Context, app string, id ID, exclusive bool) (*Checkout, error) {
	if err := CheckName(app); err != nil {
		return nil, err
	}
	c := &Checkout{store: s}
	err := s.healing(ctx, func() (err error) {
		if err := s.catchUp(ctx, app); err != nil {
			return err
		}
		if c.held, err = s.lockReader(ctx, app, exclusive); err != nil {
			return err
		}
		err = c.open(app, id)
		if errors.Is(err, fs.ErrNotExist) && s.unlisted(c.ID) {
			err = c.open(app, id) // it was replaced since the index was read
		}
		if err != nil {
			c.held.unlock()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (s *Store) lockReader(ctx context.Context, app string, exclusive bool) (locks, error) {
	if exclusive {
		return s.lockWriter(ctx, app)
	}
	shared, err := s.lockShared(ctx)
	return locks{shared}, err
}

func (c *Checkout) open(app string, id ID) error {
	ids, chunks, err := c.store.lookup(app)
	if err != nil {
		return err
	}
	switch {
	case len(ids) == 0:
		return fmt.Errorf("%s has no snapshot: %w", app, ErrNotFound)
	case id.IsZero():
		id = ids[len(ids)-1]
	case !slices.Contains(ids, id):
		return fmt.Errorf("%s has no snapshot %s: %w", app, id.Short(), ErrNotFound)
	}
	c.ID = id
	c.load = newLoader(c.store.packs, chunks)
	c.Record, err = c.store.record(id)
	return err
}

// Dir returns the directory of the store, which nothing may be restored into.
func (c *Checkout) Dir() string { return c.store.dir }

// Close gives back the locks and closes the files.
func (c *Checkout) Close() {
	c.load.close()
	c.held.unlock()
}

// Manifest returns the encoded manifest of a volume as a stream.
func (c *Checkout) Manifest(volume string) (io.Reader, error) {
	v := c.Record.Volume(volume)
	if v == nil {
		return nil, fmt.Errorf("snapshot %s has no volume %q: %w", c.ID.Short(), volume, ErrNotFound)
	}
	return c.load.manifest(v.Manifest), nil
}

// Verify checks that every chunk is stored, and that its stored bytes and those
// of the base it may need are undamaged on disk.
func (c *Checkout) Verify(ctx context.Context, chunks iter.Seq2[ID, error]) error {
	set := c.load.chunks.NewSet()
	if err := c.load.locate(set, chunks); err != nil {
		return err
	}
	return c.load.verify(ctx, set, c.store.opts.Workers)
}

// Chunk reads a chunk into dst, grown at need, and returns its raw bytes, whose
// hash it has checked.
func (c *Checkout) Chunk(dst []byte, id ID) ([]byte, error) { return c.load.chunk(dst, id) }

// Excluded returns the paths that the snapshot leaves out of every volume.
func (c *Checkout) Excluded() exclude.Patterns { return c.Record.Exclude }

// Begin records durably that the volumes, by name, are being restored into
// these directories. The Checkout must be exclusive.
func (c *Checkout) Begin(paths map[string]string) error {
	c.paths = paths
	err := full(c.store.mark(c.Record, c.ID, paths))
	if errors.Is(err, ErrFull) && c.store.releaseReserve() {
		err = full(c.store.mark(c.Record, c.ID, paths)) // a rollback must not wait for space
	}
	return err
}

// Recall returns how the files of a volume, whose root is open, looked when they
// were as the snapshot has them; nil if nobody knows.
func (c *Checkout) Recall(volume string, root *fsx.Dir) *witness.Reader {
	return c.store.recall(c.Record.App, volume, c.ID, root)
}

// Learn starts to write down how the files of a volume look.
func (c *Checkout) Learn() (*witness.Writer, error) { return witness.Create(c.store.path("tmp")) }

// Remember keeps what was written down of a volume, whose root looks like root,
// for the next snapshot. What changed before clean was on disk then.
func (c *Checkout) Remember(w *witness.Writer, volume string, root fsx.Identity, clean fsx.Time) error {
	return c.store.remember(w, c.Record.App, volume, c.ID, root, clean)
}

// Finish records durably that what Begin named is restored.
func (c *Checkout) Finish() error { return full(c.store.unmark(c.Record.App, c.paths)) }
