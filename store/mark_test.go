package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/warmstore/warmstore/store"
)

// begin leaves a restore into the paths, by volume, unfinished. What it returns
// finishes it.
func begin(t *testing.T, s *store.Store, paths map[string]string) (finish func()) {
	t.Helper()
	c, err := s.Checkout(t.Context(), "app", store.ID{}, true)
	check(t, err)
	defer c.Close()
	check(t, c.Begin(paths))
	return func() {
		c, err := s.Checkout(t.Context(), "app", store.ID{}, true)
		check(t, err)
		defer c.Close()
		check(t, c.Begin(paths))
		check(t, c.Finish())
	}
}

// isBlocked reports whether no snapshot can be taken of app.
func isBlocked(t *testing.T, s *store.Store, dir string) bool {
	t.Helper()
	volumes := []store.Volume{{Name: "data", Path: dir}}
	_, err := s.Snapshot(context.Background(), "app", volumes, store.SnapshotOptions{})
	if err != nil && !errors.Is(err, store.ErrUnfinished) {
		t.Fatal(err)
	}
	return err != nil
}

func TestUnfinishedRestoreBlocksItsAppUntilItIsFinished(t *testing.T) {
	s, _ := newStore(t)
	dir, other := t.TempDir(), t.TempDir()
	good := take(t, s, "app", dir, store.SnapshotOptions{}).ID
	if m, err := s.Unfinished("app"); m != nil || err != nil {
		t.Errorf("before it begins there is %+v, %v", m, err)
	}
	finish := begin(t, s, map[string]string{"data": dir})
	m, err := s.Unfinished("app")
	check(t, err)
	if m == nil || m.App != "app" || m.Snapshot != good || len(m.Volumes) != 1 || m.Volumes[0].Path != dir {
		t.Errorf("the mark is %+v", m)
	}
	if !isBlocked(t, s, dir) || !isBlocked(t, s, other) {
		t.Error("a snapshot is taken of what may be half restored")
	}
	wantLastGood(t, s, "app", good)
	take(t, s, "another", other, store.SnapshotOptions{})
	finish()
	if m, err := s.Unfinished("app"); m != nil || err != nil {
		t.Errorf("finished, there is %+v, %v", m, err)
	}
	if isBlocked(t, s, dir) {
		t.Error("finished, it blocks")
	}
}

func TestEachVolumeOfAnUnfinishedRestoreMustBeFinished(t *testing.T) {
	s, _ := newStore(t)
	a, b := t.TempDir(), t.TempDir()
	take(t, s, "app", a, store.SnapshotOptions{})
	begin(t, s, map[string]string{"a": a, "b": b})
	begin(t, s, map[string]string{"a": a})()
	m, err := s.Unfinished("app")
	check(t, err)
	if m == nil || len(m.Volumes) != 1 || m.Volumes[0].Volume != "b" {
		t.Fatalf("with a finished, the mark is %+v", m)
	}
	if !isBlocked(t, s, a) {
		t.Error("with b unfinished, it does not block")
	}
	begin(t, s, map[string]string{"b": b})()
	if isBlocked(t, s, a) {
		t.Error("with both finished, it blocks")
	}
}

func TestDirectoryMadeAnewIsNotUnfinished(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, dir string){
		"removed": func(t *testing.T, dir string) { check(t, os.Remove(dir)) },
		"made anew": func(t *testing.T, dir string) {
			check(t, os.Rename(dir, dir+".old")) // so that the inode number is not taken again
			check(t, os.Mkdir(dir, 0o755))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := newStore(t)
			dir, other := filepath.Join(t.TempDir(), "data"), t.TempDir()
			check(t, os.Mkdir(dir, 0o755))
			take(t, s, "app", dir, store.SnapshotOptions{})
			begin(t, s, map[string]string{"data": dir})
			change(t, dir)
			if isBlocked(t, s, other) {
				t.Error("it blocks, and no restore can finish it")
			}
		})
	}
}

func TestDamagedMarkBlocks(t *testing.T) {
	s, root := newStore(t)
	dir := t.TempDir()
	take(t, s, "app", dir, store.SnapshotOptions{})
	begin(t, s, map[string]string{"data": dir})
	mark := filepath.Join(root, store.Dir, "restoring", "app.json")
	good, err := os.ReadFile(mark)
	check(t, err)
	for _, text := range []string{
		"", "{", "null", "{}", `{"app": "other"}`, `{"app": "app", "more": 1}`, string(good[:len(good)/2]),
	} {
		check(t, os.WriteFile(mark, []byte(text), 0o600))
		_, err := s.Snapshot(t.Context(), "app", []store.Volume{{Name: "data", Path: dir}}, store.SnapshotOptions{})
		if !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("with the mark %q the error is %v, want ErrCorrupt", text, err)
		}
	}
}

func TestNothingThatAnUnfinishedRestoreNeedsIsForgotten(t *testing.T) {
	s, _ := newStore(t)
	dir := t.TempDir()
	good := take(t, s, "app", dir, store.SnapshotOptions{}).ID
	finish := begin(t, s, map[string]string{"data": dir})
	if _, err := s.Forget(t.Context(), "app", store.ID{}); !errors.Is(err, store.ErrUnfinished) {
		t.Errorf("forgetting all returns %v", err)
	}
	if _, err := s.Forget(t.Context(), "app", good); !errors.Is(err, store.ErrUnfinished) {
		t.Errorf("forgetting the one returns %v", err)
	}
	finish()
	_, err := s.Forget(t.Context(), "app", store.ID{})
	check(t, err)
}
