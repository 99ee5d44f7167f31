package attack

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/warmstore/warmstore/internal/faults"
	"github.com/warmstore/warmstore/internal/faults/disktest"
)

// The environment decides how much is done, and is how a test talks to its child.
const (
	sizeVariable    = "WARMSTORE_FAULTS"        // full: the long attack; else a short one
	outVariable     = "WARMSTORE_ATTACK_REPORT" // the file for the report of a child
	plantedVariable = "WARMSTORE_PLANTED"       // what package planted reads
)

// The least that an attack is.
const (
	short       = 4 * time.Second
	long        = 2 * time.Minute
	patience    = 2 * time.Minute
	manySwaps   = 1_000_000 // attempted, in a long one
	naiveLookup = "look, then open"
)

func isLong() bool { return os.Getenv(sizeVariable) == "full" }

// during says when an attack has been long enough: also some runs must have come
// to their end, which may take a while on a busy machine.
func during(least time.Duration, swaps int64) func(*Report) bool {
	until := time.Now().Add(least)
	return func(r *Report) bool {
		shown := r.Attempts >= swaps && r.Walked > 0 && r.Restored > 0
		return time.Now().Before(until) || !shown && time.Now().Before(until.Add(patience))
	}
}

// On ext4 flags and attributes are real; in memory more is done in a second.
func TestNobodyGetsOut(t *testing.T) {
	for _, kind := range []string{"memory", faults.Ext4} {
		t.Run(kind, func(t *testing.T) {
			a, err := NewArena(t.Context(), place(t, kind))
			check(t, err)
			more := during(short, 0)
			if isLong() {
				more = during(long, manySwaps)
			}
			r, err := a.Run(t.Context(), more)
			check(t, err)
			t.Logf("%s: %s", kind, r)
			if r.Out() > 0 || len(r.Changed) > 0 {
				t.Errorf("out of the volume: %s %q", r.First, r.Changed)
			}
			if r.Walked == 0 || r.Restored == 0 || isLong() && r.Attempts < manySwaps {
				t.Error("too little was done: nothing is shown")
			}
			check(t, a.Calm(t.Context()))
		})
	}
}

// The same attack on lookups that follow what is exchanged for a directory or a
// file after a look at it gets out, in snapshots and in restores: so the test
// above can fail.
func TestNaiveLookupsLetItOut(t *testing.T) {
	program, out := filepath.Join(t.TempDir(), "naive"), filepath.Join(t.TempDir(), "report")
	build := exec.Command("go", "test", "-c", "-tags", "planted", "-o", program, ".")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, text)
	}
	child := exec.Command(program, "-test.run=^TestNaiveChild$", "-test.count=1")
	child.Env = append(os.Environ(), outVariable+"="+out, plantedVariable+"="+naiveLookup)
	if text, err := child.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	text, err := os.ReadFile(out)
	check(t, err)
	r := new(Report)
	check(t, json.Unmarshal(text, r))
	t.Logf("naive: %s", r)
	if r.WalksOut == 0 || r.RestoresOut == 0 {
		t.Errorf("nothing got out in %d runs: this attack shows nothing", r.Runs())
	}
}

func TestNaiveChild(t *testing.T) {
	out := os.Getenv(outVariable)
	if out == "" {
		return // not the child
	}
	a, err := NewArena(t.Context(), place(t, "memory"))
	check(t, err)
	until := time.Now().Add(patience) // a few seconds are enough, but for figures
	r, err := a.Run(t.Context(), func(r *Report) bool {
		return (isLong() || r.WalksOut == 0 || r.RestoresOut == 0) && time.Now().Before(until)
	})
	check(t, err)
	text, err := json.Marshal(r)
	check(t, err)
	check(t, os.WriteFile(out, text, 0o600))
}

// place returns an empty directory, in memory or on a file system of this kind.
func place(t *testing.T, kind string) string {
	t.Helper()
	if kind == "memory" {
		return disktest.Memory(t)
	}
	return disktest.New(t, kind)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
