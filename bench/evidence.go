package main

import (
	"errors"
	"math"
)

// evidence is what a target is measured by: the runs of one workload, and of one
// step if the target is of one.
type evidence struct {
	*Result
	workload, step string
	seconds        func(Run) float64
}

// errVoid is warmstore's own failure, which misses every target.
var errVoid = errors.New("void")

// unknown is the figure of a target for which something was not run, or failed in
// a peer.
func unknown() (figure float64, against string, err error) { return math.NaN(), "", nil }

// ours returns warmstore's row of the step.
func (e evidence) ours() (ours row, ok bool, err error) {
	ours = e.row(e.workload, e.step, "warmstore")
	if ours.void != "" {
		return ours, false, errVoid
	}
	return ours, len(ours.runs) > 0, nil
}

// times returns the median over the rounds of how many times as long as b a took;
// not a number if either was not run, or failed.
func (e evidence) times(a, b row) float64 {
	if a.void != "" || b.void != "" || len(a.runs) == 0 || len(a.runs) != len(b.runs) {
		return math.NaN()
	}
	var ratios []float64
	for i := range a.runs {
		ratios = append(ratios, e.seconds(a.runs[i])/e.seconds(b.runs[i]))
	}
	return median(ratios)
}

// speedup measures how many times as long as warmstore the fastest of the peers
// takes.
func speedup(peers ...string) func(evidence) (float64, string, error) {
	return func(e evidence) (figure float64, against string, err error) {
		ours, ok, err := e.ours()
		if err != nil || !ok {
			return math.NaN(), "", err
		}
		figure = math.NaN()
		for _, peer := range peers {
			times := e.times(e.row(e.workload, e.step, peer), ours)
			if times < figure || math.IsNaN(figure) && !math.IsNaN(times) {
				figure, against = times, peer
			}
		}
		return figure, against, nil
	}
}

// growth measures by how much warmstore's store grows, of the least that the
// store of one of the peers does.
func growth(peers ...string) func(evidence) (float64, string, error) {
	grown := func(run Run) float64 { return float64(run.Growth) }
	return func(e evidence) (figure float64, against string, err error) {
		ours, ok, err := e.ours()
		if err != nil || !ok {
			return math.NaN(), "", err
		}
		least := math.Inf(1)
		for _, peer := range peers {
			row := e.row(e.workload, e.step, peer)
			if row.void != "" || len(row.runs) == 0 {
				continue
			}
			if bytes := median(row.of(grown)); bytes < least {
				least, against = bytes, peer
			}
		}
		if math.IsInf(least, 1) {
			return unknown()
		}
		return median(ours.of(grown)) / least, against, nil
	}
}

// ofLimit measures the seconds of the limit in percent of warmstore's.
func ofLimit(e evidence) (figure float64, against string, err error) {
	ours, ok, err := e.ours()
	if err != nil || !ok {
		return math.NaN(), "", err
	}
	return 100 * e.times(e.row(e.workload, e.step, limitVerb), ours), limitVerb, nil
}

// ofTwoWalks measures warmstore's seconds in parts of what it may take when
// nothing has changed: two of the limit's walks, and 30 ms.
func ofTwoWalks(e evidence) (figure float64, against string, err error) {
	const fixed = 0.030 // seconds
	allowed := e
	allowed.seconds = func(run Run) float64 {
		if run.Peer == limitVerb {
			return 2*e.seconds(run) + fixed
		}
		return e.seconds(run)
	}
	ours, ok, err := e.ours()
	if err != nil || !ok {
		return math.NaN(), "", err
	}
	return allowed.times(ours, e.row(e.workload, e.step, limitVerb)), limitVerb, nil
}

// peakMemory measures the most memory that warmstore had, in MB.
func peakMemory(e evidence) (figure float64, against string, err error) {
	figure = math.NaN()
	most := func(bytes int64) {
		if mb := float64(bytes) / 1e6; !(mb <= figure) { // not a number at first
			figure = mb
		}
	}
	for _, run := range e.Runs {
		if run.Workload == e.workload && run.Peer == "warmstore" && run.Void == "" {
			most(run.PeakRSS)
		}
	}
	for _, night := range e.nightsOf(e.workload, "warmstore") {
		if night.Void == "" {
			most(night.Snapshot.PeakRSS)
		}
	}
	return figure, "", nil
}

// lastStoreRatio measures what warmstore's store takes after the last night, of
// the least that a deduplicating peer's does.
func lastStoreRatio(e evidence) (figure float64, against string, err error) {
	if len(e.nightsOf(e.workload, "warmstore")) == 0 {
		return unknown()
	}
	ours, ok := e.lastStore(e.workload, "warmstore")
	if !ok {
		return 0, "", errVoid
	}
	var least int64
	for _, peer := range deduplicating {
		if bytes, ok := e.lastStore(e.workload, peer); ok && (against == "" || bytes < least) {
			least, against = bytes, peer
		}
	}
	if against == "" {
		return unknown()
	}
	return float64(ours) / float64(least), against, nil
}

// longestNight measures the most seconds that warmstore took in a night, in which
// it dropped a snapshot and collected garbage, too.
func longestNight(e evidence) (figure float64, against string, err error) {
	figure = math.NaN()
	for _, night := range e.nightsOf(e.workload, "warmstore") {
		seconds := night.Snapshot.Seconds + night.Prune.Seconds
		if night.Void == "" && !(seconds <= figure) { // not a number at first
			figure = seconds
		}
	}
	return figure, "", nil
}
