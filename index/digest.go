package index

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/warmstore/warmstore/internal/blob"
)

// A digest says which keys a database has: of the packs their number and the
// XOR of their IDs, of the apps the XOR of the checksums of all. It is stored
// with every change, because a damaged page of bbolt can hide keys without an
// error.
type digest struct {
	packs uint64
	ids   blob.ID
	apps  uint32
}

const digestSize = 8 + len(blob.ID{}) + 4

func (d *digest) togglePack(id blob.ID, n int) {
	d.packs += uint64(n)
	for i := range d.ids {
		d.ids[i] ^= id[i]
	}
}

// toggleApp takes the checked value of an app with its checksum; nil for none.
func (d *digest) toggleApp(stored []byte) {
	if n := len(stored) - checksumSize; n >= 0 {
		d.apps ^= binary.LittleEndian.Uint32(stored[n:])
	}
}

func (d *digest) encode() []byte {
	b := binary.LittleEndian.AppendUint64(nil, d.packs)
	b = append(b, d.ids[:]...)
	return binary.LittleEndian.AppendUint32(b, d.apps)
}

func readDigest(meta *bbolt.Bucket) (d digest, err error) {
	b, err := get(meta, keyDigest)
	if err != nil {
		return d, err
	}
	return decodeDigest(b)
}

func decodeDigest(b []byte) (d digest, err error) {
	if len(b) != digestSize {
		return d, fmt.Errorf("%w: digest of %d bytes", ErrCorrupt, len(b))
	}
	d.packs = binary.LittleEndian.Uint64(b)
	copy(d.ids[:], b[8:])
	d.apps = binary.LittleEndian.Uint32(b[8+len(d.ids):])
	return d, nil
}

// checkApps returns an error unless every app is there, undamaged. There are so
// few that every transaction begins with it.
func (tx *Tx) checkApps() error {
	seen := digest{}
	cursor := tx.apps.Cursor()
	for key, value := cursor.First(); key != nil; key, value = cursor.Next() {
		if _, err := checked(key, value); err != nil {
			return err
		}
		seen.toggleApp(value)
	}
	if seen.apps != tx.digest.apps {
		return fmt.Errorf("%w: an app is missing", ErrCorrupt)
	}
	return nil
}
