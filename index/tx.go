package index

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"iter"
	"slices"

	"go.etcd.io/bbolt"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/pack"
)

// The buckets, and the keys of bucket meta.
var (
	bucketMeta  = []byte("meta")
	bucketPacks = []byte("packs")
	bucketApps  = []byte("apps")
	keyFormat   = []byte("format")
	keyDigest   = []byte("digest")
	keyLive     = []byte("live")
)

// format is the value of key "format". It is written in the transaction that
// makes the buckets: a database without it was never finished.
const format = "warmstore index 1"

const (
	idSize       = len(blob.ID{})
	checksumSize = 4 // a CRC-32C of key and value ends every value
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A Tx is one transaction on the database. It ends with the call it was
// passed to. It is not safe for concurrent use.
type Tx struct {
	meta, packs, apps *bbolt.Bucket

	digest digest // of what the transaction sees
}

func makeBuckets(tx *bbolt.Tx) error {
	for _, name := range [][]byte{bucketMeta, bucketPacks, bucketApps} {
		if _, err := tx.CreateBucket(name); err != nil {
			return err
		}
	}
	if err := put(tx.Bucket(bucketMeta), keyDigest, new(digest).encode()); err != nil {
		return err
	}
	if err := (&Tx{meta: tx.Bucket(bucketMeta)}).PutLive(0); err != nil {
		return err
	}
	return put(tx.Bucket(bucketMeta), keyFormat, []byte(format))
}

// within checks that tx is on a finished database of this version and calls f.
func within(tx *bbolt.Tx, f func(*Tx) error) error {
	t := &Tx{meta: tx.Bucket(bucketMeta), packs: tx.Bucket(bucketPacks), apps: tx.Bucket(bucketApps)}
	if t.meta == nil {
		return fmt.Errorf("%w: it was not finished", ErrCorrupt)
	}
	value, err := get(t.meta, keyFormat)
	switch {
	case err != nil:
		return err
	case value == nil:
		return fmt.Errorf("%w: it was not finished", ErrCorrupt)
	case string(value) != format:
		return fmt.Errorf("%w: %q", ErrVersion, value)
	case t.packs == nil || t.apps == nil:
		return fmt.Errorf("%w: a bucket is missing", ErrCorrupt)
	}
	if t.digest, err = readDigest(t.meta); err != nil {
		return err
	}
	if err := t.checkApps(); err != nil {
		return err
	}
	return f(t)
}

// PutPack records that the pack with this tail is complete and durable.
func (tx *Tx) PutPack(tail pack.Tail) error {
	id := tail.ID()
	if tx.packs.Get(id[:]) == nil {
		tx.digest.togglePack(id, 1)
	}
	if err := put(tx.packs, id[:], tail.Bytes()); err != nil {
		return err
	}
	return put(tx.meta, keyDigest, tx.digest.encode())
}

// DropPack removes the record of a pack; no record is no error.
func (tx *Tx) DropPack(id blob.ID) error {
	if tx.packs.Get(id[:]) == nil {
		return nil
	}
	tx.digest.togglePack(id, -1)
	if err := tx.packs.Delete(id[:]); err != nil {
		return err
	}
	return put(tx.meta, keyDigest, tx.digest.encode())
}

// A Pack is one pack of the index.
type Pack struct {
	ID   blob.ID
	Tail pack.Tail // of a transaction: valid until that ends
}

// Packs yields every recorded pack by ascending ID. After a damaged record,
// which is yielded with its error, it goes on; a missing one is an error at the
// end.
func (tx *Tx) Packs() iter.Seq2[Pack, error] {
	return func(yield func(Pack, error) bool) {
		seen := digest{apps: tx.digest.apps}
		cursor := tx.packs.Cursor()
		for key, value := cursor.First(); key != nil; key, value = cursor.Next() {
			p, err := packOf(key, value)
			seen.togglePack(p.ID, 1)
			if !yield(p, err) {
				return
			}
		}
		if seen != tx.digest {
			yield(Pack{}, fmt.Errorf("%w: of %d packs it shows %d", ErrCorrupt, tx.digest.packs, seen.packs))
		}
	}
}

func packOf(key, value []byte) (Pack, error) {
	if len(key) != idSize {
		return Pack{}, fmt.Errorf("%w: pack key of %d bytes", ErrCorrupt, len(key))
	}
	p := Pack{ID: blob.ID(key)}
	value, err := checked(key, value)
	if err != nil {
		return p, err
	}
	if p.Tail, err = pack.ParseTail(value); err != nil {
		return p, fmt.Errorf("%w: pack %s: %w", ErrCorrupt, p.ID.Short(), err)
	}
	return p, nil
}

// PutApp records the snapshots of an app, oldest first: the last one is its
// last-good. An empty list removes the app.
func (tx *Tx) PutApp(app string, snapshots []blob.ID) error {
	key := []byte(app)
	tx.digest.toggleApp(tx.apps.Get(key))
	if err := tx.putApp(key, snapshots); err != nil {
		return err
	}
	tx.digest.toggleApp(tx.apps.Get(key))
	return put(tx.meta, keyDigest, tx.digest.encode())
}

func (tx *Tx) putApp(key []byte, snapshots []blob.ID) error {
	if len(snapshots) == 0 {
		return tx.apps.Delete(key)
	}
	value := make([]byte, 0, len(snapshots)*idSize)
	for _, id := range snapshots {
		value = append(value, id[:]...)
	}
	return put(tx.apps, key, value)
}

// App returns the snapshots of an app, oldest first; none for an unknown app.
func (tx *Tx) App(app string) ([]blob.ID, error) {
	value, err := get(tx.apps, []byte(app))
	if err != nil || value == nil {
		return nil, err
	}
	return snapshotsOf(app, value)
}

// Apps yields every app with its snapshots, by ascending name.
func (tx *Tx) Apps() iter.Seq2[App, error] {
	return func(yield func(App, error) bool) {
		cursor := tx.apps.Cursor()
		for key, value := cursor.First(); key != nil; key, value = cursor.Next() {
			app := App{Name: string(key)}
			value, err := checked(key, value)
			if err == nil {
				app.Snapshots, err = snapshotsOf(app.Name, value)
			}
			if !yield(app, err) {
				return
			}
		}
	}
}

// An App is one app of the index.
type App struct {
	Name      string
	Snapshots []blob.ID // oldest first, at least one
}

func snapshotsOf(app string, value []byte) ([]blob.ID, error) {
	if len(value) == 0 || len(value)%idSize != 0 {
		return nil, fmt.Errorf("%w: app %q: list of %d bytes", ErrCorrupt, app, len(value))
	}
	var ids []blob.ID
	for part := range slices.Chunk(value, idSize) {
		ids = append(ids, blob.ID(part))
	}
	return ids, nil
}

// put stores value with its checksum.
func put(bucket *bbolt.Bucket, key, value []byte) error {
	return bucket.Put(key, sealed(key, value))
}

// sealed returns a copy of value with its checksum.
func sealed(key, value []byte) []byte {
	return binary.LittleEndian.AppendUint32(bytes.Clone(value), checksum(key, value))
}

// get returns the value of key without its checksum, nil if there is none.
func get(bucket *bbolt.Bucket, key []byte) ([]byte, error) {
	value := bucket.Get(key)
	if value == nil {
		return nil, nil
	}
	return checked(key, value)
}

// checked returns value without the checksum that ends it. bbolt checks only
// its meta pages: a flipped bit elsewhere would be a wrong answer.
func checked(key, value []byte) ([]byte, error) {
	n := len(value) - checksumSize
	if n < 0 || binary.LittleEndian.Uint32(value[n:]) != checksum(key, value[:n]) {
		return nil, fmt.Errorf("%w: checksum of key %q", ErrCorrupt, key)
	}
	return value[:n:n], nil
}

func checksum(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}

// PutLive records how many stored bytes were live when that was last counted.
func (tx *Tx) PutLive(bytes int64) error {
	return put(tx.meta, keyLive, binary.LittleEndian.AppendUint64(nil, uint64(bytes)))
}

// Live returns what PutLive recorded; 0 if nothing was.
func (tx *Tx) Live() (int64, error) {
	value, err := get(tx.meta, keyLive)
	if err != nil {
		return 0, err
	}
	if len(value) != 8 {
		return 0, fmt.Errorf("%w: %d bytes say what is live", ErrCorrupt, len(value))
	}
	return int64(binary.LittleEndian.Uint64(value)), nil
}
