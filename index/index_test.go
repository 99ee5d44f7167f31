package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/pack"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

// numbered returns an ID made of numbers.
func numbered(kind string, n int) blob.ID { return blob.Sum(fmt.Appendf(nil, "%s %d", kind, n)) }

// tailOf returns the tail of a pack of raw blobs, 100 bytes each.
func tailOf(t testing.TB, ids ...blob.ID) pack.Tail {
	t.Helper()
	f := pack.Footer{Size: 16} // the header
	for i, id := range ids {
		e := blob.Entry{ID: id, Offset: uint32(f.Size), Stored: 100, Raw: 100, CRC: uint32(i), Codec: blob.Raw}
		f.Entries = append(f.Entries, e)
		f.Size += 100
	}
	f.Size += int64(len(f.AppendTail(nil)))
	tail, err := pack.ParseTail(f.AppendTail(nil))
	check(t, err)
	return tail
}

// newDB makes a database that holds the packs and the apps.
func newDB(t testing.TB, packs []pack.Tail, apps map[string][]blob.ID) DB {
	t.Helper()
	db := DB(filepath.Join(t.TempDir(), "index.db"))
	check(t, db.Create())
	check(t, db.Update(func(tx *Tx) error {
		for _, tail := range packs {
			if err := tx.PutPack(tail); err != nil {
				return err
			}
		}
		for name, snapshots := range apps {
			if err := tx.PutApp(name, snapshots); err != nil {
				return err
			}
		}
		return nil
	}))
	return db
}

func loadChunks(t testing.TB, db DB) (c *Chunks) {
	t.Helper()
	check(t, db.View(func(tx *Tx) (err error) {
		c, err = tx.Chunks()
		return err
	}))
	return c
}

// appsOf reads all apps at once, and then each.
func appsOf(t testing.TB, db DB) map[string][]blob.ID {
	t.Helper()
	apps, last := map[string][]blob.ID{}, ""
	check(t, db.View(func(tx *Tx) error {
		for app, err := range tx.Apps() {
			check(t, err)
			if app.Name <= last {
				t.Errorf("app %q after %q", app.Name, last)
			}
			last = app.Name
			apps[app.Name] = app.Snapshots
		}
		for name, want := range apps {
			snapshots, err := tx.App(name)
			check(t, err)
			if !slices.Equal(snapshots, want) {
				t.Errorf("app %q has %v, want %v", name, snapshots, want)
			}
		}
		return nil
	}))
	return apps
}

func TestCommittedIsRead(t *testing.T) {
	apps := map[string][]blob.ID{
		"keycloak": {numbered("snapshot", 1), numbered("snapshot", 2)}, "a": {numbered("snapshot", 3)},
		"ü \xff/\n": {numbered("snapshot", 2)},
	}
	var packs []pack.Tail
	for i := range 20 {
		packs = append(packs, tailOf(t, numbered("chunk", i), numbered("chunk", 100+i)))
	}
	db := newDB(t, packs, apps)
	if got := appsOf(t, db); !maps.EqualFunc(got, apps, slices.Equal) {
		t.Errorf("apps are %v, want %v", got, apps)
	}
	slices.SortFunc(packs, func(a, b pack.Tail) int { return a.ID().Compare(b.ID()) })
	var got []pack.Tail
	check(t, db.View(func(tx *Tx) error {
		for p, err := range tx.Packs() {
			check(t, err)
			if p.ID != p.Tail.ID() {
				t.Errorf("pack %s has the tail of %s", p.ID, p.Tail.ID())
			}
			got = append(got, p.Tail.Clone())
		}
		return nil
	}))
	isSame := func(a, b pack.Tail) bool { return string(a.Bytes()) == string(b.Bytes()) }
	if !slices.EqualFunc(got, packs, isSame) {
		t.Errorf("%d packs, want %d", len(got), len(packs))
	}
	for p := range loadChunks(t, db).Packs() {
		if !isSame(p.Tail, packs[0]) || p.ID != packs[0].ID() {
			t.Errorf("chunks have pack %s, want %s", p.ID, packs[0].ID())
		}
		packs = packs[1:]
	}
}

func TestEmptyListRemovesTheApp(t *testing.T) {
	list := []blob.ID{numbered("snapshot", 1)}
	db := newDB(t, nil, map[string][]blob.ID{"a": list, "b": list})
	check(t, db.Update(func(tx *Tx) error {
		return errors.Join(tx.PutApp("a", nil), tx.PutApp("b", []blob.ID{}), tx.PutApp("none", nil))
	}))
	if apps := appsOf(t, db); len(apps) != 0 {
		t.Errorf("apps are %v", apps)
	}
	check(t, db.View(func(tx *Tx) error {
		snapshots, err := tx.App("a")
		if snapshots != nil {
			t.Errorf("app a has %v", snapshots)
		}
		return err
	}))
}

func TestDroppedPackIsGone(t *testing.T) {
	tail, other := tailOf(t, numbered("chunk", 1)), tailOf(t, numbered("chunk", 2))
	db := newDB(t, []pack.Tail{tail, other}, nil)
	for range 2 { // no record is no error
		check(t, db.Update(func(tx *Tx) error { return tx.DropPack(tail.ID()) }))
		c := loadChunks(t, db)
		if _, ok := c.Find(numbered("chunk", 1)); ok || c.Len() != 1 {
			t.Errorf("%d chunks", c.Len())
		}
	}
}

