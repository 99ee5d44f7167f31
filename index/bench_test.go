package index

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/pack"
)

const (
	benchPacks   = 1000
	benchPerPack = 1000 // a pack of 64 MiB, of chunks of 64 KiB
	benchAdded   = 10   // packs that a commit adds
)

// benchDB is a database of a million chunks, and their IDs.
func benchDB(b *testing.B) (DB, []blob.ID) {
	b.Helper()
	rng := newRand()
	var ids []blob.ID
	var tails []pack.Tail
	for range benchPacks {
		tails = append(tails, benchTail(b, rng, &ids))
	}
	return newDB(b, tails, nil), ids
}

func benchTail(b *testing.B, rng *rand.Rand, ids *[]blob.ID) pack.Tail {
	b.Helper()
	start := len(*ids)
	for range benchPerPack {
		*ids = append(*ids, randomID(rng))
	}
	return tailOf(b, (*ids)[start:]...)
}

func BenchmarkLoad(b *testing.B) {
	db, _ := benchDB(b)
	info, err := os.Stat(string(db))
	check(b, err)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var c *Chunks
	for b.Loop() {
		c = loadChunks(b, db)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(info.Size())/benchPacks/benchPerPack, "file-B/chunk")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(c.Len()), "heap-B/chunk")
	runtime.KeepAlive(c)
}

func BenchmarkFind(b *testing.B) {
	db, ids := benchDB(b)
	c, rng := loadChunks(b, db), newRand()
	rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	b.Run("hit", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, ok := c.Find(ids[i%len(ids)]); !ok {
				b.Fatal("not found")
			}
		}
	})
	b.Run("miss", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			id := ids[i%len(ids)]
			id[5] ^= 1
			if _, ok := c.Find(id); ok {
				b.Fatal("found")
			}
		}
	})
}

func BenchmarkCommit10kInto1M(b *testing.B) {
	db, ids := benchDB(b)
	rng := newRand()
	for b.Loop() {
		var tails []pack.Tail
		b.StopTimer()
		for range benchAdded {
			tails = append(tails, benchTail(b, rng, &ids))
		}
		b.StartTimer()
		check(b, db.Update(func(tx *Tx) error {
			for _, tail := range tails {
				if err := tx.PutPack(tail); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

// What the index would be with a key for each chunk: 60 bytes of location and
// checksum under its ID.
var bucketChunks = []byte("chunks")

func putEach(bolt *bbolt.DB, ids []blob.ID, isSorted bool) error {
	if isSorted {
		ids = slices.SortedFunc(slices.Values(ids), blob.ID.Compare)
	}
	return bolt.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists(bucketChunks)
		if err != nil {
			return err
		}
		value := make([]byte, 60)
		for _, id := range ids {
			if err := put(bucket, id[:], value[:56]); err != nil {
				return err
			}
		}
		return nil
	})
}

// perChunk is the database of a million chunks with a key for each.
func perChunk(b *testing.B) (path string, ids []blob.ID) {
	b.Helper()
	rng := newRand()
	for range benchPacks * benchPerPack {
		ids = append(ids, randomID(rng))
	}
	path = filepath.Join(b.TempDir(), "chunks.db")
	bolt, err := bbolt.Open(path, 0o600, nil)
	check(b, err)
	check(b, errors.Join(putEach(bolt, ids, true), bolt.Close()))
	return path, ids
}

func BenchmarkPerChunkFind(b *testing.B) {
	path, ids := perChunk(b)
	newRand().Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	info, err := os.Stat(path)
	check(b, err)
	bolt, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	check(b, err)
	defer bolt.Close()
	for _, hit := range []bool{true, false} {
		b.Run(map[bool]string{true: "hit", false: "miss"}[hit], func(b *testing.B) {
			check(b, bolt.View(func(tx *bbolt.Tx) error {
				bucket := tx.Bucket(bucketChunks)
				for i := 0; b.Loop(); i++ {
					id := ids[i%len(ids)]
					if !hit {
						id[5] ^= 1
					}
					if value, err := get(bucket, id[:]); err != nil || (value != nil) != hit {
						return fmt.Errorf("%s: %w", id, err)
					}
				}
				return nil
			}))
			b.ReportMetric(float64(info.Size())/benchPacks/benchPerPack, "file-B/chunk")
		})
	}
}

// Opening is part of the commit, as it is of the index's.
func BenchmarkPerChunkCommit10kInto1M(b *testing.B) {
	path, _ := perChunk(b)
	rng := newRand()
	for b.Loop() {
		b.StopTimer()
		var ids []blob.ID
		for range benchAdded * benchPerPack {
			ids = append(ids, randomID(rng))
		}
		b.StartTimer()
		bolt, err := bbolt.Open(path, 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
		check(b, err)
		check(b, errors.Join(putEach(bolt, ids, true), bolt.Close()))
	}
}
