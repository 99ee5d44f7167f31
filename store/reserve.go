package store

import (
	"errors"
	"io/fs"
	"os"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/fsx"
)

// reserveSize is the space that is kept for the index, so that gc and forget
// can free more on a full disk. A transaction that drops packs writes new pages
// before old ones are free: at most the tails of a few dozen packs.
const reserveSize = 16 << 20 // bytes

// keepReserve makes the reserve if it is not there. On a full disk there is
// none for now.
func (s *Store) keepReserve() error {
	f, err := os.OpenFile(s.path("reserve"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) || errors.Is(full(err), ErrFull) {
		return nil
	}
	if err != nil {
		return err
	}
	err = fsx.Allocate(f, fsx.Extent{Length: reserveSize})
	if errors.Join(err, f.Close()) == nil {
		return nil
	}
	os.Remove(s.path("reserve"))
	if errors.Is(full(err), ErrFull) {
		return nil
	}
	return err
}

// releaseReserve gives the reserve up and reports whether there was one.
func (s *Store) releaseReserve() bool { return os.Remove(s.path("reserve")) == nil }

// updateFreeing is an index transaction that frees space. On a full disk it
// takes what was reserved for it, and says so.
func (s *Store) updateFreeing(f func(*index.Tx) error) (reserved bool, err error) {
	err = s.index.Update(f)
	if errors.Is(full(err), ErrFull) && s.releaseReserve() {
		return true, s.index.Update(f)
	}
	return false, err
}
