package store

import (
	"os"
	"path/filepath"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/witness"
)

// A witness belongs to the app's last-good, or to the snapshot that its volumes
// were restored to last. All here is a cache: errors cost time only.

func (s *Store) witnessPath(app, volume string) string { return s.path("witness", app, volume) }

// recall opens the witness of a volume for a snapshot; nil if there is none that
// can be relied on.
func (s *Store) recall(app, volume string, id ID, root *fsx.Dir) *witness.Reader {
	on, err := root.Filesystem()
	if err != nil || !witness.Trusts(on) {
		return nil
	}
	stat, err := root.Self()
	if err != nil {
		return nil
	}
	return witness.Open(s.witnessPath(app, volume), id, stat.ID)
}

// remember makes a finished witness the one of the volume.
func (s *Store) remember(w *witness.Writer, app, volume string, id ID, root fsx.Identity, clean fsx.Time) error {
	path := s.witnessPath(app, volume)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		w.Abort()
		return err
	}
	return w.Publish(path, id, root, clean)
}
