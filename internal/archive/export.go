package archive

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/tarball"
	"github.com/warmstore/warmstore/store"
)

// An Exported is a volume that was written.
type Exported struct {
	Volume  string
	Bytes   int64    // of its tar
	Omitted []string // paths of sockets, which no tar holds
}

// An Export is a snapshot being written as an archive. The same snapshot and
// volumes give the same bytes.
type Export struct {
	Snapshot *store.Checkout
	Volumes  []*store.VolumeRecord // which of the snapshot's; at least one
	// Progress is called with the bytes that were written since the last call,
	// if set.
	Progress func(bytes int64)
}

// ToDir makes dir the archive. It must not exist, or be empty; it appears when
// it is complete and durable, and after an error not at all.
func (x *Export) ToDir(ctx context.Context, dir string) (done []Exported, err error) {
	if err := x.check(dir); err != nil {
		return nil, fmt.Errorf("%w output: %w", store.ErrInvalid, err)
	}
	dir = filepath.Clean(dir)
	if err := fsx.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".warmstore-export-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	if done, err = x.fill(ctx, tmp); err != nil {
		return nil, err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err // it is empty no longer
	}
	return done, fsx.Publish(tmp, dir)
}

// check refuses an output that holds something, or is in the store.
func (x *Export) check(dir string) error {
	if err := fsx.CheckEmpty(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fsx.Disjoint(x.Snapshot.Dir(), dir)
}

// fill writes the archive into an empty directory, durably.
func (x *Export) fill(ctx context.Context, dir string) (done []Exported, err error) {
	text, err := newMeta(x.Snapshot.Record, x.Volumes).encode()
	if err != nil {
		return nil, err
	}
	volumes := filepath.Join(dir, top, volumeDir)
	if err := os.MkdirAll(volumes, 0o700); err != nil {
		return nil, err
	}
	for _, v := range x.Volumes {
		d, err := x.tar(ctx, v, filepath.Join(volumes, v.Name+tarSuffix))
		if err != nil {
			return nil, fmt.Errorf("volume %s: %w", v.Name, err)
		}
		done = append(done, d)
	}
	if err := fsx.SyncDir(volumes); err != nil {
		return nil, err
	}
	if err := fsx.WriteFile(dir, filepath.Join(dir, top, metaName), text, 0o600); err != nil {
		return nil, err
	}
	return done, fsx.SyncDir(dir)
}

// tar writes one volume as a new file, durably.
func (x *Export) tar(ctx context.Context, v *store.VolumeRecord, path string) (done Exported, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return done, err
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	if done, err = x.write(ctx, v, out); err != nil {
		return done, err
	}
	return done, errors.Join(out.Flush(), f.Sync())
}

// write writes the tar of one volume.
func (x *Export) write(ctx context.Context, v *store.VolumeRecord, w io.Writer) (done Exported, err error) {
	encoded, err := x.Snapshot.Manifest(v.Name)
	if err != nil {
		return done, err
	}
	out := &counter{w: w, progress: x.Progress}
	omitted, err := tarball.Write(ctx, out, encoded, x.Snapshot)
	return Exported{Volume: v.Name, Bytes: out.bytes, Omitted: omitted}, err
}

// ToStream writes the archive to w as one tar.
func (x *Export) ToStream(ctx context.Context, w io.Writer) (done []Exported, err error) {
	text, err := newMeta(x.Snapshot.Record, x.Volumes).encode()
	if err != nil {
		return nil, err
	}
	out := bufio.NewWriterSize(w, 1<<20)
	s := tarball.NewStream(out, fsx.Time{Sec: x.Snapshot.Record.Time.Unix()})
	writeMeta := func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	}
	err = errors.Join(
		s.Dir(top),
		s.File(path.Join(top, metaName), int64(len(text)), writeMeta),
		s.Dir(path.Join(top, volumeDir)),
	)
	if err != nil {
		return nil, err
	}
	for _, v := range x.Volumes {
		d, err := x.stream(ctx, s, v)
		if err != nil {
			return nil, fmt.Errorf("volume %s: %w", v.Name, err)
		}
		done = append(done, d)
	}
	return done, errors.Join(s.Close(), out.Flush())
}

// stream adds the tar of one volume. Its size is known because it follows from
// the manifest.
func (x *Export) stream(ctx context.Context, s *tarball.Stream, v *store.VolumeRecord) (done Exported, err error) {
	encoded, err := x.Snapshot.Manifest(v.Name)
	if err != nil {
		return done, err
	}
	size, err := tarball.Size(encoded)
	if err != nil {
		return done, err
	}
	err = s.File(path.Join(top, volumeDir, v.Name+tarSuffix), size, func(w io.Writer) (err error) {
		done, err = x.write(ctx, v, w)
		return err
	})
	return done, err
}

// A counter counts what is written.
type counter struct {
	w        io.Writer
	bytes    int64
	progress func(bytes int64)
}

// Write writes to what the counter counts for.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.bytes += int64(n)
	if c.progress != nil {
		c.progress(int64(n))
	}
	return n, err
}
