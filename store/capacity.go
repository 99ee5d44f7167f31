package store

import (
	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/fsx"
)

// A Capacity is what the packs of a store take, and what is left for more. Sizes
// are in bytes.
type Capacity struct {
	Packs  int
	Stored int64 // of all packs
	// Live is how much of that was needed when gc last counted, footers of packs
	// that it then rewrote included; 0 if it never did. So Stored − Live, if
	// positive, is about the most that can be garbage.
	Live int64
	Free int64 // on the store's file system
}

// Capacity tells what the store takes. Unlike other readers it leaves a damaged
// index as it is, so that check and repair may ask: ErrCorrupt.
func (s *Store) Capacity() (c Capacity, err error) {
	err = s.index.View(func(tx *index.Tx) (err error) {
		c, err = capacityOf(tx)
		return err
	})
	if err != nil {
		return Capacity{}, err
	}
	filesystem, err := fsx.FilesystemAt(s.dir)
	c.Free = filesystem.Free
	return c, err
}

// capacityOf tells what the index knows of it.
func capacityOf(tx *index.Tx) (c Capacity, err error) {
	for p, err := range tx.Packs() {
		if err != nil {
			return Capacity{}, err
		}
		c.Packs++
		c.Stored += p.Tail.Size()
	}
	c.Live, err = tx.Live()
	return c, err
}
