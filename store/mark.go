package store

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
)

// A Mark says that a restore in place of an app was begun: the directories it
// names may hold neither the old state nor the new one. While it stands, no
// snapshot is taken of the app.
type Mark struct {
	App      string       `json:"app"`
	Snapshot ID           `json:"snapshot"`
	Begun    time.Time    `json:"begun"`
	Volumes  []MarkedTree `json:"volumes"`
	Sum      ID           `json:"sum"` // of the mark's JSON with a zero here
}

// A MarkedTree is a directory that is being restored. It is known by its inode
// too: a volume that was removed and made anew is another one.
type MarkedTree struct {
	Volume string   `json:"volume"`
	Path   string   `json:"path"`
	Dev    uint64   `json:"dev"`
	Ino    uint64   `json:"ino"`
	Born   fsx.Time `json:"born"`
	// Elsewhere says that the snapshot was not taken of this directory.
	Elsewhere bool `json:"elsewhere,omitempty"`
}

func (s *Store) markPath(app string) string { return s.path("restoring", app+".json") }

// Unfinished returns the mark of the app's unfinished restore, nil if there is
// none.
func (s *Store) Unfinished(app string) (*Mark, error) {
	if err := CheckName(app); err != nil {
		return nil, err
	}
	b, err := os.ReadFile(s.markPath(app))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read mark: %w", err)
	}
	m, err := decodeMark(b)
	if err == nil {
		err = m.check(app)
	}
	if err != nil {
		return nil, fmt.Errorf("mark %s is %w: %w", s.markPath(app), ErrCorrupt, err)
	}
	return m, nil
}

// decodeMark reads what encodeMark wrote, and nothing else.
func decodeMark(b []byte) (*Mark, error) {
	m := new(Mark)
	if err := json.Unmarshal(b, m); err != nil {
		return nil, err
	}
	again, err := encodeMark(m)
	if err != nil {
		return nil, err
	}
	if m.Sum != m.checksum() || !bytes.Equal(b, again) {
		return nil, errors.New("it is not as it was written")
	}
	return m, nil
}

// encodeMark returns the one encoding of m, whose Sum is right.
func encodeMark(m *Mark) ([]byte, error) {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode mark: %w", err)
	}
	return append(b, '\n'), nil
}

// check holds the mark against what no restore of app writes.
func (m *Mark) check(app string) error {
	if m.App != app || len(m.Volumes) == 0 {
		return fmt.Errorf("of %d volumes of %q", len(m.Volumes), m.App)
	}
	for i, t := range m.Volumes {
		if err := CheckName(t.Volume); err != nil {
			return err
		}
		if i > 0 && compareTrees(m.Volumes[i-1], t) >= 0 {
			return fmt.Errorf("%q after %q", t.Path, m.Volumes[i-1].Path)
		}
	}
	return nil
}

// compareTrees orders the trees of a mark.
func compareTrees(a, b MarkedTree) int {
	return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Volume, b.Volume))
}

// checkFinished returns ErrUnfinished if a directory of an unfinished restore
// still exists.
func (s *Store) checkFinished(app string) error {
	m, err := s.Unfinished(app)
	if err != nil || m == nil {
		return err
	}
	for _, t := range m.Volumes {
		now, err := treeAt(t.Volume, t.Path)
		now.Elsewhere = t.Elsewhere
		if errors.Is(err, fs.ErrNotExist) || err == nil && now != t {
			continue
		}
		return &UnfinishedError{Mark: m}
	}
	return nil
}

// An UnfinishedError says which restore is unfinished. It matches ErrUnfinished.
type UnfinishedError struct {
	Mark *Mark
}

// Error names the snapshot and the directories.
func (e *UnfinishedError) Error() string {
	text := fmt.Sprintf("%v: of snapshot %s into", ErrUnfinished, e.Mark.Snapshot.Short())
	for _, t := range e.Mark.Volumes {
		text += fmt.Sprintf(" %q", t.Path)
	}
	return text
}

// Unwrap makes the error match ErrUnfinished.
func (e *UnfinishedError) Unwrap() error { return ErrUnfinished }

// treeAt describes the directory at path as it is now.
func treeAt(volume, path string) (MarkedTree, error) {
	dir, err := fsx.OpenDir(path)
	if err != nil {
		return MarkedTree{}, err
	}
	defer dir.Close()
	stat, err := dir.Self()
	return MarkedTree{Volume: volume, Path: path, Dev: stat.ID.Dev, Ino: stat.ID.Ino, Born: stat.ID.BirthTime}, err
}

// mark records durably that the volumes at these paths are being restored.
// What an earlier restore left unfinished stays marked.
func (s *Store) mark(r *Record, id ID, paths map[string]string) error {
	app := r.App
	m, err := s.Unfinished(app)
	if err != nil {
		return err
	}
	if m == nil {
		m = &Mark{App: app}
	}
	m.Snapshot, m.Begun = id, now()
	m.without(paths)
	for volume, path := range paths {
		t, err := treeAt(volume, path)
		if err != nil {
			return err
		}
		v := r.Volume(volume)
		t.Elsewhere = v == nil || v.Path != path
		m.Volumes = append(m.Volumes, t)
	}
	return s.writeMark(m)
}

// unmark records durably that the directories at these paths are whole.
func (s *Store) unmark(app string, paths map[string]string) error {
	m, err := s.Unfinished(app)
	if err != nil || m == nil {
		return err
	}
	m.without(paths)
	if len(m.Volumes) == 0 {
		return fsx.Remove(s.markPath(app))
	}
	return s.writeMark(m)
}

func (m *Mark) without(paths map[string]string) {
	m.Volumes = slices.DeleteFunc(m.Volumes, func(t MarkedTree) bool {
		return t.Path == paths[t.Volume]
	})
}

func (s *Store) writeMark(m *Mark) error {
	slices.SortFunc(m.Volumes, compareTrees)
	m.Sum = m.checksum()
	b, err := encodeMark(m)
	if err != nil {
		return err
	}
	return fsx.WriteFile(s.path("tmp"), s.markPath(m.App), b, 0o600)
}

// checksum returns what Sum is to be. A mark with a flipped bit might let a
// mixture become last-good.
func (m *Mark) checksum() ID {
	bare := *m
	bare.Sum = ID{}
	b, err := json.Marshal(bare)
	if err != nil {
		panic("store: mark cannot be encoded: " + err.Error())
	}
	return blob.Sum(b)
}
