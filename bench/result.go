package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// A Result is all that one run of bench found: the raw JSON.
type Result struct {
	Conditions
	Further   []Conditions    `json:"further,omitempty"` // of runs whose results are merged into this one
	Peers     []PeerFacts     `json:"peers"`
	Workloads []WorkloadFacts `json:"workloads"`
	Runs      []Run           `json:"runs"`
	Retain    int             `json:"retain,omitempty"` // snapshots that nights keep
	Nights    []Night         `json:"nights,omitempty"`
}

// Conditions are what a run was made under.
type Conditions struct {
	Commit   string    `json:"commit"` // of this checkout; +dirty if it has changes
	Started  time.Time `json:"started"`
	Machine  Machine   `json:"machine"`
	Scale    Scale     `json:"scale"`
	Rounds   int       `json:"rounds"`
	Caches   string    `json:"caches"`          // warm or cold
	FloorRSS int64     `json:"floor_rss_bytes"` // a peak RSS of no more than this may be less
}

// PeerFacts say what was run.
type PeerFacts struct {
	Name     string `json:"name"`
	Version  string `json:"version"`
	Settings string `json:"settings"`
}

// WorkloadFacts say what it was run on, as it is after the change.
type WorkloadFacts struct {
	Name         string `json:"name"`
	Files        int64  `json:"files"`
	Bytes        int64  `json:"bytes"`
	ChangedFiles int64  `json:"changed_files"` // by size, mode or mtime; what is gone is not counted
	ChangedBytes int64  `json:"changed_bytes"` // the whole length of those
}

// A Run is one step of one peer in one round.
type Run struct {
	Workload string `json:"workload"`
	Step     string `json:"step"`
	Peer     string `json:"peer"`
	Round    int    `json:"round"`
	Cost
	// SyncSeconds is how long it took afterwards until all was durable.
	SyncSeconds float64 `json:"sync_seconds"`
	// Growth is by how many bytes the store takes more disk, of a snapshot.
	Growth int64 `json:"growth_bytes"`
	// Void says why the figures do not count: the peer failed, or what it
	// restored is wrong.
	Void string `json:"void,omitempty"`
	Note string `json:"note,omitempty"`
}

// A Night is what one peer did in one night. All peers took the same state.
type Night struct {
	Workload string `json:"workload"`
	Peer     string `json:"peer"`
	Night    int    `json:"night"` // the first is 1
	Snapshot Cost   `json:"snapshot"`
	// Prune is dropping the snapshots that are not kept, and freeing their
	// space; of warmstore that is part of the snapshot.
	Prune Cost `json:"prune"`
	// SyncSeconds is how long it took afterwards until all was durable.
	SyncSeconds float64 `json:"sync_seconds"`
	// Store is how many bytes the store takes on disk at the end of the night.
	Store int64 `json:"store_bytes"`
	// Void says why this night does not count: the peer failed, which takes no
	// further part, or what it restored after the last night is wrong.
	Void string `json:"void,omitempty"`
	Note string `json:"note,omitempty"`
}

func newResult(ctx context.Context, b *bench) (r Result, err error) {
	r.Conditions = Conditions{
		Started: time.Now().UTC(), Scale: b.opts.scale, Rounds: b.opts.rounds, Caches: "warm",
	}
	if b.opts.nights > 0 {
		r.Retain = b.opts.retain
	}
	if b.opts.cold {
		r.Caches = "cold"
	}
	for _, p := range b.peers {
		version, err := p.Version(ctx)
		if err != nil {
			return r, fmt.Errorf("version of %s: %w", p.Name(), err)
		}
		r.Peers = append(r.Peers, PeerFacts{Name: p.Name(), Version: version, Settings: p.Settings()})
	}
	if r.Commit, err = commit(ctx); err != nil {
		return r, err
	}
	r.Machine, err = machine(ctx, b.scratch)
	return r, err
}

// write writes the raw numbers and the page that shows them into dir.
func (r *Result) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	floor, err := peakRSS()
	if err != nil {
		return err
	}
	r.FloorRSS = floor
	raw, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "results.json"), append(raw, '\n'), 0o644); err != nil {
		return err
	}
	return r.page(dir)
}

// page writes the page that shows the result into dir, which is made if it must be.
func (r *Result) page(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "table.md"))
	if err != nil {
		return err
	}
	return errors.Join(r.table(f), f.Close(), r.charts(dir))
}
