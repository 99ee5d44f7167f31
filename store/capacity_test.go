package store_test

import (
	"os"
	"testing"

	"github.com/warmstore/warmstore/store"
)

// halfGarbage makes a store of two apps in one pack each, and forgets half of what
// is in the first one's.
func halfGarbage(t *testing.T) (s *store.Store, root string) {
	s, root = newStore(t)
	dir := t.TempDir()
	write(t, dir+"/gone", few(1, 1<<20))
	write(t, dir+"/stays", few(2, 1<<20))
	take(t, s, "app", dir, store.SnapshotOptions{})
	check(t, os.Remove(dir+"/gone"))
	take(t, s, "app", dir, store.SnapshotOptions{})
	return s, root
}

func TestCapacityIsWhatIsOnDisk(t *testing.T) {
	s, root := halfGarbage(t)
	space, err := s.Capacity()
	check(t, err)
	if space.Stored != packBytes(t, root) || space.Packs != len(packFiles(t, root)) || space.Free <= 0 {
		t.Errorf("space is %+v, packs are %v", space, packFiles(t, root))
	}
	if space.Live != 0 {
		t.Errorf("%d bytes are live before anybody has counted", space.Live)
	}
	gc(t, s, store.GCOptions{})
	space, err = s.Capacity()
	check(t, err)
	if space.Stored != packBytes(t, root) || space.Live < space.Stored || space.Live > space.Stored+4096 {
		t.Errorf("after gc, space is %+v, packs take %d", space, packBytes(t, root))
	}
}

func TestProgressEndsWithAll(t *testing.T) {
	s, _ := halfGarbage(t)
	var done, total int64
	r := gc(t, s, store.GCOptions{Progress: func(d, of int64) {
		if d <= done || d > of {
			t.Errorf("%d of %d are done after %d", d, of, done)
		}
		done, total = d, of
	}})
	if done == 0 || done != total || done != r.Copied {
		t.Errorf("the last progress of gc is %d of %d, and it copied %d", done, total, r.Copied)
	}
	var read int64
	_, err := s.Repair(t.Context(), store.RepairOptions{Progress: func(_, bytes int64) { read += bytes }})
	check(t, err)
	if read != r.Plan.Live {
		t.Errorf("repair read %d bytes of %d", read, r.Plan.Live)
	}
}
