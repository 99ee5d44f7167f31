package stale

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/warmstore/warmstore/internal/faults"
	"github.com/warmstore/warmstore/internal/faults/disktest"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/restore"
	"github.com/warmstore/warmstore/store"
)

// trusted are the file systems on which files that look unchanged are not read.
var trusted = []string{faults.Ext4, faults.XFS, faults.Btrfs}

// A volume is a directory that snapshots are taken of, of which the last counts.
type volume struct {
	t    *testing.T
	dir  string
	s    *store.Store
	last *store.Result
}

// newVolume returns an empty volume below a directory.
func newVolume(t *testing.T, below string) *volume {
	t.Helper()
	dir, err := os.MkdirTemp(below, "volume-*")
	check(t, err)
	s, err := store.Create(filepath.Join(disktest.Memory(t), "warm"), store.Options{})
	check(t, err)
	return &volume{t: t, dir: dir, s: s}
}

func (v *volume) at(name string) string { return filepath.Join(v.dir, name) }

func (v *volume) volumes() []store.Volume { return []store.Volume{{Name: "data", Path: v.dir}} }

func (v *volume) take(opts store.SnapshotOptions) *store.Result {
	v.t.Helper()
	r, err := v.s.Snapshot(v.t.Context(), "app", v.volumes(), opts)
	check(v.t, err)
	return r
}

// snapshot takes a snapshot by the fast path.
func (v *volume) snapshot() {
	v.t.Helper()
	v.last = v.take(store.SnapshotOptions{})
}

// settled takes a snapshot of which the next one need not read anything, where
// the file system is trusted.
func (v *volume) settled() {
	v.t.Helper()
	fsx.Settle()
	v.snapshot()
}

// restore makes dir what the last snapshot has.
func (v *volume) restore(dir string) {
	v.t.Helper()
	c, err := v.s.Checkout(v.t.Context(), "app", store.ID{}, true)
	check(v.t, err)
	defer c.Close()
	opts := restore.Options{Journal: c}
	if dir == v.dir {
		opts.Memory = c
	}
	_, err = restore.Run(v.t.Context(), c, []restore.Target{{Volume: "data", Path: dir}}, opts)
	check(v.t, err)
}

// stale returns the paths that the last snapshot has otherwise than the volume.
func (v *volume) stale() (paths []string) {
	v.t.Helper()
	dir := disktest.Memory(v.t)
	v.restore(dir)
	want, got := look(v.t, v.dir), look(v.t, dir)
	all := maps.Clone(want)
	maps.Copy(all, got)
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if want[path] != got[path] {
			paths = append(paths, fmt.Sprintf("%q is %s, in the snapshot %s", path, want[path], got[path]))
		}
	}
	return paths
}

// look says of each path below dir what it is.
func look(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		text := fmt.Sprintf("mode %o modified %d.%09d", st.Mode, st.Mtim.Sec, st.Mtim.Nsec)
		value := make([]byte, 100)
		if n, err := unix.Lgetxattr(path, "trusted.stale", value); err == nil {
			text += fmt.Sprintf(" attribute %q", value[:n])
		}
		if d.Type().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += fmt.Sprintf(" links %d content %x", st.Nlink, sha256.Sum256(content))
		}
		all[path[len(dir):]] = text
		return nil
	}))
	return all
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