func TestLiveIsKept(t *testing.T) {
	db := newDB(t, nil, nil)
	for _, want := range []int64{0, 1, 1 << 62} {
		if want > 0 {
			check(t, db.Update(func(tx *Tx) error { return tx.PutLive(want) }))
		}
		check(t, db.View(func(tx *Tx) error {
			if got, err := tx.Live(); err != nil || got != want {
				t.Errorf("%d live bytes, want %d: %v", got, want, err)
			}
			return nil
		}))
	}
}

func TestFailedUpdateChangesNothing(t *testing.T) {
	list, cause := []blob.ID{numbered("snapshot", 1)}, errors.New("a cause")
	db := newDB(t, nil, map[string][]blob.ID{"a": list})
	wantError(t, db.Update(func(tx *Tx) error {
		check(t, tx.PutApp("b", list))
		check(t, tx.PutApp("a", nil))
		return cause
	}), cause)
	if apps := appsOf(t, db); len(apps) != 1 || !slices.Equal(apps["a"], list) {
		t.Errorf("apps are %v", apps)
	}
}

func TestErrorOfAViewIsPassedOn(t *testing.T) {
	db, cause := newDB(t, nil, nil), errors.New("a cause")
	err := db.View(func(*Tx) error { return cause })
	wantError(t, err, cause)
	if errors.Is(err, ErrCorrupt) || errors.Is(err, ErrVersion) {
		t.Errorf("%v is damage too", err)
	}
}

func TestViewCannotWrite(t *testing.T) {
	db := newDB(t, nil, nil)
	if db.View(func(tx *Tx) error { return tx.PutApp("a", []blob.ID{numbered("snapshot", 1)}) }) == nil {
		t.Error("a view writes")
	}
	if apps := appsOf(t, db); len(apps) != 0 {
		t.Errorf("apps are %v", apps)
	}
}

func TestCreateReplacesNothing(t *testing.T) {
	db := newDB(t, nil, map[string][]blob.ID{"a": {numbered("snapshot", 1)}})
	wantError(t, db.Create(), fs.ErrExist)
	if len(appsOf(t, db)) != 1 {
		t.Error("the database was replaced")
	}
	check(t, os.Remove(string(db)))
	check(t, os.Symlink("nowhere", string(db)))
	wantError(t, db.Create(), fs.ErrExist)
}

// Each handle is what another process would be: bbolt locks an open file.
func TestTransactionsOfManyWaitForEachOther(t *testing.T) {
	db := newDB(t, nil, map[string][]blob.ID{"count": {{}}})
	var wg sync.WaitGroup
	const writers, times = 4, 10
	for w := range writers {
		wg.Go(func() {
			for range times {
				if err := db.Update(addOne); err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
			}
		})
		wg.Go(func() {
			last := uint64(0)
			for range times {
				n, err := countOf(db)
				if err != nil || n < last {
					t.Errorf("reader %d: %d after %d: %v", w, n, last, err)
				}
				last = n
			}
		})
	}
	wg.Wait()
	if n, err := countOf(db); err != nil || n != writers*times {
		t.Errorf("%d updates counted, want %d: %v", n, writers*times, err)
	}
}

func addOne(tx *Tx) error {
	ids, err := tx.App("count")
	if err != nil {
		return err
	}
	binary.LittleEndian.PutUint64(ids[0][:], binary.LittleEndian.Uint64(ids[0][:])+1)
	return tx.PutApp("count", ids)
}

func countOf(db DB) (n uint64, err error) {
	err = db.View(func(tx *Tx) error {
		ids, err := tx.App("count")
		if err == nil {
			n = binary.LittleEndian.Uint64(ids[0][:])
		}
		return err
	})
	return n, err
}

// rewrite changes the database as only bbolt itself would.
func rewrite(t testing.TB, db DB, f func(tx *bbolt.Tx) error) {
	t.Helper()
	bolt, err := bbolt.Open(string(db), 0o600, nil)
	check(t, err)
	check(t, errors.Join(bolt.Update(f), bolt.Close()))
}

// wantVersion holds that db is of a newer version to reader and writer.
func wantVersion(t *testing.T, db DB) {
	t.Helper()
	for _, transact := range []func(func(*Tx) error) error{db.View, db.Update} {
		err := transact(func(*Tx) error {
			t.Error("the transaction begins")
			return nil
		})
		wantError(t, err, ErrVersion)
		wantError(t, err, blob.ErrVersion)
		if errors.Is(err, blob.ErrCorrupt) {
			t.Errorf("a newer version is damage: %v", err)
		}
	}
}

func TestNewerFormatIsNoDamage(t *testing.T) {
	for _, newer := range []string{"warmstore index 2", "warmstore index 10", "something else"} {
		db := newDB(t, nil, nil)
		rewrite(t, db, func(tx *bbolt.Tx) error { return put(tx.Bucket(bucketMeta), keyFormat, []byte(newer)) })
		wantVersion(t, db)
	}
}

// A newer format need not have the buckets of this one.
func TestNewerFormatWithOtherBucketsIsNoDamage(t *testing.T) {
	for _, bucket := range [][]byte{bucketPacks, bucketApps} {
		db := newDB(t, nil, nil)
		rewrite(t, db, func(tx *bbolt.Tx) error {
			err := put(tx.Bucket(bucketMeta), keyFormat, []byte("warmstore index 2"))
			return errors.Join(err, tx.DeleteBucket(bucket))
		})
		wantVersion(t, db)
	}
}
