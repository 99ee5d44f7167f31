package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/fsx"
)

// The reserve is the space that is kept for the index, so that gc and forget can
// free more on a full disk. A transaction writes new pages before old ones are free:
// where packs are dropped, the tails beside theirs. That is less than there is of the
// index, and of a large one no more than a few hundred tails.
const (
	reserveLeast = 2 << 20 // bytes
	reserveMost  = 16 << 20
)

// keepReserve makes the reserve, or makes it larger if the index has grown. On a full
// disk it stays as it is for now.
func (s *Store) keepReserve() error {
	want, err := s.reserveSize()
	if err != nil {
		return err
	}
	held, err := s.reserved()
	if err != nil || held >= want {
		return err
	}
	err = full(s.reserve(want))
	if held == 0 && err != nil {
		os.Remove(s.path("reserve"))
	}
	if errors.Is(err, ErrFull) {
		return nil
	}
	return err
}

// reserveSize returns how many bytes the reserve should have. An index that is not there
// is made when it is read.
func (s *Store) reserveSize() (int64, error) {
	index, err := spaceOf(string(s.index))
	return min(max(index, reserveLeast), reserveMost), err
}

func (s *Store) reserve(bytes int64) error {
	f, err := os.OpenFile(s.path("reserve"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(fsx.Allocate(f, fsx.Extent{Length: bytes}), f.Close())
}

// reserved returns the bytes that the reserve occupies.
func (s *Store) reserved() (int64, error) { return spaceOf(s.path("reserve")) }

// spaceOf returns the bytes that a file occupies on disk; none if there is none.
func spaceOf(path string) (int64, error) {
	dir, err := fsx.OpenDir(filepath.Dir(path))
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	stat, err := dir.Stat(filepath.Base(path))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return stat.Blocks * 512, err
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
