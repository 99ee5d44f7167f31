package faults

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Scorecard is everything that a plan found, as it is published.
type Scorecard struct {
	Date    time.Time  `json:"date"`
	Commit  string     `json:"commit"`
	Kernel  string     `json:"kernel"`
	Go      string     `json:"go"`
	CPUs    int        `json:"cpus"`
	Sweeps  []*Figures `json:"sweeps"`
	Catches []Catch    `json:"planted"`
	Seconds float64    `json:"seconds"`
	Command string     `json:"command"` // that it was made with
	Stopped bool       `json:"stopped"` // the time did not suffice for the plan
}

// NewScorecard begins an empty one.
func NewScorecard() *Scorecard {
	var name unix.Utsname
	kernel := "unknown"
	if unix.Uname(&name) == nil {
		kernel = unix.ByteSliceToString(name.Release[:])
	}
	return &Scorecard{
		Date: time.Now().UTC().Truncate(time.Second), Commit: commit(), Kernel: kernel,
		Go: runtime.Version(), CPUs: runtime.NumCPU(),
	}
}

// commit names the commit that the working directory is at.
func commit() string {
	id, err := tool("git", "rev-parse", "--short=12", "HEAD")
	if err != nil {
		return "unknown"
	}
	id = strings.TrimSpace(id)
	if changed, err := tool("git", "status", "--porcelain", "--", ":/*.go"); err != nil || changed != "" {
		id += " and changes that were not committed"
	}
	return id
}

// Add adds the figures of a sweep to those of the same one with other seeds.
func (c *Scorecard) Add(f *Figures) {
	for _, s := range c.Sweeps {
		if s.Scenario == f.Scenario && s.Fault == f.Fault && s.Disk == f.Disk {
			s.Calls = max(s.Calls, f.Calls)
			s.Points += f.Points
			s.Passed += f.Passed
			s.Acked += f.Acked
			s.Violations = append(s.Violations, f.Violations...)
			s.Seeds = slices.Compact(slices.Sorted(slices.Values(append(s.Seeds, f.Seeds...))))
			s.Seconds += f.Seconds
			return
		}
	}
	c.Sweeps = append(c.Sweeps, f)
}

// Points adds up the points of a fault.
func (c *Scorecard) Points(f Fault) (points, violations int) {
	for _, s := range c.Sweeps {
		if s.Fault == f.Name {
			points += s.Points
			violations += len(s.Violations)
		}
	}
	return points, violations
}

// Caught counts the planted bugs that were caught, each on each disk.
func (c *Scorecard) Caught() (caught int) {
	for _, x := range c.Catches {
		if x.Caught != nil {
			caught++
		}
	}
	return caught
}

// String is a line for each fault, and one for the planted bugs.
func (c *Scorecard) String() string {
	text := ""
	for _, f := range AllFaults {
		points, violations := c.Points(f)
		text += fmt.Sprintf("%-20s %6d points %3d violations\n", f.Name, points, violations)
	}
	return text + fmt.Sprintf("planted bugs: %d of %d caught\nin %.0f s", c.Caught(), len(c.Catches), c.Seconds)
}

// Write writes it as JSON to a file.
func (c *Scorecard) Write(path string) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err == nil {
		err = os.WriteFile(path, append(b, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("write scorecard: %w", err)
	}
	return nil
}

// ReadScorecard reads what Write wrote.
func ReadScorecard(path string) (*Scorecard, error) {
	b, err := os.ReadFile(path)
	c := new(Scorecard)
	if err == nil {
		err = json.Unmarshal(b, c)
	}
	if err != nil {
		return nil, fmt.Errorf("read scorecard: %w", err)
	}
	return c, nil
}
