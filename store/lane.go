package store

import (
	"bytes"
	"errors"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/pack"
)

// A lane is what one worker needs to turn raw bytes into blobs. It belongs to
// one goroutine at a time.
type lane struct {
	coder  *pack.Coder
	stored []byte // a blob being encoded
	xor    []byte // the same chunk as an XOR
	patch  []byte // and as a patch
	base   []byte // what that is against
	data   []byte // a span being read
}

func newLanes(n int) chan *lane {
	lanes := make(chan *lane, n)
	for range n {
		lanes <- newLane()
	}
	return lanes
}

func (run *session) lane() *lane { return <-run.lanes }

func (run *session) free(l *lane) { run.lanes <- l }

// buffer returns n bytes that belong to the lane.
func (l *lane) buffer(n int) []byte {
	if cap(l.data) < n {
		l.data = make([]byte, max(n, spanSize))
	}
	return l.data[:n]
}

// take returns n bytes that whoever is done with them gives back.
func (run *session) take(n int) []byte {
	select {
	case b := <-run.buffers:
		if cap(b) >= n {
			return b[:n]
		}
	default:
	}
	return make([]byte, n, max(n, spanSize))
}

func (run *session) give(b []byte) {
	select {
	case run.buffers <- b:
	default:
	}
}

func newLane() *lane { return &lane{coder: pack.NewCoder()} }

// keep stores the chunk that raw is if it is new; zeros are none. from is what it may
// have come from: if that is the same one, nothing has to be looked up. It reports
// whether the chunk was stored whole although there was one that it may have come
// from.
func (run *session) keep(l *lane, id blob.ID, raw []byte, from ancestor) (unlike bool, err error) {
	if id.IsZero() {
		return false, nil
	}
	if id == from.id || !run.packs.claim(id) {
		run.counters.reused.Add(1)
		return false, nil
	}
	return run.put(l, id, raw, from)
}

// put stores a new chunk: as a delta if that is clearly smaller. It reports whether
// it is not, though there was a base.
func (run *session) put(l *lane, id blob.ID, raw []byte, from ancestor) (unlike bool, err error) {
	entry := blob.Entry{ID: id, Raw: uint32(len(raw))}
	base, err := run.baseOf(l, from.id)
	if err != nil {
		return false, err
	}
	stored, err := l.encode(&entry, raw, base, from.aligned)
	if err != nil {
		return false, err
	}
	run.counters.created.Add(1)
	run.counters.newRaw.Add(int64(len(raw)))
	run.counters.stored.Add(int64(len(stored)))
	if entry.IsDelta() {
		run.counters.asDeltas.Add(1)
	}
	return !base.ID.IsZero() && !entry.IsDelta(), run.packs.add(entry, stored)
}

// baseOf returns the entry of the chunk that a delta against before is made
// from, with its raw bytes in the lane: before itself or, since a base is always
// stored whole, before's own base. It returns the zero entry if there is none.
// One that is damaged is none either.
func (run *session) baseOf(l *lane, before blob.ID) (blob.Entry, error) {
	last, ok := run.load.chunks.Find(before)
	if !ok {
		return blob.Entry{}, nil
	}
	if last.IsDelta() {
		before = last.Base
	}
	loc, err := run.load.base(before)
	if err == nil {
		l.base, err = run.load.at(l.base, loc)
	}
	if errors.Is(err, ErrCorrupt) {
		return blob.Entry{}, nil
	}
	return loc.Entry, err
}

// deltaShare is the part of a whole blob that a delta may take: for less gain
// its base is not kept alive.
const deltaShare = 2 // half

// encode returns the bytes to store for raw and completes the entry. base is
// the chunk in l.base, or zero. A whole blob is as long as that of the base,
// about, so that it need not be made if a delta is clearly smaller than that.
func (l *lane) encode(entry *blob.Entry, raw []byte, base blob.Entry, aligned bool) ([]byte, error) {
	l.stored, l.xor, l.patch = roomFor(l.stored, raw), roomFor(l.xor, raw), roomFor(l.patch, raw)
	delta, codec, err := l.difference(raw, base, aligned)
	if err != nil {
		return nil, err
	}
	if delta != nil && deltaShare*len(delta) <= int(base.Stored) {
		entry.Codec, entry.Base = codec, base.ID
		return delta, nil
	}
	whole, plain, err := l.coder.Encode(l.stored, raw)
	if err != nil {
		return nil, err
	}
	if delta != nil && deltaShare*len(delta) <= len(whole) {
		entry.Codec, entry.Base = codec, base.ID
		return delta, nil
	}
	entry.Codec = plain
	return whole, nil
}

// patchShare is the part of a base's blob beyond which an XOR is so large that bytes
// seem to have moved within the chunk, as where a database tidied up its pages.
const patchShare = 4 // a quarter

// difference returns raw as a delta against base, or nil. What is at the same
// offsets as in the base costs least as an XOR, and what has moved is found only by
// a patch.
func (l *lane) difference(raw []byte, base blob.Entry, aligned bool) (delta []byte, codec blob.Codec, err error) {
	limit := len(raw) / deltaShare
	switch {
	case base.ID.IsZero():
		return nil, 0, nil
	case aligned:
		delta, err = l.coder.EncodeXOR(l.xor, raw, l.base, limit)
		if err != nil || patchShare*len(delta) <= int(base.Stored) {
			return delta, blob.XOR, err
		}
		limit = len(delta) - 1
	}
	patch, err := l.coder.EncodePatch(l.patch, raw, l.base, limit)
	if err != nil || patch == nil {
		return delta, blob.XOR, err
	}
	return patch, blob.Patch, nil
}

// roomFor returns b with room for raw even if compression makes it longer.
func roomFor(b, raw []byte) []byte {
	if n := len(raw) + len(raw)/64 + 1024; cap(b) < n {
		return make([]byte, 0, n)
	}
	return b
}

// isZero reports whether all bytes of b, which is not empty, are zero.
func isZero(b []byte) bool {
	return b[0] == 0 && bytes.Equal(b[1:], b[:len(b)-1])
}
