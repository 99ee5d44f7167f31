package restore

import (
	"sync/atomic"
	"time"
)

// counters are the numbers of a Report that many goroutines add to.
type counters struct {
	files, bytes, written, removed atomic.Int64
}

func (r *run) report(elapsed time.Duration) *Report {
	return &Report{
		Files:        r.count.files.Load(),
		Bytes:        r.count.bytes.Load(),
		BytesWritten: r.count.written.Load(),
		Removed:      r.count.removed.Load(),
		Elapsed:      elapsed,
	}
}

func (r *run) progress(files, bytes int64) {
	r.count.files.Add(files)
	r.count.bytes.Add(bytes)
	if r.opts.Progress != nil {
		r.opts.Progress(files, bytes)
	}
}
