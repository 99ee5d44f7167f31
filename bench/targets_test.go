package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
)

// synthetic returns a result of one round in which warmstore takes a second, and
// others as many as are given, for each step. What is not given was not run.
func synthetic(workload string, steps map[string]map[string]float64) *Result {
	r := &Result{Workloads: []WorkloadFacts{{Name: workload, Files: 1, Bytes: 1e6}}}
	r.Rounds = 1
	for _, name := range []string{limitVerb, "warmstore", "restic", "borg", "tar"} {
		r.Peers = append(r.Peers, PeerFacts{Name: name})
	}
	for step, peers := range steps {
		for peer, seconds := range peers {
			r.Runs = append(r.Runs, synthRun(workload, step, peer, seconds))
		}
		r.Runs = append(r.Runs, synthRun(workload, step, "warmstore", 1))
	}
	return r
}

// synthRun returns a run; a store grows by 1 MB a second.
func synthRun(workload, step, peer string, seconds float64) Run {
	return Run{
		Workload: workload, Step: step, Peer: peer, Round: 1,
		Cost: Cost{Seconds: seconds, PeakRSS: 100e6}, Growth: int64(seconds * 1e6),
	}
}

// synthNight returns a night of a peer.
func synthNight(workload, peer string, number int, seconds float64, store int64) Night {
	return Night{
		Workload: workload, Peer: peer, Night: number, Store: store, Snapshot: Cost{Seconds: seconds, PeakRSS: 160e6},
	}
}

// verdicts returns the outcomes as text, by what they are of.
func verdicts(r *Result) map[string]string {
	all := map[string]string{}
	for _, o := range r.outcomes() {
		name, _, _ := strings.Cut(o.target.claim, " ")
		key := strings.TrimSuffix(name, ":") + " " + o.target.asked()
		all[strings.TrimSpace(key)] = fmt.Sprintf("%s %s %s", o.figure, o.against, strings.Trim(o.verdict, "*"))
	}
	return all
}

