package webpage

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/warmstore/warmstore/internal/fsx"
)

// ErrExists means that there is something where the page is to be.
var ErrExists = errors.New("it exists already")

// CheckFree returns ErrExists if there is something at path.
func CheckFree(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, fmt.Errorf("page %q: %w", path, ErrExists))
	}
	return nil
}

// Save writes the page to path, all or nothing, and replaces what is there. It is
// for root's eyes only, since it names files.
func (p Page) Save(path string) error {
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		return fmt.Errorf("draw page: %w", err)
	}
	if err := fsx.WriteFile(filepath.Dir(path), path, b.Bytes(), 0o600); err != nil {
		return fmt.Errorf("save page %q: %w", path, err)
	}
	return nil
}
