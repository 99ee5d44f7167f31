package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A target is something that warmstore is meant to reach, as a figure in which
// the machine cancels out where it can. Either atLeast or atMost is set, or
// neither, if the figure is only to be stated.
type target struct {
	claim           string
	workloads       []string // empty: all
	step            string   // empty: not of a step
	measure         func(evidence) (figure float64, against string, err error)
	atLeast, atMost float64
	format          string // of the figure
	timed           bool   // the seconds until all is durable matter
}

// The peers that targets compare with.
var (
	deduplicating = []string{"restic", "kopia", "borg", "casync"}
	everyPeer     = append(slices.Clone(deduplicating), "tar", "tar+zstd", "cp", "rsync")
)

// targets returns all of them.
func targets() []target {
	const times, percent = "%.2f ×", "%.0f %%"
	keycloak := []string{"keycloak"}
	return []target{
		{claim: "first: as fast as the fastest deduplicating peer", step: "first", workloads: keycloak,
			measure: speedup(deduplicating...), atLeast: 1.8, format: times, timed: true},
		{claim: "first: store of the smallest deduplicating peer's", step: "first", workloads: keycloak,
			measure: growth(deduplicating...), atMost: 1.03, format: times},
		{claim: "changed: as fast as the fastest deduplicating peer", step: "changed", workloads: keycloak,
			measure: speedup(deduplicating...), atLeast: 3, format: times, timed: true},
		{claim: "changed: growth of the smallest deduplicating peer's", step: "changed", workloads: keycloak,
			measure: growth(deduplicating...), atMost: 0.5, format: times},
		{claim: "changed: growth of the smallest deduplicating peer's", step: "changed",
			workloads: []string{"pgbench"}, measure: growth(deduplicating...), atMost: 0.1, format: times},
		{claim: "touched: of the limit, which reads and hashes", step: "touched",
			measure: ofLimit, atLeast: 70, format: percent, timed: true},
		{claim: "unchanged: as fast as the fastest deduplicating peer", step: "unchanged",
			workloads: []string{"keycloak", "smallfiles"},
			measure:   speedup(deduplicating...), atLeast: 5, format: times, timed: true},
		{claim: "unchanged: of twice the limit, which stats, and 30 ms", step: "unchanged",
			measure: ofTwoWalks, atMost: 1, format: times, timed: true},
		{claim: "restore: as fast as the fastest peer, raw tar included", step: "restore",
			measure: speedup(everyPeer...), atLeast: 1, format: times, timed: true},
		{claim: "restore: of the limit, which copies", step: "restore",
			measure: ofLimit, atLeast: 60, format: percent, timed: true},
		{claim: "rollback: as fast as restic", step: "rollback", workloads: keycloak,
			measure: speedup("restic"), atLeast: 2.5, format: times, timed: true},
		{claim: "rollback: as fast as tar", step: "rollback", workloads: keycloak,
			measure: speedup("tar"), atLeast: 4, format: times, timed: true},
		{claim: "peak RSS of all steps and nights", measure: peakMemory, atMost: 150, format: "%.0f MB"},
		{claim: "nights: last store of the smallest deduplicating peer's",
			measure: lastStoreRatio, atMost: 0.5, format: times},
		{claim: "nights: the longest one, garbage collection included", measure: longestNight, format: "%.2f s"},
	}
}

// asked returns what the figure should be.
func (t target) asked() string {
	switch {
	case t.atLeast > 0:
		return "≥ " + fmt.Sprintf(t.format, t.atLeast)
	case t.atMost > 0:
		return "≤ " + fmt.Sprintf(t.format, t.atMost)
	}
	return ""
}

// verdict returns what a figure means.
func (t target) verdict(figure float64) string {
	switch {
	case t.atLeast == 0 && t.atMost == 0:
		return "stated"
	case figure >= t.atLeast && (t.atMost == 0 || figure <= t.atMost):
		return "met"
	}
	return "**missed**"
}

// An outcome is one target on one workload.
type outcome struct {
	target   target
	workload string
	against  string // the peer that was compared with
	figure   string
	synced   string // the figure, with the seconds until all was durable
	verdict  string
}

// outcomes returns all targets for which the run has what they compare.
func (r *Result) outcomes() (all []outcome) {
	for _, t := range targets() {
		for _, w := range r.Workloads {
			if len(t.workloads) > 0 && !slices.Contains(t.workloads, w.Name) {
				continue
			}
			if o, ok := r.outcome(t, w.Name); ok {
				all = append(all, o)
			}
		}
	}
	return all
}

// outcome returns what became of a target, unless the run cannot tell.
func (r *Result) outcome(t target, workload string) (o outcome, ok bool) {
	o = outcome{target: t, workload: workload}
	e := evidence{r, workload, t.step, seconds}
	figure, against, err := t.measure(e)
	switch {
	case err != nil:
		o.figure, o.verdict = err.Error(), "**missed**"
		return o, true
	case math.IsNaN(figure):
		return o, false
	}
	o.figure, o.against, o.verdict = fmt.Sprintf(t.format, figure), against, t.verdict(figure)
	if t.timed {
		e.seconds = func(run Run) float64 { return run.Seconds + run.SyncSeconds }
		figure, against, _ = t.measure(e) // has no other error
		if o.synced = fmt.Sprintf(t.format, figure); against != o.against {
			o.synced += " (" + against + ")"
		}
	}
	return o, true
}

// targetsTable writes what became of the targets.
func (r *Result) targetsTable(w *failing) {
	all := r.outcomes()
	if len(all) == 0 {
		return
	}
	missed := 0
	for _, o := range all {
		if strings.Contains(o.verdict, "missed") {
			missed++
		}
	}
	w.printf("\n## Targets\n\n%d of %d are missed. Seconds are those of the processes, with which the verdict is "+
		"made; *with sync* the same figure with the seconds until all was durable added on both sides. × are "+
		"medians of the rounds. Deduplicating peers are %s, as far as they were run.\n\n",
		missed, len(all), strings.Join(deduplicating, ", "))
	w.printf("| target | workload | asked | measured | with sync | against | |\n|---|---|--:|--:|--:|---|---|\n")
	for _, o := range all {
		w.printf("| %s | %s | %s | %s | %s | %s | %s |\n", o.target.claim, o.workload, o.target.asked(), cell(o.figure),
			o.synced, o.against, o.verdict)
	}
}