// TestTargets holds what comes of figures that are known, on both sides of what is
// asked, and which peer is compared with.
func TestTargets(t *testing.T) {
	r := synthetic("keycloak", map[string]map[string]float64{
		"first":     {"restic": 4, "borg": 1.5, "tar": 0.5},
		"unchanged": {limitVerb: 0.5, "restic": 6, "borg": 5},
		"changed":   {limitVerb: 0.01, "restic": 3, "borg": 4},
		"touched":   {limitVerb: 0.75},
		"restore":   {limitVerb: 0.59, "restic": 3, "tar": 1.01},
		"rollback":  {"restic": 2.49, "tar": 4},
	})
	for night := 1; night <= 3; night++ {
		r.Nights = append(r.Nights, synthNight("keycloak", "warmstore", night, float64(night), 50),
			synthNight("keycloak", "restic", night, 1, 100), synthNight("keycloak", "borg", night, 1, 110))
	}
	want := map[string]string{
		"first ≥ 1.80 ×": "1.50 × borg missed", "first ≤ 1.03 ×": "0.67 × borg met",
		"changed ≥ 3.00 ×": "3.00 × restic met", "changed ≤ 0.50 ×": "0.33 × restic met",
		"touched ≥ 70 %":     "75 % limit met",
		"unchanged ≥ 5.00 ×": "5.00 × borg met", "unchanged ≤ 1.00 ×": "0.97 × limit met",
		"restore ≥ 1.00 ×": "1.01 × tar met", "restore ≥ 60 %": "59 % limit missed",
		"rollback ≥ 2.50 ×": "2.49 × restic missed", "rollback ≥ 4.00 ×": "4.00 × tar met",
		"peak ≤ 150 MB": "160 MB  missed", "nights ≤ 0.50 ×": "0.50 × restic met", "nights": "3.00 s  stated",
	}
	got := verdicts(r)
	for key, outcome := range want {
		if got[key] != outcome {
			t.Errorf("%s: got %q, want %q", key, got[key], outcome)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d outcomes, want %d: %v", len(got), len(want), got)
	}
}

// TestTargetsOfParts shows that only what was run is judged, that a peer that
// failed is not compared with, and that warmstore's failure misses.
func TestTargetsOfParts(t *testing.T) {
	r := synthetic("smallfiles", map[string]map[string]float64{
		"first": {"restic": 1}, "unchanged": {"restic": 2, "borg": 9}, "restore": {"tar": 2},
	})
	for i := range r.Runs {
		switch run := &r.Runs[i]; {
		case run.Step == "unchanged" && run.Peer == "restic", run.Step == "restore" && run.Peer == "warmstore":
			run.Void = "failed"
		}
	}
	got := verdicts(r)
	for key, outcome := range map[string]string{
		"unchanged ≥ 5.00 ×": "9.00 × borg met", "restore ≥ 1.00 ×": "void  missed", "restore ≥ 60 %": "void  missed",
		"peak ≤ 150 MB": "100 MB  met",
	} {
		if got[key] != outcome {
			t.Errorf("%s: got %q, want %q", key, got[key], outcome)
		}
	}
	if len(got) != 4 {
		t.Errorf("outcomes are %v", got)
	}
}

// TestTargetsWithSync shows that syncing counts only in the figure with sync, where
// another peer may be the fastest.
func TestTargetsWithSync(t *testing.T) {
	r := synthetic("log", map[string]map[string]float64{"restore": {"tar": 0.5, "restic": 2}})
	for i := range r.Runs {
		if r.Runs[i].Peer == "tar" {
			r.Runs[i].SyncSeconds = 3
		}
	}
	o, ok := r.outcome(targets()[8], "log")
	if !ok || o.figure != "0.50 ×" || o.against != "tar" || o.synced != "2.00 × (restic)" || o.verdict != "**missed**" {
		t.Errorf("the outcome is %+v", o)
	}
}

// TestMerge shows that results of different workloads, or of steps and nights of
// one, are shown as one, and that others are refused.
func TestMerge(t *testing.T) {
	steps := map[string]map[string]float64{"first": {"restic": 2}}
	r, other := synthetic("keycloak", steps), synthetic("log", steps)
	r.Commit, other.Commit = "abc", "def"
	other.Peers = append(other.Peers[:2], PeerFacts{Name: "restic", Version: "2"}, PeerFacts{Name: "cp"})
	if err := r.merge(other); err != nil {
		t.Fatal(err)
	}
	nights := &Result{Workloads: r.Workloads[:1], Retain: 2}
	nights.Nights = []Night{synthNight("keycloak", "warmstore", 1, 1, 5e6)}
	if err := r.merge(nights); err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := r.table(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Commit abc,", "Commit def,", "\n## keycloak\n", "\n### keycloak, night", "\n## log\n",
		"\n| restic | ; 2 |", "\n| cp | ",
	} {
		if n := strings.Count(table.String(), want); n != 1 {
			t.Errorf("%q is there %d times", want, n)
		}
	}
	if strings.Contains(table.String(), "\n| restore |") {
		t.Error("a step that was not run is there")
	}
	for name, again := range map[string]*Result{"steps": synthetic("log", steps), "nights": nights} {
		if err := r.merge(again); err == nil {
			t.Errorf("the same %s are accepted again", name)
		}
	}
	if err := show([]string{"/nonexistent"}, t.TempDir(), io.Discard); err == nil {
		t.Error("no results are accepted")
	}
}

// TestSpread shows that names keep their distance and stay inside where they fit.
func TestSpread(t *testing.T) {
	for _, values := range [][]float64{{1, 1, 1, 1}, {99, 99, 99.5, 100}, {1, 50, 50, 100}} {
		places := spread(values, 1, 100, 1.5)
		for i, place := range places {
			if place < 1 || place > 100+1e-9 || i > 0 && place < places[i-1]*1.5-1e-9 || math.IsNaN(place) {
				t.Errorf("%v become %v", values, places)
			}
		}
	}
}
