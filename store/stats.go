package store

import "sync/atomic"

// Stats count what a snapshot read and stored, manifests included but for the
// bytes read.
type Stats struct {
	BytesRead    int64 // of files
	BytesNew     int64 // raw bytes of the chunks that were new
	BytesStored  int64 // what they take in packs
	ChunksNew    int64 // all of the new chunks
	ChunksReused int64
	ChunksDelta  int64 // of the new chunks
}

// counters are Stats that many goroutines add to.
type counters struct {
	read, newRaw, stored      atomic.Int64
	created, reused, asDeltas atomic.Int64
}

func (run *session) stats() Stats {
	c := &run.counters
	return Stats{
		BytesRead:    c.read.Load(),
		BytesNew:     c.newRaw.Load(),
		BytesStored:  c.stored.Load(),
		ChunksNew:    c.created.Load(),
		ChunksReused: c.reused.Load(),
		ChunksDelta:  c.asDeltas.Load(),
	}
}

// progress tells the caller what was done.
func (run *session) progress(files, bytes int64) {
	if run.opts.Progress != nil {
		run.opts.Progress(files, bytes)
	}
}
