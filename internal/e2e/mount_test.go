package e2e

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/restore"
	"github.com/warmstore/warmstore/store"
)

// A mounted volume is one that has a mount of its own, with a file in it.
type mounted struct {
	t          *testing.T
	path, from string
	store      *store.Store
}

func newMounted(t *testing.T) *mounted {
	t.Helper()
	need(t, "root", "mount")
	m := &mounted{t: t, path: freshDir(t, "volume"), from: freshDir(t, "from")}
	mountAt(t, m.path, "--bind", m.from)
	m.write("taken")
	s, err := store.Create(t.TempDir(), store.Options{})
	try(t, err)
	m.store = s
	return m
}

func (m *mounted) write(text string) {
	tree{m.t, m.path}.file("dir/file", []byte(text))
}

func (m *mounted) take(opts store.SnapshotOptions, seen fsx.Place) error {
	volumes := []store.Volume{{Name: "data", Path: m.path, Seen: seen}}
	_, err := m.store.Snapshot(m.t.Context(), "app", volumes, opts)
	return err
}

// changes are what can happen to a mount. Each leads the volume's path elsewhere.
func (m *mounted) changes() map[string]func() {
	return map[string]func(){
		"unmounted":    func() { try(m.t, unix.Unmount(m.path, unix.MNT_DETACH)) },
		"mounted over": func() { try(m.t, unix.Mount("", m.path, "tmpfs", 0, "")) },
		"mounted anew": func() {
			try(m.t, unix.Unmount(m.path, unix.MNT_DETACH))
			try(m.t, unix.Mount(m.from, m.path, "", unix.MS_BIND, ""))
		},
		"covered by itself": func() { try(m.t, unix.Mount(m.path, m.path, "", unix.MS_BIND, "")) },
	}
}

// back makes the mount the only one again, whatever happened.
func (m *mounted) back() {
	for unix.Unmount(m.path, unix.MNT_DETACH) == nil {
	}
	try(m.t, unix.Mount(m.from, m.path, "", unix.MS_BIND, ""))
}

// TestMountThatChangesDuringASnapshot has no snapshot become last-good of what is
// no longer the volume.
func TestMountThatChangesDuringASnapshot(t *testing.T) {
	m := newMounted(t)
	for name, change := range m.changes() {
		t.Run(name, func(t *testing.T) {
			seen := fsx.PlaceAt(m.path)
			recheck := func(context.Context) error { change(); return nil }
			if err := m.take(store.SnapshotOptions{Recheck: recheck}, seen); !errors.Is(err, store.ErrReplaced) {
				t.Errorf("during it: %v", err)
			}
			if err := m.take(store.SnapshotOptions{}, seen); !errors.Is(err, store.ErrReplaced) {
				t.Errorf("before it: %v", err)
			}
			if _, err := m.store.Checkout(t.Context(), "app", store.ID{}, false); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("there is a snapshot, or %v", err)
			}
			m.back()
		})
	}
	try(t, m.take(store.SnapshotOptions{}, fsx.PlaceAt(m.path)))
}

// A saboteur is a restore's journal that does something when the restore begins.
type saboteur struct {
	*store.Checkout
	do func()
}

func (s saboteur) Begin(paths map[string]string) error {
	if err := s.Checkout.Begin(paths); err != nil {
		return err
	}
	s.do()
	return nil
}

// restore restores the volume, and does something after the mark was written.
func (m *mounted) restore(seen fsx.Place, do func()) error {
	m.t.Helper()
	c, err := m.store.Checkout(m.t.Context(), "app", store.ID{}, true)
	try(m.t, err)
	defer c.Close()
	targets := []restore.Target{{Volume: "data", Path: m.path, Seen: seen}}
	_, err = restore.Run(m.t.Context(), c, targets, restore.Options{Journal: saboteur{c, do}})
	return err
}

func (m *mounted) isUnfinished() bool {
	m.t.Helper()
	mark, err := m.store.Unfinished("app")
	try(m.t, err)
	return mark != nil
}

// TestMountThatChangesDuringARestore has no restore count as done in a place
// where nobody sees it.
func TestMountThatChangesDuringARestore(t *testing.T) {
	m := newMounted(t)
	try(t, m.take(store.SnapshotOptions{}, fsx.Place{}))
	for name, change := range m.changes() {
		t.Run(name, func(t *testing.T) {
			m.write("spoiled")
			seen := fsx.PlaceAt(m.path)
			if err := m.restore(seen, change); !errors.Is(err, restore.ErrReplaced) {
				t.Errorf("during it: %v", err)
			}
			if !m.isUnfinished() {
				t.Error("the restore counts as finished")
			}
			there, _ := os.ReadDir(m.path)
			if name == "mounted over" && len(there) > 0 {
				t.Errorf("%s was written into", m.path)
			}
			if err := m.restore(seen, func() {}); !errors.Is(err, restore.ErrReplaced) {
				t.Errorf("before it: %v", err)
			}
			m.back()
			try(t, m.restore(fsx.PlaceAt(m.path), func() {}))
			if got, err := os.ReadFile(m.path + "/dir/file"); string(got) != "taken" || m.isUnfinished() {
				t.Errorf("after another restore the file has %q, %v", got, err)
			}
		})
	}
}

// TestMountThatAppearsWithin has a restore neither enter nor remove what is
// mounted while it runs.
func TestMountThatAppearsWithin(t *testing.T) {
	m := newMounted(t)
	try(t, m.take(store.SnapshotOptions{}, fsx.Place{}))
	for _, where := range []string{"dir", "added", "dir/added", "dir/file"} {
		at := filepath.Join(m.path, where)
		appear := func() {
			if where == "dir/file" {
				try(t, unix.Mount(filepath.Join(buildDir, "precious"), at, "", unix.MS_BIND, ""))
				return
			}
			try(t, unix.Mount("", at, "tmpfs", 0, ""))
			tree{t, at}.file("precious", []byte("of another"))
		}
		try(t, os.WriteFile(filepath.Join(buildDir, "precious"), []byte("of another"), 0o600))
		m.write("spoiled")
		tree{t, m.path}.dir("added")
		tree{t, m.path}.dir("dir/added")
		err := m.restore(fsx.Place{}, appear)
		if !errors.Is(err, restore.ErrMount) || !m.isUnfinished() {
			t.Errorf("%s: %v", where, err)
		}
		precious := at + "/precious"
		if where == "dir/file" {
			precious = at
		}
		if got, err := os.ReadFile(precious); string(got) != "of another" {
			t.Errorf("%s: what was mounted has %q, %v", where, got, err)
		}
		if err := m.take(store.SnapshotOptions{}, fsx.Place{}); err == nil {
			t.Errorf("%s: a snapshot was taken", where)
		}
		try(t, unix.Unmount(at, unix.MNT_DETACH))
		try(t, m.restore(fsx.Place{}, func() {}))
	}
}
