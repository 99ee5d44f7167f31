package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
)

// show writes the page of results that earlier runs have written, as one.
func show(files []string, out string, stdout io.Writer) error {
	var all Result
	for i, file := range files {
		r, err := readResult(file)
		if err != nil {
			return err
		}
		if i == 0 {
			all = *r
		} else if err := all.merge(r); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	if err := all.page(out); err != nil {
		return err
	}
	return all.table(stdout)
}

func readResult(file string) (*Result, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	r := new(Result)
	if err := json.Unmarshal(raw, r); err != nil {
		return nil, fmt.Errorf("read results %s: %w", file, err)
	}
	return r, nil
}

// merge adds what another run found. Figures are only compared within a workload,
// so its steps must be of one run, and its nights, too.
func (r *Result) merge(other *Result) error {
	for _, facts := range other.Workloads {
		if r.hasSteps(facts.Name) && other.hasSteps(facts.Name) {
			return fmt.Errorf("the steps of %s are in two results", facts.Name)
		}
		if r.lastNight(facts.Name) > 0 && other.lastNight(facts.Name) > 0 {
			return fmt.Errorf("the nights of %s are in two results", facts.Name)
		}
		same := func(f WorkloadFacts) bool { return f.Name == facts.Name }
		if !slices.ContainsFunc(r.Workloads, same) {
			r.Workloads = append(r.Workloads, facts)
		}
	}
	if r.Retain > 0 && other.Retain > 0 && r.Retain != other.Retain {
		return fmt.Errorf("nights keep %d snapshots in one result, %d in another", r.Retain, other.Retain)
	}
	r.Retain = max(r.Retain, other.Retain)
	r.Further = append(append(r.Further, other.Conditions), other.Further...)
	r.FloorRSS = max(r.FloorRSS, other.FloorRSS)
	for _, p := range other.Peers {
		r.mergePeer(p)
	}
	r.Runs = append(r.Runs, other.Runs...)
	r.Nights = append(r.Nights, other.Nights...)
	return nil
}

// mergePeer adds a peer, or what differs of one that is there.
func (r *Result) mergePeer(p PeerFacts) {
	i := slices.IndexFunc(r.Peers, func(q PeerFacts) bool { return q.Name == p.Name })
	if i < 0 {
		r.Peers = append(r.Peers, p)
		return
	}
	if r.Peers[i].Version != p.Version {
		r.Peers[i].Version += "; " + p.Version
	}
	if r.Peers[i].Settings != p.Settings {
		r.Peers[i].Settings += "; or " + p.Settings
	}
}
