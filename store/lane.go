package store

import (
	"bytes"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/manifest"
	"github.com/warmstore/warmstore/internal/pack"
)

// A lane is what one worker needs to turn raw bytes into blobs. It belongs to
// one goroutine at a time.
type lane struct {
	coder  *pack.Coder
	stored []byte // a blob being encoded
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

// keep returns the piece that raw is, having stored the chunk if it is new.
// before is the chunk at this place of the file in the previous snapshot, or
// zero: if it is the same one, nothing has to be looked up.
func (run *session) keep(l *lane, raw []byte, before blob.ID) (manifest.Piece, error) {
	if isZero(raw) {
		return manifest.Piece{Length: int64(len(raw))}, nil
	}
	p := manifest.Piece{ID: blob.Sum(raw), Length: int64(len(raw))}
	if p.ID == before || !run.packs.claim(p.ID) {
		run.counters.reused.Add(1)
		return p, nil
	}
	return p, run.put(l, p.ID, raw)
}

// put stores a new chunk.
func (run *session) put(l *lane, id blob.ID, raw []byte) error {
	stored, codec, err := l.coder.Encode(l.stored, raw)
	if err != nil {
		return err
	}
	if codec != blob.Raw {
		l.stored = stored
	}
	run.counters.created.Add(1)
	run.counters.newRaw.Add(int64(len(raw)))
	run.counters.stored.Add(int64(len(stored)))
	return run.packs.add(blob.Entry{ID: id, Raw: uint32(len(raw)), Codec: codec}, stored)
}

// isZero reports whether all bytes of b, which is not empty, are zero.
func isZero(b []byte) bool {
	return b[0] == 0 && bytes.Equal(b[1:], b[:len(b)-1])
}
