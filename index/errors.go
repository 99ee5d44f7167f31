package index

import (
	"fmt"

	"github.com/warmstore/warmstore/internal/blob"
)

var (
	// ErrCorrupt means that the database does not hold what was written to it.
	// Nothing is lost: the packs' footers and the snapshot records rebuild it.
	ErrCorrupt = fmt.Errorf("index is %w", blob.ErrCorrupt)
	// ErrVersion means that the database was written by a newer warmstore.
	ErrVersion = fmt.Errorf("index is %w", blob.ErrVersion)
)
