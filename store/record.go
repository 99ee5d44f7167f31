package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/exclude"
	"github.com/warmstore/warmstore/internal/fsx"
)

// An ID names a snapshot or a chunk: 32 bytes, written as 64 hexadecimal digits.
type ID = blob.ID

// recordFormat is the version of the records this package writes.
const recordFormat = 1

// A Record describes one snapshot. It is stored as JSON, in one encoding, in a
// file named by the hash of that: a record never changes.
type Record struct {
	Format  int               `json:"format"`
	App     string            `json:"app"`
	Seq     uint64            `json:"seq"` // counts the app's snapshots, so that their order needs no clock
	Time    time.Time         `json:"ts"`  // UTC, whole seconds
	Domain  string            `json:"domain"`
	Version string            `json:"version"`
	Commit  string            `json:"commit"`
	Labels  map[string]string `json:"labels,omitempty"`
	Exclude exclude.Patterns  `json:"exclude,omitempty"` // what was left out of every volume
	Source  Source            `json:"source"`
	Volumes []VolumeRecord    `json:"volumes"` // by ascending name
}

// A Source says where an app's volumes were found, so that a restore finds
// them again.
type Source struct {
	Kind string `json:"kind"` // stack, compose, volumes or dirs
	Name string `json:"name,omitempty"`
	// Host is what the caller wants to know of the engine that held the
	// volumes.
	Host json.RawMessage `json:"host,omitempty"`
}

// A VolumeRecord describes one volume in a snapshot.
type VolumeRecord struct {
	Name string `json:"name"`
	Path string `json:"path"` // the directory it was read from
	// Object is what the engine knows of the volume.
	Object   json.RawMessage `json:"object,omitempty"`
	Files    int64           `json:"files"` // names of everything but directories
	Dirs     int64           `json:"dirs"`  // the root included
	Bytes    int64           `json:"bytes"` // of the content of regular files, holes included
	Manifest ManifestRef     `json:"manifest"`
}

// A ManifestRef names the chunks that a volume's manifest was cut into.
type ManifestRef struct {
	Bytes  int64     `json:"bytes"`
	Chunks []blob.ID `json:"chunks"`
}

// Files returns the number of files in all volumes.
func (r *Record) Files() (n int64) {
	for i := range r.Volumes {
		n += r.Volumes[i].Files
	}
	return n
}

// Bytes returns the size of all volumes' files.
func (r *Record) Bytes() (n int64) {
	for i := range r.Volumes {
		n += r.Volumes[i].Bytes
	}
	return n
}

// Volume returns the record of the volume of this name, nil if there is none.
func (r *Record) Volume(name string) *VolumeRecord {
	if r == nil {
		return nil
	}
	for i := range r.Volumes {
		if r.Volumes[i].Name == name {
			return &r.Volumes[i]
		}
	}
	return nil
}

// checkPlace returns ErrCorrupt unless r can be a snapshot of the app that comes
// after one numbered seq.
func (r *Record) checkPlace(app string, seq uint64) error {
	if r.App != app || r.Seq <= seq {
		return fmt.Errorf("its record is number %d of app %q: the index is %w", r.Seq, r.App, ErrCorrupt)
	}
	return nil
}

// encodeRecord returns the one encoding of r and the ID it gives.
func encodeRecord(r *Record) ([]byte, ID, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return nil, ID{}, fmt.Errorf("encode record: %w", err)
	}
	return b.Bytes(), blob.Sum(b.Bytes()), nil
}

// decodeRecord reads what encodeRecord wrote. What it did not write is
// ErrCorrupt; a record of a newer format is ErrVersion.
func decodeRecord(b []byte) (*Record, error) {
	var version struct{ Format int }
	if err := json.Unmarshal(b, &version); err != nil {
		return nil, fmt.Errorf("record is %w: %w", ErrCorrupt, err)
	}
	if version.Format > recordFormat {
		return nil, fmt.Errorf("record is %w (%d)", ErrVersion, version.Format)
	}
	r := new(Record)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("record is %w: %w", ErrCorrupt, err)
	}
	again, _, err := encodeRecord(r)
	if err != nil || !bytes.Equal(b, again) || r.Format != recordFormat {
		return nil, fmt.Errorf("record is %w: it is not as it was written", ErrCorrupt)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("record is %w: %v", ErrCorrupt, err)
	}
	return r, nil
}

// check holds the record against what no snapshot writes: names become paths, and
// numbers are added up.
func (r *Record) check() error {
	if err := CheckName(r.App); err != nil {
		return err
	}
	if r.Seq == 0 {
		return errors.New("it has number 0")
	}
	if err := r.Exclude.Check(); err != nil {
		return err
	}
	for i, v := range r.Volumes {
		if err := CheckName(v.Name); err != nil {
			return err
		}
		if i > 0 && v.Name <= r.Volumes[i-1].Name {
			return fmt.Errorf("volume %s after %s", v.Name, r.Volumes[i-1].Name)
		}
		if v.Files < 0 || v.Dirs < 0 || v.Bytes < 0 || !v.Manifest.addsUp() {
			return fmt.Errorf("volume %s has numbers that do not add up", v.Name)
		}
	}
	return nil
}

// addsUp reports whether chunks can make so many bytes.
func (m ManifestRef) addsUp() bool {
	n := int64(len(m.Chunks))
	return n <= m.Bytes && m.Bytes <= n*blob.MaxRaw && !slices.Contains(m.Chunks, blob.ID{})
}

func (s *Store) recordPath(id ID) string { return s.path("snapshots", id.String()+".json") }

// record reads a snapshot's record and checks it against its ID.
func (s *Store) record(id ID) (*Record, error) {
	b, err := os.ReadFile(s.recordPath(id))
	if err != nil {
		return nil, fmt.Errorf("read record: %w", missing(err))
	}
	if blob.Sum(b) != id {
		return nil, fmt.Errorf("record of snapshot %s is %w", id.Short(), ErrCorrupt)
	}
	r, err := decodeRecord(b)
	if err != nil {
		return nil, fmt.Errorf("snapshot %s: %w", id.Short(), err)
	}
	return r, nil
}

// recordID returns the ID that r has when it is written.
func recordID(r *Record) (ID, error) {
	_, id, err := encodeRecord(r)
	return id, err
}

// writeRecord stores a record durably.
func (s *Store) writeRecord(r *Record) (ID, error) {
	b, id, err := encodeRecord(r)
	if err != nil {
		return ID{}, err
	}
	if _, err := decodeRecord(b); err != nil {
		return ID{}, fmt.Errorf("verify record: %w", err)
	}
	if err := fsx.WriteFile(s.path("tmp"), s.recordPath(id), b, 0o400); err != nil {
		return ID{}, fmt.Errorf("write record: %w", err)
	}
	return id, nil
}
