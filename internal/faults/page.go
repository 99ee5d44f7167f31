package faults

import (
	"fmt"
	"slices"
	"strings"
)

// The text of the page that no figure changes.
const (
	promises = `# Reliability

Written by ` + "`make scorecard`" + `, which runs the real command under faults and publishes
what it finds, violations too. What a step is called is in [FORMAT.md](../FORMAT.md).

## What is promised

- A snapshot that was acknowledged, with exit code 0, survives kill -9, power loss,
  a full disk and failing system calls at any moment, whatever runs then.
- A command that did not come to its end has changed nothing, or has done all of its
  work, or says what is half done. Running it again works, without any recovery first.
- While a restore is unfinished no snapshot of these volumes is taken: what is half
  restored never becomes the last-good.
- What is damaged is reported and never restored: every byte is hashed before it
  gets a name in a volume.
- An error is no success: an exit code of 0 means that it is done, and durable.

## What is not promised

- The only copy of a chunk that the disk lost is lost, unless a live volume still has
  it. Keep another copy of what you cannot lose; warmstore is no backup.
- A disk that says that it has written what it has not can lose acknowledged
  snapshots. What it has lost is reported, not restored.
- Volumes that somebody writes to during a snapshot or a restore: see README.md.
- Who can write to the store as root can make it say anything.
`
	method = `## How it is measured

The command is the file that is built for release. A seccomp filter stops it before
each system call that changes something on disk; a *point* is one run with one fault
before one of them. The store and the volumes are on a file system of their own on a
loop device, made anew for each point.

- **kill**: SIGKILL instead of the call.
- **power**: the file system's shutdown without flushing its log instead of the call,
  then a new mount. Once as it is, and again with random subsets of the changed files
  written back before, and with names that were not made durable taken back.
- **EIO, ENOSPC**: the call fails, or it and all after it do. Where the command passes
  over the error and exits with 0, the power is cut after its end too.
- **snapshot meanwhile**: before the call, another process takes a snapshot that needs
  what is garbage to gc.

After each point everything is judged: the exit code, unfinished files, ` + "`check`" + ` of all
data, the last-good of two apps restored and compared with listings made by other
code, the volumes, the refusal of half restored ones, the same restore or repair run
again, and the next snapshot. A planted bug is a step that is left out or comes too
early, in a build with the tag ` + "`planted`" + `: it must be caught.
`
)

// Page is what is published.
func (c *Scorecard) Page() string {
	var b strings.Builder
	b.WriteString(promises)
	fmt.Fprintf(&b, "\n## The run\n\n| | |\n|---|---|\n")
	for _, line := range [][2]string{
		{"commit", c.Commit}, {"date", c.Date.Format("2006-01-02 15:04 MST")},
		{"kernel", c.Kernel}, {"processors", fmt.Sprint(c.CPUs)}, {"Go", c.Go},
		{"seeds of the contents", fmt.Sprint(c.seeds())},
		{"time", fmt.Sprintf("%.0f minutes", c.Seconds/60)}, {"command", "`" + c.Command + "`"},
	} {
		fmt.Fprintf(&b, "| %s | %s |\n", line[0], line[1])
	}
	if c.Stopped {
		b.WriteString("\nThe time was limited: this is a part of the plan, spread over all of its calls.\n")
	}
	c.totals(&b)
	c.scenarios(&b)
	c.planted(&b)
	b.WriteString("\n" + method)
	return b.String()
}

func (c *Scorecard) seeds() (seeds []uint64) {
	for _, s := range c.Sweeps {
		seeds = append(seeds, s.Seeds...)
	}
	slices.Sort(seeds)
	return slices.Compact(seeds)
}

// totals writes a line for each fault, and every violation.
func (c *Scorecard) totals(b *strings.Builder) {
	b.WriteString("\n## Faults\n\n| fault | points | of them acknowledged | violations |\n|---|--:|--:|--:|\n")
	var found []Violation
	for _, f := range AllFaults {
		points, violations := c.Points(f)
		acked := 0
		for _, s := range c.Sweeps {
			if s.Fault == f.Name {
				acked += s.Acked
				found = append(found, s.Violations...)
			}
		}
		fmt.Fprintf(b, "| %s | %d | %d | %d |\n", f.Name, points, acked, violations)
	}
	kinds := map[Kind]int{}
	for _, v := range found {
		kinds[v.Kind]++
	}
	fmt.Fprintf(b, "\nAcknowledged snapshots lost: %d. Wrong restores: %d. Exit 0 for what is not done: %d.\n",
		kinds[Lost], kinds[Wrong]+kinds[Mixture], kinds[Silent])
	fmt.Fprintf(b, "Next run does not work: %d. Other violations: %d.\n",
		kinds[Stuck], kinds[Code]+kinds[Litter])
	for _, v := range found {
		fmt.Fprintf(b, "\n- %s", strings.TrimSpace(v.String()))
	}
	if len(found) > 0 {
		b.WriteString("\n")
	}
}

// scenarios writes how many points each has.
func (c *Scorecard) scenarios(b *strings.Builder) {
	b.WriteString("\n## Points of each command\n\n| command | calls |")
	for _, f := range AllFaults {
		fmt.Fprintf(b, " %s |", f.Name)
	}
	b.WriteString("\n|---|--:|" + strings.Repeat("--:|", len(AllFaults)) + "\n")
	for _, s := range Scenarios {
		calls, points := 0, map[string]map[string]int{}
		for _, f := range c.Sweeps {
			if f.Scenario != s.Name {
				continue
			}
			calls = max(calls, f.Calls)
			if points[f.Fault] == nil {
				points[f.Fault] = map[string]int{}
			}
			points[f.Fault][f.Disk] += f.Points
		}
		fmt.Fprintf(b, "| %s | %d |", s.Name, calls)
		for _, f := range AllFaults {
			on := points[f.Name]
			switch {
			case on == nil:
				b.WriteString(" |")
			case on[XFS] == 0:
				fmt.Fprintf(b, " %d |", on[Ext4])
			default:
				fmt.Fprintf(b, " %d + %d |", on[Ext4], on[XFS])
			}
		}
		b.WriteString("\n")
	}
	b.WriteString("\nPoints on ext4, + points on XFS. Calls: those that change something, if nothing fails.\n")
}

// planted writes a line for each planted bug.
func (c *Scorecard) planted(b *strings.Builder) {
	fmt.Fprintf(b, "\n## Planted bugs: %d of %d caught\n\n", c.Caught(), len(c.Catches))
	b.WriteString("| what is broken | swept | on | caught as | after points |\n|---|---|---|---|--:|\n")
	for _, x := range c.Catches {
		as := "**not caught**"
		if x.Caught != nil {
			as = string(x.Caught.Kind)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %d |\n", x.Step, x.Sweep, x.Disk, as, x.Points)
	}
}
