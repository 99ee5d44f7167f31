package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A row is one step of one peer on one workload, over all rounds.
type row struct {
	runs []Run
	void string
}

func (r *Result) row(workload, step, peer string) (row row) {
	for _, run := range r.Runs {
		if run.Workload == workload && run.Step == step && run.Peer == peer {
			row.runs = append(row.runs, run)
			row.void = cmp.Or(row.void, run.Void)
		}
	}
	return row
}

// of returns a figure of all rounds.
func (r row) of(figure func(Run) float64) []float64 {
	var all []float64
	for _, run := range r.runs {
		all = append(all, figure(run))
	}
	return all
}

// against returns the ratio of seconds to those of another row, round by round.
func (r row) against(other row) []float64 {
	var all []float64
	for i, run := range r.runs {
		if i < len(other.runs) && other.runs[i].Seconds > 0 {
			all = append(all, run.Seconds/other.runs[i].Seconds)
		}
	}
	return all
}

func median(figures []float64) float64 {
	if len(figures) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(figures))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// table writes the result as Markdown.
func (r *Result) table(to io.Writer) error {
	w := &failing{to: to}
	w.printf("# Measured\n\n")
	for _, c := range append([]Conditions{r.Conditions}, r.Further...) {
		w.printf("Commit %s, %s, %s, %d cores, %s, %s, %s; load before: %s. Scale %s, %d rounds, caches %s.\n\n",
			c.Commit, c.Started.Format("2006-01-02 15:04 MST"), c.Machine.CPU, c.Machine.Cores, c.Machine.Kernel,
			c.Machine.FileSystem, c.Machine.Go, c.Machine.LoadBefore, c.Scale.Name, c.Rounds, c.Caches)
	}
	w.printf("Seconds are medians, with the least and the most. *Of limit*: the seconds of the limit in percent of " +
		"these. *× warmstore*: how many times as long as warmstore, by medians of rounds. *Sync*: seconds until " +
		"all was durable afterwards, which come on top. *CPU*: seconds of all cores. *Growth* is of the store on " +
		"disk, *written* what became dirty in the page cache, *RSS* the peak of the largest process ")
	w.printf("(where it is %d MB or less, it is no more than that). MB are 10⁶ bytes.\n", megabytes(r.FloorRSS))
	w.printf("\n*Touched*: all files have a new ctime and are else as they were. Peers that go by size and mtime, as " +
		"kopia and rsync do, need not read them, so in that step they do less than the others and the limit.\n")
	for _, facts := range r.Workloads {
		r.workloadTable(w, facts)
		r.nightsTable(w, facts.Name)
	}
	r.targetsTable(w)
	w.printf("\n## Peers\n\n| peer | version | used with |\n|---|---|---|\n")
	for _, p := range r.Peers {
		w.printf("| %s | %s | %s |\n", p.Name, cell(p.Version), cell(p.Settings))
	}
	return w.err
}

func (r *Result) workloadTable(w *failing, f WorkloadFacts) {
	w.printf("\n## %s\n\n%d files, %d MB; the change leaves %d files of %d MB with new stat data.\n\n",
		f.Name, f.Files, megabytes(f.Bytes), f.ChangedFiles, megabytes(f.ChangedBytes))
	if !r.hasSteps(f.Name) {
		return
	}
	w.printf("![%s: seconds of each step](%s)\n\n", f.Name, stepsFile(f.Name))
	w.printf("| step | peer | seconds | spread | of limit | × warmstore | CPU | sync |" +
		" growth MB | written MB | RSS MB | |\n" +
		"|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n")
	for _, step := range r.stepsOf(f.Name) {
		for _, p := range r.Peers {
			w.printf("%s\n", r.line(f.Name, step, p.Name))
		}
	}
}

// hasSteps reports whether the steps of a workload were run at all.
func (r *Result) hasSteps(workload string) bool { return len(r.stepsOf(workload)) > 0 }

// stepsOf returns the steps that were run on a workload. Earlier runs may not have
// had all that there are now.
func (r *Result) stepsOf(workload string) (ran []Step) {
	for _, step := range steps() {
		its := func(run Run) bool { return run.Workload == workload && run.Step == step.Name }
		if slices.ContainsFunc(r.Runs, its) {
			ran = append(ran, step)
		}
	}
	return ran
}

// line returns one line of the table.
func (r *Result) line(workload string, step Step, peer string) string {
	row := r.row(workload, step.Name, peer)
	if row.void != "" || len(row.runs) == 0 {
		return fmt.Sprintf("| %s | %s | void | | | | | | | | | %s |", step.Name, peer, cell(row.void))
	}
	seconds := row.of(func(run Run) float64 { return run.Seconds })
	growth := ""
	if step.restored == nil {
		growth = fmt.Sprintf("%.2f", median(row.of(func(run Run) float64 { return float64(run.Growth) / 1e6 })))
	}
	return fmt.Sprintf("| %s | %s | %.2f | %.2f–%.2f | %s | %s | %.2f | %.2f | %s | %.1f | %.0f | %s |",
		step.Name, peer, median(seconds), slices.Min(seconds), slices.Max(seconds),
		ratio(r.row(workload, step.Name, limitVerb).against(row), 100, "%.0f %%"),
		ratio(row.against(r.row(workload, step.Name, "warmstore")), 1, "%.2f"),
		median(row.of(func(run Run) float64 { return run.CPU })),
		median(row.of(func(run Run) float64 { return run.SyncSeconds })), growth,
		median(row.of(func(run Run) float64 { return float64(run.Written) / 1e6 })),
		slices.Max(row.of(func(run Run) float64 { return float64(run.PeakRSS) / 1e6 })), row.runs[0].Note)
}

// ratio formats the median of ratios; nothing if there are none.
func ratio(ratios []float64, times float64, format string) string {
	if len(ratios) == 0 {
		return ""
	}
	return fmt.Sprintf(format, median(ratios)*times)
}

func megabytes(bytes int64) int64 { return (bytes + 500_000) / 1_000_000 }

// cell makes a text fit into a cell of a table.
func cell(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(text, "|", `\|`)), " ")
}

// failing prints until printing fails.
type failing struct {
	to  io.Writer
	err error
}

func (w *failing) printf(format string, args ...any) {
	_, err := fmt.Fprintf(w.to, format, args...)
	w.err = errors.Join(w.err, err)
}
