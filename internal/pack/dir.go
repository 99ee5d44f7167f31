// Package pack reads and writes pack files: immutable files that hold many
// blobs and end in a footer that lists them. It also compresses and
// decompresses the blobs. FORMAT.md section 3 is the layout.
package pack

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
)

const suffix = ".pack"

// A Dir is the path of the directory that holds the packs of a store, each in
// one of 256 directories named after the first byte of its ID.
type Dir string

// Make creates the directory and the 256 below it, durably, so that
// publishing a pack never has to make one.
func (d Dir) Make() error {
	if err := os.Mkdir(string(d), 0o700); err != nil {
		return err
	}
	for i := range 256 {
		if err := os.Mkdir(filepath.Join(string(d), fmt.Sprintf("%02x", i)), 0o700); err != nil {
			return err
		}
	}
	return fsx.SyncDir(string(d))
}

// Path returns the file of pack id.
func (d Dir) Path(id blob.ID) string {
	name := id.String()
	return filepath.Join(string(d), name[:2], name+suffix)
}

// A File is a pack file that was found by List.
type File struct {
	Path string
	ID   blob.ID // zero if the name is not a pack's
	Size int64   // bytes
}

// List yields every file below the directory, in order of path. It goes on after
// an error.
func (d Dir) List() iter.Seq2[File, error] {
	return func(yield func(File, error) bool) {
		for i := range 256 {
			shard := filepath.Join(string(d), fmt.Sprintf("%02x", i))
			entries, err := os.ReadDir(shard)
			if err != nil && !yield(File{}, fmt.Errorf("list packs: %w", err)) {
				return
			}
			for _, entry := range entries {
				f, err := fileOf(shard, entry)
				if !yield(f, err) {
					return
				}
			}
		}
	}
}

func fileOf(shard string, entry os.DirEntry) (File, error) {
	f := File{Path: filepath.Join(shard, entry.Name())}
	info, err := entry.Info()
	if err != nil {
		return f, fmt.Errorf("list packs: %w", err)
	}
	f.Size = info.Size()
	name, isPack := strings.CutSuffix(entry.Name(), suffix)
	id, err := blob.ParseID(name)
	if isPack && err == nil && strings.HasPrefix(name, filepath.Base(shard)) {
		f.ID = id
	}
	return f, nil
}
