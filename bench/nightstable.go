package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// nightsOf returns the nights of a peer on a workload, the first one first.
func (r *Result) nightsOf(workload, peer string) (all []Night) {
	for _, night := range r.Nights {
		if night.Workload == workload && night.Peer == peer {
			all = append(all, night)
		}
	}
	return all
}

// lastNight returns the number of the last night of a workload; 0 if it has none.
func (r *Result) lastNight(workload string) (last int) {
	for _, night := range r.Nights {
		if night.Workload == workload {
			last = max(last, night.Night)
		}
	}
	return last
}

// lastStore returns how many bytes a peer's store took after the last night; none
// if that does not count.
func (r *Result) lastStore(workload, peer string) (bytes int64, ok bool) {
	all := r.nightsOf(workload, peer)
	if len(all) == 0 || len(all) < r.lastNight(workload) || all[len(all)-1].Void != "" {
		return 0, false
	}
	return all[len(all)-1].Store, true
}

// shownNights returns the nights whose stores are shown, of so many.
func shownNights(last int) (shown []int) {
	for _, night := range []int{1, 7, 15, 30, 60} {
		if night < last {
			shown = append(shown, night)
		}
	}
	return append(shown, last)
}

// nightsTable writes what the nights of a workload took, if it has any.
func (r *Result) nightsTable(w *failing, workload string) {
	last := r.lastNight(workload)
	if last == 0 {
		return
	}
	w.printf("\n### %s, night after night\n\nThe volume is changed in %d nights, with a snapshot after each; the "+
		"newest %d are kept. Store: MB on disk after the night. Seconds are medians, with the most, and CPU seconds "+
		"and RSS MB are of snapshot and prune together. Prune also frees the space; of warmstore that is part "+
		"of the snapshot.\n\n", workload, last, r.Retain)
	if len(r.series(workload)) > 0 {
		w.printf("![%s: the store after each night](%s)\n\n", workload, nightsFile(workload))
	}
	w.printf("| peer |")
	for _, night := range shownNights(last) {
		w.printf(" night %d |", night)
	}
	w.printf(" × warmstore | snapshot | most | prune | most | CPU | sync | RSS | |\n|---|%s---|\n",
		strings.Repeat("--:|", len(shownNights(last))+8))
	for _, p := range r.Peers {
		if all := r.nightsOf(workload, p.Name); len(all) > 0 {
			w.printf("| %s |%s\n", p.Name, r.nightsLine(workload, all))
		}
	}
}

// nightsLine returns the rest of a peer's line.
func (r *Result) nightsLine(workload string, all []Night) string {
	var line strings.Builder
	last := r.lastNight(workload)
	for _, night := range shownNights(last) {
		line.WriteString(storeCell(all, night))
	}
	store, ok := r.lastStore(workload, all[0].Peer)
	ours, oursToo := r.lastStore(workload, "warmstore")
	if ok && oursToo {
		fmt.Fprintf(&line, " %.2f |", float64(store)/float64(ours))
	} else {
		line.WriteString(" |")
	}
	of := func(figure func(Night) float64) []float64 { return figures(all, figure) }
	snapshot := of(func(n Night) float64 { return n.Snapshot.Seconds })
	fmt.Fprintf(&line, " %.2f | %.2f |", median(snapshot), slices.Max(snapshot))
	if prune := of(func(n Night) float64 { return n.Prune.Seconds }); slices.Max(prune) > 0 {
		fmt.Fprintf(&line, " %.2f | %.2f |", median(prune), slices.Max(prune))
	} else {
		line.WriteString(" | |")
	}
	end := all[len(all)-1]
	fmt.Fprintf(&line, " %.2f | %.2f | %.0f | %s |",
		median(of(func(n Night) float64 { return n.Snapshot.CPU + n.Prune.CPU })),
		median(of(func(n Night) float64 { return n.SyncSeconds })),
		slices.Max(of(func(n Night) float64 { return float64(max(n.Snapshot.PeakRSS, n.Prune.PeakRSS)) / 1e6 })),
		cell(cmp.Or(end.Void, end.Note)))
	return line.String()
}

// storeCell returns the cell that says what the store took after a night.
func storeCell(all []Night, night int) string {
	i := slices.IndexFunc(all, func(n Night) bool { return n.Night == night })
	switch {
	case i < 0:
		return " |"
	case all[i].Void != "":
		return " void |"
	}
	return fmt.Sprintf(" %.1f |", float64(all[i].Store)/1e6)
}

// figures returns a figure of all nights.
func figures(all []Night, figure func(Night) float64) (values []float64) {
	for _, night := range all {
		values = append(values, figure(night))
	}
	return values
}
