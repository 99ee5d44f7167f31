package main

import (
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/store"
)

// A progress shows what a long command has done so far. Where nobody watches
// it does nothing.
type progress struct {
	bar   *progressbar.ProgressBar // nil: nobody watches
	files atomic.Int64
}

// newProgress starts a bar of so many bytes; of an unknown number if it is 0.
func newProgress(c *cli.Context, bytes int64) *progress {
	if c.Bool("quiet") || c.Bool("json") || !isTerminal(c.App.ErrWriter) {
		return new(progress)
	}
	if bytes == 0 {
		bytes = -1
	}
	return &progress{bar: progressbar.NewOptions64(bytes,
		progressbar.OptionSetWriter(c.App.ErrWriter),
		progressbar.OptionShowBytes(true),
		progressbar.OptionShowCount(),
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionSetWidth(20),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetDescription(c.Command.Name),
	)}
}

// add counts files and bytes that are done. Any goroutine may call it.
func (p *progress) add(files, bytes int64) {
	if p.bar == nil {
		return
	}
	if n := p.files.Add(files); n%64 == 0 && files > 0 {
		p.bar.Describe(plural(n, "file"))
	}
	if bytes > 0 {
		p.bar.Add64(bytes)
	}
}

// set says that so many of total bytes are done.
func (p *progress) set(done, total int64) {
	if p.bar == nil {
		return
	}
	if p.bar.GetMax64() != total {
		p.bar.ChangeMax64(total)
	}
	p.bar.Set64(done)
}

// storedBytes guesses how much there is to read of a store, for the time left.
func storedBytes(s *store.Store) int64 {
	c, err := s.Capacity()
	if err != nil {
		return 0
	}
	return c.Stored
}

// finish takes the bar away.
func (p *progress) finish() {
	if p.bar != nil {
		p.bar.Finish()
	}
}
