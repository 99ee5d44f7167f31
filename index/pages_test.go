package index

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/mutate"
)

// smallPage makes small files of many pages. bbolt takes any power of two.
const smallPage = 512 // bytes

// smallDB returns a database of branch pages, free pages and nested buckets.
func smallDB(f testing.TB) []byte {
	f.Helper()
	path := filepath.Join(f.TempDir(), "index.db")
	bolt, err := bbolt.Open(path, 0o600, &bbolt.Options{PageSize: smallPage, NoSync: true})
	check(f, err)
	check(f, bolt.Update(makeBuckets))
	for i := range 3 {
		check(f, bolt.Update(func(tx *bbolt.Tx) error {
			return within(tx, func(tx *Tx) error {
				for app := range 8 {
					err := tx.PutApp(fmt.Sprint(app), []blob.ID{numbered("snapshot", app), numbered("snapshot", i)})
					check(f, err)
				}
				return tx.PutPack(tailOf(f, numbered("chunk", i)))
			})
		}))
	}
	check(f, bolt.Close())
	b, err := os.ReadFile(path)
	check(f, err)
	pages := binary.LittleEndian.Uint64(b[pageHeader+40:])
	return b[:max(pages, binary.LittleEndian.Uint64(b[smallPage+pageHeader+40:]))*smallPage]
}

// bbolt goes by the newest meta page that it knows the magic and version of, so
// that page's tree is the one to check.
func TestPagesAreThoseThatBoltReads(t *testing.T) {
	whole := smallDB(t)
	for at := pageHeader; at < firstPages*smallPage; at += smallPage {
		b := bytes.Clone(whole)
		root := binary.LittleEndian.Uint64(b[at+16:])
		clear(b[root*smallPage:][:smallPage])
		other := (at + smallPage) % (firstPages * smallPage)
		b[other+4]++ // its version
		binary.LittleEndian.PutUint64(b[other+48:], 1<<40)
		if err := checkPages(bytes.NewReader(resealMeta(b)), int64(len(b)), smallPage); err == nil {
			t.Errorf("the tree of meta page %d is not checked", at/smallPage)
		}
	}
}

// A file that passes is one that bbolt can walk and write to. One that does not
// costs little to refuse. The checksums of the meta pages would keep out
// whatever the fuzzer makes of them, so they are mended; and so is the size of
// pages, which checkPages is told by bbolt.
func FuzzPages(f *testing.F) {
	whole := smallDB(f)
	f.Add(whole)
	f.Add(whole[:len(whole)/2])
	f.Add(make([]byte, 4*smallPage))
	fd, err := unix.MemfdCreate("index.db", unix.MFD_CLOEXEC)
	check(f, err)
	memory := os.NewFile(uintptr(fd), "index.db")
	f.Fuzz(mutate.Often(func(t *testing.T, b []byte) {
		b = resealMeta(bytes.Clone(b))
		file := &metered{Reader: bytes.NewReader(b)}
		err := checkPages(file, int64(len(b)), smallPage)
		if limit := 3*int64(len(b)) + 1<<10; file.asked > limit {
			t.Errorf("%d bytes are read of %d", file.asked, len(b))
		}
		if err != nil {
			wantError(t, err, ErrCorrupt)
			return
		}
		check(t, memory.Truncate(0))
		_, err = memory.WriteAt(b, 0)
		check(t, err)
		if err := useBolt(memory); err != nil {
			t.Error(err)
		}
	}))
}

func resealMeta(b []byte) []byte {
	for at := pageHeader; at+metaSize <= len(b) && at < firstPages*smallPage; at += smallPage {
		binary.LittleEndian.PutUint32(b[at+8:], smallPage)
		sum := fnv.New64a()
		sum.Write(b[at : at+metaSize-8])
		binary.LittleEndian.PutUint64(b[at+metaSize-8:], sum.Sum64())
	}
	return b
}

// metered counts what is asked of it, which is what its reader allocates.
type metered struct {
	*bytes.Reader
	asked int64
}

func (m *metered) ReadAt(b []byte, offset int64) (int, error) {
	m.asked += int64(len(b))
	return m.Reader.ReadAt(b, offset)
}

// useBolt lets bbolt read all of the file and write to it.
func useBolt(file *os.File) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("bbolt panics: %v", cause)
		}
	}()
	bolt, err := bbolt.Open("", 0, &bbolt.Options{
		NoSync: true, FreelistType: bbolt.FreelistMapType,
		OpenFile: func(string, int, os.FileMode) (*os.File, error) {
			fd, err := unix.Dup(int(file.Fd()))
			return os.NewFile(uintptr(fd), "index.db"), err
		},
	})
	if err != nil {
		return nil // it refuses what it checks itself: the meta pages
	}
	defer bolt.Close()
	return bolt.Update(func(tx *bbolt.Tx) error {
		err := tx.ForEach(func(name []byte, bucket *bbolt.Bucket) error {
			return bucket.ForEach(func(key, value []byte) error { return nil })
		})
		if err != nil {
			return err
		}
		bucket, err := tx.CreateBucketIfNotExists(bucketApps)
		if err != nil {
			return err
		}
		return bucket.Put([]byte("app"), make([]byte, smallPage))
	})
}
