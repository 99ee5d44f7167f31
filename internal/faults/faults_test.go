package faults

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The environment decides how much is done, and where the figures go.
const (
	sizeVariable = "WARMSTORE_FAULTS"      // full: the Full plan; else the Small one
	timeVariable = "WARMSTORE_FAULTS_TIME" // after which the Full plan stops, such as 40m
	outVariable  = "WARMSTORE_FAULTS_OUT"  // the file for the figures, if they are wanted
	pageVariable = "WARMSTORE_FAULTS_PAGE" // the file for the page to publish, if it is wanted
	madeVariable = "WARMSTORE_FAULTS_MADE" // the command that asked for them
	onlyVariable = "WARMSTORE_FAULTS_ONLY" // run only what is named so, such as "restore, power"
)

// TestFaults shows that each planted bug is seen, and then runs the real command
// under every fault of the plan.
func TestFaults(t *testing.T) {
	need(t, "losetup", "mkfs.ext4", "mkfs.xfs")
	card := NewScorecard()
	card.Command = os.Getenv(madeVariable)
	plan := planned(t, card.Date)
	release, planted := compile(t, ""), compile(t, "planted")
	rigs := map[string][]*Rig{}
	for _, disk := range plan.Uses() {
		rigs[disk] = newRigs(t, disk, release)
	}
	for _, disk := range plan.Disks {
		for _, b := range plan.Bugs {
			catch(t, card, b, planted, disk, rigs[disk])
		}
	}
	for _, s := range plan.Sweeps {
		s.Until = plan.Until
		sweep(t, card, s, rigs[s.Disk])
	}
	card.Stopped = !plan.Until.IsZero() && time.Now().After(plan.Until)
	card.Seconds = time.Since(card.Date).Seconds()
	t.Logf("\n%s", card)
	if out := os.Getenv(outVariable); out != "" {
		if err := card.Write(out); err != nil {
			t.Error(err)
		}
	}
}

// planned returns the plan that the environment asks for.
func planned(t *testing.T, begun time.Time) Plan {
	t.Helper()
	if os.Getenv(sizeVariable) != "full" {
		return Small()
	}
	until := time.Time{}
	if text := os.Getenv(timeVariable); text != "" {
		limit, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		until = begun.Add(limit)
	}
	return Full(until)
}

// sweep runs one sweep, unless the command cannot do what it needs.
func sweep(t *testing.T, card *Scorecard, s Sweep, rigs []*Rig) {
	late := !s.Until.IsZero() && time.Now().After(s.Until)
	if late || s.Scenario.Verb != "" && !rigs[0].Can(s.Scenario.Verb) || !wanted(s.Scenario.Name+", "+s.Fault.Name) {
		return
	}
	f, err := s.Run(rigs...)
	if err != nil {
		t.Error(err)
		return
	}
	card.Add(f)
	t.Log(f)
	for i, v := range f.Violations {
		if i == 5 {
			t.Errorf("and %d more", len(f.Violations)-i)
			break
		}
		t.Error(v)
	}
}

// catch plants one bug, which must be caught.
func catch(t *testing.T, card *Scorecard, b Bug, program, disk string, rigs []*Rig) {
	if !wanted("planted " + b.Name) {
		return
	}
	c, err := b.Catch(program, disk, []uint64{1}, rigs...)
	if err != nil {
		t.Error(err)
		return
	}
	card.Catches = append(card.Catches, c)
	if c.Caught == nil {
		t.Errorf("not caught on %s at %d points: %s (%s)", disk, c.Points, b.Name, b.Step)
		return
	}
	t.Logf("caught after %d points: %s: %s", c.Points, b.Name, c.Caught)
}

// wanted reports whether a sweep of this name is to be run.
func wanted(name string) bool { return strings.Contains(name, os.Getenv(onlyVariable)) }

// newRigs makes a rig for each processor.
func newRigs(t *testing.T, disk, program string) (rigs []*Rig) {
	t.Helper()
	for range min(runtime.GOMAXPROCS(0), 4) {
		r, err := NewRig(disk, t.TempDir(), program)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		})
		rigs = append(rigs, r)
	}
	return rigs
}

// compile builds the command as it is shipped, perhaps with a tag, and returns
// its path. The race detector would slow it down, and is not what is tested.
func compile(t *testing.T, tags string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "warmstore"+tags)
	cmd := exec.Command("go", "build", "-trimpath", "-tags", tags, "-o", path, "../../cmd/warmstore")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// need skips a test that lacks root or a tool, and fails it in CI.
func need(t *testing.T, tools ...string) {
	t.Helper()
	var missing []string
	if os.Geteuid() != 0 {
		missing = append(missing, "root")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			missing = append(missing, tool)
		}
	}
	if devices, _ := filepath.Glob("/dev/loop-control"); len(devices) == 0 {
		missing = append(missing, "loop devices")
	}
	if missing == nil {
		return
	}
	message := fmt.Sprintf("NOT RUN: %s lacks %s; scripts/setup gets the tools", t.Name(), strings.Join(missing, ", "))
	fmt.Fprintln(os.Stderr, message)
	if os.Getenv("CI") == "true" {
		t.Fatal(message)
	}
	t.Skip(message)
}
