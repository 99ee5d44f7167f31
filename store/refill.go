package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
)

// refill looks for the wanted chunks in the live volumes, at the places where
// the snapshots had them, and stores those that still hash to their ID.
func (r *repair) refill(ctx context.Context) error {
	if len(r.wanted) == 0 {
		return nil
	}
	tails, err := r.pack(ctx, func(packs *packer) error {
		l := newLane()
		for _, record := range r.all.records {
			for i := range record.Volumes {
				if err := r.refillFrom(ctx, packs, l, &record.Volumes[i]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	r.load.healed = index.NewChunks(r.add(tails))
	r.load.chunks = index.NewChunks(r.all.packs) // with deltas whose base is back
	return nil
}

// refillFrom looks in one volume. One that is not there holds nothing.
func (r *repair) refillFrom(ctx context.Context, packs *packer, l *lane, v *VolumeRecord) error {
	root, err := fsx.OpenDir(v.Path)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fsx.ErrNotDirectory) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	dec := manifest.NewDecoder(r.load.manifest(v.Manifest))
	var at manifest.Path
	for {
		e, err := dec.Next()
		if errors.Is(err, io.EOF) || errors.Is(err, ErrCorrupt) {
			return nil // as far as the manifest can be read
		}
		if err = errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		at.Step(e)
		if e.IsFile() && r.wants(e.Pieces) {
			if err := r.refillFile(packs, l, root, at.String(), e.Pieces); err != nil {
				return err
			}
		}
	}
}

func (r *repair) wants(pieces []manifest.Piece) bool {
	for _, p := range pieces {
		if _, ok := r.wanted[p.ID]; ok {
			return true
		}
	}
	return false
}

// refillFile stores the wanted chunks that the live file still has.
func (r *repair) refillFile(packs *packer, l *lane, root *fsx.Dir, name string, pieces []manifest.Piece) error {
	f, err := openBelow(root, name)
	if err != nil {
		return nil // it is gone, or something else by now
	}
	defer f.Close()
	offset := int64(0)
	for _, p := range pieces {
		if _, ok := r.wanted[p.ID]; ok {
			if err := r.refillChunk(packs, l, f, offset, p); err != nil {
				return err
			}
		}
		offset += p.Length
	}
	return nil
}

func (r *repair) refillChunk(packs *packer, l *lane, f io.ReaderAt, offset int64, p manifest.Piece) error {
	data := l.buffer(int(p.Length))
	if _, err := f.ReadAt(data, offset); err != nil || blob.Sum(data) != p.ID {
		return nil
	}
	stored, codec, err := l.coder.Encode(l.stored, data)
	if err != nil {
		return err
	}
	delete(r.wanted, p.ID)
	r.report.Refilled++
	return packs.add(blob.Entry{ID: p.ID, Raw: uint32(len(data)), Codec: codec}, stored)
}

// openBelow opens the regular file at a path below root.
func openBelow(root *fsx.Dir, name string) (*os.File, error) {
	dir, err := root.OpenPath(path.Dir(name))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	f, _, err := dir.OpenFile(path.Base(name))
	return f, err
}

// eachChunk calls f for every chunk that the snapshot needs, as far as its
// manifests can be read.
func (r *repair) eachChunk(record *Record, f func(blob.ID)) error {
	for i := range record.Volumes {
		ref := record.Volumes[i].Manifest
		for _, id := range ref.Chunks {
			f(id)
		}
		for id, err := range manifest.Chunks(r.load.manifest(ref)) {
			if errors.Is(err, ErrCorrupt) {
				break
			}
			if err != nil {
				return err
			}
			f(id)
		}
	}
	return nil
}
