package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/warmstore/warmstore/store"
)

func TestNamesAreSafePathComponents(t *testing.T) {
	for _, name := range []string{
		"a", "Z", "0", "keycloak", "a.b", "a_b-c", "0-1", "a..b", "A" + strings.Repeat("x", 127),
	} {
		if err := store.CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{
		"", ".", "..", "...", ".hidden", "-rf", "_x", "../x", "x/..", "a/b", "/etc", "a\\b", "a b", "a\n", "a\x00b",
		"é", "a\xff", "a:b", "a~", "*", strings.Repeat("x", 129), strings.Repeat("../", 100),
	} {
		if err := store.CheckName(name); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%q: error is %v, want ErrInvalid", name, err)
		}
	}
}

func TestVolumesThatCannotBeTakenAreRefused(t *testing.T) {
	s, root := newStore(t)
	dir := t.TempDir()
	write(t, dir+"/sub/file", []byte("x"))
	check(t, os.Symlink("sub", dir+"/link"))
	v := func(name, path string) store.Volume { return store.Volume{Name: name, Path: path} }
	before := list(t, root)
	for name, volumes := range map[string][]store.Volume{
		"none":                 nil,
		"no name":              {v("", dir)},
		"unsafe name":          {v("../x", dir)},
		"two of one name":      {v("a", dir+"/sub"), v("a", t.TempDir())},
		"one path twice":       {v("a", dir), v("b", dir)},
		"one path, not clean":  {v("a", dir), v("b", dir+"/sub/..")},
		"one path, by symlink": {v("a", dir+"/sub"), v("b", dir+"/link")},
		"one in the other":     {v("a", dir+"/sub"), v("b", dir)},
		"missing":              {v("a", dir+"/missing")},
		"a file":               {v("a", dir+"/sub/file")},
		"no path":              {v("a", "")},
		"not UTF-8":            {v("a", dir+"/\xff")},
		"the store":            {v("a", filepath.Join(root, store.Dir))},
		"in the store":         {v("a", filepath.Join(root, store.Dir, "blobs", "00"))},
		"around the store":     {v("a", root)},
		"everything":           {v("a", "/")},
	} {
		_, err := s.Snapshot(t.Context(), "app", volumes, store.SnapshotOptions{})
		if !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s: error is %v, want ErrInvalid", name, err)
		}
	}
	one := []store.Volume{v("a", dir)}
	if _, err := s.Snapshot(t.Context(), "../x", one, store.SnapshotOptions{}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("app ../x: error is %v, want ErrInvalid", err)
	}
	_, err := s.Snapshot(t.Context(), "app", one, store.SnapshotOptions{Keep: -1})
	if !errors.Is(err, store.ErrInvalid) {
		t.Errorf("keep -1: error is %v, want ErrInvalid", err)
	}
	before.same(t, list(t, root))
}

func TestUnknownIsErrNotFound(t *testing.T) {
	s, root := newStore(t)
	id := take(t, s, "app", t.TempDir(), store.SnapshotOptions{}).ID
	other := id
	other[0] ^= 1
	_, openErr := store.Open(filepath.Join(root, "none"), store.Options{})
	_, _, lastErr := s.LastGood("none")
	_, lookErr := s.Lookup("app", other)
	_, crossErr := s.Lookup("none", id)
	_, findErr := s.Find("app", other.String())
	_, checkoutErr := s.Checkout(t.Context(), "none", store.ID{}, false)
	_, idErr := s.Checkout(t.Context(), "app", other, true)
	_, forgetErr := s.Forget(t.Context(), "none", store.ID{})
	_, forgetIDErr := s.Forget(t.Context(), "app", other)
	for i, err := range []error{
		openErr, lastErr, lookErr, crossErr, findErr, s.Has(t.Context(), "none"),
		checkoutErr, idErr, forgetErr, forgetIDErr,
	} {
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("call %d: error is %v, want ErrNotFound", i, err)
		}
	}
	wantLastGood(t, s, "app", id)
}

func TestFindTakesTheBeginningOfOneID(t *testing.T) {
	s, _ := newStore(t)
	id := take(t, s, "app", t.TempDir(), store.SnapshotOptions{}).ID
	for _, n := range []int{4, 12, 64} {
		if got, err := s.Find("app", id.String()[:n]); err != nil || got != id {
			t.Errorf("%d digits: %v, %v", n, got, err)
		}
	}
	for _, prefix := range []string{"", id.String()[:3]} {
		if _, err := s.Find("app", prefix); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%q: error is %v, want ErrInvalid", prefix, err)
		}
	}
	if _, err := s.Find("app", id.String()+"0"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a digit too many: error is %v, want ErrNotFound", err)
	}
	if got, err := store.ParseID(id.String()); err != nil || got != id {
		t.Errorf("ParseID: %v, %v", got, err)
	}
}
