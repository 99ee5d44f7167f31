package store

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/warmstore/warmstore/index"
)

// A StoreUsage accounts for every byte of the store's directory. Space is what
// all snapshots need together; in it, Shared is what several apps need, and
// Unique the others', so that Unique is the sum of the apps'. It adds up:
//
//	Unique + Shared                             = Stored
//	Stored + Garbage + Footers + Unlisted       = all packs
//	all packs + Index + … + Other               = Total
type StoreUsage struct {
	Space
	Garbage    int64 `json:"bytes_garbage"`    // of the blobs that nothing needs
	Footers    int64 `json:"bytes_footers"`    // of the packs, what is not blobs
	Unlisted   int64 `json:"bytes_unlisted"`   // packs of snapshots in progress, or for gc
	Index      int64 `json:"bytes_index"`      // the file
	Records    int64 `json:"bytes_records"`    // one a snapshot
	Witness    int64 `json:"bytes_witness"`    // how files looked
	Reserve    int64 `json:"bytes_reserve"`    // kept for gc on a full disk
	Unfinished int64 `json:"bytes_unfinished"` // in tmp: of snapshots in progress, or for gc
	Quarantine int64 `json:"bytes_quarantine"` // what repair moved there
	Other      int64 `json:"bytes_other"`
	Total      int64 `json:"bytes_total"`

	// Reclaimable is about what gc would free now, if no snapshot is in progress:
	// the packs that it would drop, the garbage of those that it would rewrite,
	// and what no snapshot lists.
	Reclaimable int64 `json:"bytes_reclaimable"`
	Packs       int   `json:"packs"`
	Blobs       int   `json:"blobs"`
	BlobsNeeded int   `json:"blobs_needed"`
}

// weighDisk accounts for the files of the store, of whose blobs live is needed.
func (s *Store) weighDisk(st *state, live *index.Set, u *StoreUsage) error {
	plan := newPlan(st.chunks, live, nil, DefaultMinGarbage)
	left, err := s.garbage(st)
	if err != nil {
		return err
	}
	u.Packs, u.Blobs, u.BlobsNeeded = plan.Packs, st.chunks.Len(), live.Len()
	u.Garbage, u.Footers = plan.Dead, plan.Stored-plan.Live-plan.Dead
	u.Reclaimable = plan.Frees() + sizeOf(left.packs) + sizeOf(left.tmp)
	files, err := s.fileBytes()
	if err != nil {
		return err
	}
	u.Unlisted = files["blobs"] - plan.Stored
	u.Index, u.Records, u.Witness = files["index.db"], files["snapshots"], files["witness"]
	u.Reserve, u.Unfinished, u.Quarantine = files["reserve"], files["tmp"], files["quarantine"]
	for _, n := range files {
		u.Total += n
	}
	u.Other = u.Total - files["blobs"] - u.Index - u.Records - u.Witness - u.Reserve - u.Unfinished - u.Quarantine
	return nil
}

func sizeOf(files []garbageFile) (n int64) {
	for _, f := range files {
		n += f.size
	}
	return n
}

// fileBytes returns the sizes of the store's files, added up by the first
// element of their path. The reserve has space without a size.
func (s *Store) fileBytes() (map[string]int64, error) {
	sums := make(map[string]int64)
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // it is gone since its directory was read
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		first, _, _ := strings.Cut(strings.TrimPrefix(path, s.dir+"/"), "/")
		sums[first] += info.Size()
		return nil
	})
	if err != nil {
		return nil, err
	}
	sums["reserve"], err = s.reserved()
	return sums, err
}
