package index

import (
	"bytes"
	"slices"
	"testing"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/mutate"
)

// What a value decodes to encodes to the same bytes, whatever kind it is taken
// for. The checksum would keep out whatever the fuzzer makes, so it is mended.
func FuzzValue(f *testing.F) {
	tail := tailOf(f, numbered("chunk", 1), numbered("chunk", 2))
	id := tail.ID()
	f.Add(id[:], tail.Bytes())
	f.Add([]byte("app"), id[:])
	f.Add([]byte("digest"), new(digest).encode())
	f.Fuzz(mutate.Often(func(t *testing.T, key, value []byte) {
		stored := sealed(key, value)
		if got, err := checked(key, stored); err != nil || !bytes.Equal(got, value) {
			t.Fatalf("key %q: checksum fails: %v", key, err)
		}
		p, err := packOf(key, stored)
		if err == nil && (!bytes.Equal(p.ID[:], key) || !bytes.Equal(p.Tail.Footer().AppendTail(nil), value)) {
			t.Errorf("pack %x decodes to another", key)
		}
		ids, err := snapshotsOf(string(key), value)
		if again := slices.Concat(raw(ids)...); err == nil && !bytes.Equal(again, value) {
			t.Errorf("snapshots %x decode to %x", value, again)
		}
		d, err := decodeDigest(value)
		if err == nil && !bytes.Equal(d.encode(), value) {
			t.Errorf("digest %x decodes to %x", value, d.encode())
		}
	}))
}

func raw(ids []blob.ID) (all [][]byte) {
	for _, id := range ids {
		all = append(all, id[:])
	}
	return all
}
