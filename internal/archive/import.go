package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/source"
	"github.com/warmstore/warmstore/internal/tarball"
	"github.com/warmstore/warmstore/store"
)

// maxMeta is how long meta.json may be.
const maxMeta = 1 << 20 // bytes

// An Archive is one that was opened and checked.
type Archive struct {
	meta    meta
	time    time.Time
	volumes []store.Volume
	files   []*os.File
}

// Open opens the archive of an app in a directory. What is not one, whole and
// of this app, is store.ErrInvalid, and named. The caller closes it.
func Open(dir, app string) (*Archive, error) {
	a := new(Archive)
	if err := a.open(dir, app); err != nil {
		a.Close()
		return nil, fmt.Errorf("%w archive %s: %w", store.ErrInvalid, dir, err)
	}
	return a, nil
}

func (a *Archive) open(dir, app string) error {
	root, err := fsx.OpenDir(filepath.Join(dir, top))
	if err != nil {
		return err
	}
	defer root.Close()
	if err := a.readMeta(root); err != nil {
		return fmt.Errorf("%s: %w", metaName, err)
	}
	if err := a.checkMeta(app); err != nil {
		return fmt.Errorf("%s: %w", metaName, err)
	}
	volumes, err := root.OpenDir(volumeDir)
	if err != nil {
		return err
	}
	defer volumes.Close()
	if err := a.checkNames(volumes); err != nil {
		return err
	}
	for _, name := range a.meta.Volumes {
		path := filepath.Join(dir, top, volumeDir, name+tarSuffix)
		if err := a.openTar(volumes, name, path); err != nil {
			return fmt.Errorf("volume %s: %w", name, err)
		}
	}
	return nil
}

// Close closes the tars.
func (a *Archive) Close() {
	for _, f := range a.files {
		f.Close()
	}
}

// Bytes returns the size of all tars.
func (a *Archive) Bytes() (n int64) {
	for _, f := range a.files {
		if info, err := f.Stat(); err == nil {
			n += info.Size()
		}
	}
	return n
}

func (a *Archive) readMeta(root *fsx.Dir) error {
	f, _, err := root.OpenFile(metaName)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxMeta+1))
	if err != nil {
		return err
	}
	if len(text) > maxMeta {
		return fmt.Errorf("it is longer than %d bytes", maxMeta)
	}
	return json.Unmarshal(text, &a.meta)
}

func (a *Archive) checkMeta(app string) (err error) {
	if a.meta.Recipe != app {
		return fmt.Errorf("it is of recipe %q, not of %s", a.meta.Recipe, app)
	}
	if len(a.meta.Volumes) == 0 {
		return errors.New("it names no volumes")
	}
	slices.Sort(a.meta.Volumes)
	for i, name := range a.meta.Volumes {
		if err := store.CheckName(name); err != nil {
			return err
		}
		if i > 0 && name == a.meta.Volumes[i-1] {
			return fmt.Errorf("it names volume %s twice", name)
		}
	}
	if a.time, err = time.Parse(time.RFC3339, a.meta.Time); err != nil {
		return fmt.Errorf("ts %q is not a time such as %s", a.meta.Time, timeFormat)
	}
	return nil
}

// checkNames refuses files that are not the tar of a volume that is named.
// Volumes without a tar are found when it is opened.
func (a *Archive) checkNames(volumes *fsx.Dir) error {
	names, err := volumes.Names()
	if err != nil {
		return err
	}
	for _, name := range names {
		volume, ok := strings.CutSuffix(name, tarSuffix)
		if !ok || !slices.Contains(a.meta.Volumes, volume) {
			return fmt.Errorf("%s has %q, which is of no volume that %s names", volumeDir, name, metaName)
		}
	}
	return nil
}

func (a *Archive) openTar(volumes *fsx.Dir, name, path string) error {
	f, stat, err := volumes.OpenFile(name + tarSuffix)
	if err != nil {
		return err
	}
	a.files = append(a.files, f)
	tree, err := tarball.Open(f, stat.ID.Size)
	if err != nil {
		return err
	}
	abs, err := filepath.Abs(path)
	a.volumes = append(a.volumes, store.Volume{Name: name, Path: abs, Tree: tree})
	return err
}

// Import makes the archive the newest snapshot of its app, taken when and of
// what its meta.json says. Of opts it uses Keep and Progress.
func (a *Archive) Import(ctx context.Context, s *store.Store, opts store.SnapshotOptions) (*store.Result, error) {
	opts.Domain, opts.Version, opts.Commit = a.meta.Domain, a.meta.Version, a.meta.Commit
	opts.Time = a.time
	opts.Source = source.OfDomain(a.meta.Domain)
	if x := a.meta.Extra; x != nil {
		opts.Labels = x.Labels
		opts.Source = store.Source{Kind: x.Source.Kind, Name: x.Source.Name}
	}
	_, last, err := s.LastGood(a.meta.Recipe)
	result, failed := s.Snapshot(ctx, a.meta.Recipe, a.volumes, opts)
	if failed != nil {
		return nil, failed
	}
	if err == nil && last.Time.After(a.time) {
		result.Warnings = append(result.Warnings, fmt.Sprintf(
			"the last-good that this one takes the place of was taken later, %s", last.Time.Format(timeFormat)))
	}
	return result, nil
}
