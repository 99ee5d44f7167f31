package store

import (
	"context"
	"fmt"
	"time"
)

// UsageOptions configure Usage. The zero value works.
type UsageOptions struct {
	App  string // tell of this app only; empty: of all
	Top  int    // how many files to list by each measure
	Tree bool   // tell how the size of each volume is spread over its directories
}

// A Space is what the snapshots of an app, or of a volume of it, take of the
// store. All but the factors are bytes. A chunk that is named more than once
// counts once, except in Named.
type Space struct {
	Named  int64 `json:"bytes_named"`  // of the files in all the snapshots, and of their manifests
	Raw    int64 `json:"bytes_raw"`    // of the chunks that hold these, before compression
	Stored int64 `json:"bytes_stored"` // of the blobs that hold the chunks
	Delta  int64 `json:"bytes_delta"`  // of the blobs, those stored as differences
	Unique int64 `json:"bytes_unique"` // of the blobs, those that nothing else needs
	Shared int64 `json:"bytes_shared"` // of the blobs, the others

	// Compression is Raw / Stored, and Deduplication is Named / Raw: their product
	// is how many bytes of files one byte of blobs stands for. Holes and zeros are
	// not stored, so they count as deduplicated. 0 if there is nothing.
	Compression   float64 `json:"compression_factor"`
	Deduplication float64 `json:"deduplication_factor"`
}

// An AppUsage says what one app takes. Unique is what the next gc finds to be
// garbage if all snapshots of the app are forgotten.
type AppUsage struct {
	App       string `json:"app"`
	Snapshots int    `json:"snapshots"`
	Bytes     int64  `json:"bytes"` // of the files in its newest snapshot
	Space
}

// A VolumeUsage says what one volume takes. Unique is what neither another
// volume nor another app needs.
type VolumeUsage struct {
	App    string `json:"app"`
	Volume string `json:"volume"`
	Files  int64  `json:"files"` // in the newest snapshot that has it
	Bytes  int64  `json:"bytes"` // of these
	Space
	Tree *SizeTree `json:"-"` // of the app's newest snapshot, if asked for
}

// A SnapshotUsage says what one snapshot added when it was taken.
type SnapshotUsage struct {
	App      string    `json:"app"`
	Snapshot ID        `json:"snapshot"`
	Time     time.Time `json:"ts"`
	Bytes    int64     `json:"bytes"` // of its files
	// Added is the bytes of blobs that no older snapshot of the store needs, of
	// those that are kept. Over all snapshots it adds up to what is needed.
	Added int64 `json:"bytes_added"`
}

// A FileUsage is one file of an app's newest snapshot.
type FileUsage struct {
	App    string `json:"app"`
	Volume string `json:"volume"`
	Path   string `json:"path"` // raw bytes, from the volume's root
	Bytes  int64  `json:"bytes"`
	// Of the chunks that no older snapshot of the volume needs, and no file before
	// it in the walk: their raw bytes, and those of their blobs.
	New       int64 `json:"bytes_new"`
	NewStored int64 `json:"bytes_new_stored"`
}

// A Usage says what everything takes. Volumes, snapshots and files are of
// UsageOptions.App, if that was given, and so are Apps; Store is always all.
type Usage struct {
	Apps      []AppUsage      // by name
	Volumes   []VolumeUsage   // by app and name
	Snapshots []SnapshotUsage // by time
	Largest   []FileUsage     // the largest first, Top at most
	// Changed are those with the most new bytes, of apps with more than one
	// snapshot: of others everything is new.
	Changed []FileUsage
	Store   StoreUsage
}

// Usage weighs the store. It reads every manifest of every snapshot, and needs
// a bit of memory for each blob and volume. Others may use the store
// meanwhile. An app without a snapshot is ErrNotFound; a record or manifest that
// cannot be read, ErrCorrupt.
func (s *Store) Usage(ctx context.Context, opts UsageOptions) (*Usage, error) {
	if opts.App != "" {
		if _, _, err := s.LastGood(opts.App); err != nil {
			return nil, err
		}
	}
	var u *Usage
	err := s.inOneState(ctx, func(st *state) (err error) {
		u, err = s.usage(ctx, st, opts)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("usage: %w", err)
	}
	return u, nil
}

func (s *Store) usage(ctx context.Context, st *state, opts UsageOptions) (*Usage, error) {
	history, err := s.history(ctx, st)
	if err != nil {
		return nil, err
	}
	w := newWeighing(s, st, opts)
	defer w.load.close()
	if err := s.eachRecord(ctx, history, w.snapshot); err != nil {
		return nil, err
	}
	return w.result()
}
