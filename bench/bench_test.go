package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/warmstore/warmstore/internal/need"
)

// TestMain lets the test's program be the limit, as bench's own program is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == limitVerb {
		os.Exit(exit(runLimit(os.Args[2:])))
	}
	os.Exit(m.Run())
}

// TestBench runs everything on a tiny workload and holds the shape of what
// comes out. How long anything takes is no matter.
func TestBench(t *testing.T) {
	out, scratch := t.TempDir(), t.TempDir()
	var table strings.Builder
	args := []string{
		"-workloads", "log", "-size", "2", "-peers", "warmstore,tar,cp", "-rounds", "2",
		"-nights", "3", "-retain", "2",
		"-scratch", scratch, "-out", out,
	}
	if err := run(t.Context(), args, &table, t.Output()); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(out, "results.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r Result
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	checkResult(t, &r)
	checkTable(t, table.String())
	checkCharts(t, out)
	written, err := os.ReadFile(filepath.Join(out, "table.md"))
	if err != nil || string(written) != table.String() {
		t.Errorf("the table in the file is another one, %v", err)
	}
	var again strings.Builder
	args = []string{"-from", filepath.Join(out, "results.json"), "-out", t.TempDir()}
	if err := run(t.Context(), args, &again, t.Output()); err != nil || again.String() != table.String() {
		t.Errorf("shown again, the table is another one, %v", err)
	}
	if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
		t.Errorf("left in the scratch directory: %v, %v", left, err)
	}
}

// testPeers are the peers of the test, in the order of the table.
var testPeers = []string{limitVerb, "warmstore", "tar", "cp"}

func checkResult(t *testing.T, r *Result) {
	t.Helper()
	m := r.Machine
	if r.Commit == "" || m.Kernel == "" || m.Cores == 0 || m.FileSystem == "" || r.FloorRSS == 0 {
		t.Errorf("the run is not described: %+v", r)
	}
	if len(r.Workloads) != 1 || r.Workloads[0].Files != 5 || r.Workloads[0].ChangedFiles != 5 {
		t.Errorf("workloads are %+v", r.Workloads)
	}
	var names []string
	for _, p := range r.Peers {
		names = append(names, p.Name)
		if p.Version == "" || p.Settings == "" {
			t.Errorf("peer %s is not described", p.Name)
		}
	}
	if !slices.Equal(names, testPeers) {
		t.Errorf("peers are %v", names)
	}
	checkRuns(t, r.Runs)
	checkNights(t, r)
}

func checkRuns(t *testing.T, runs []Run) {
	t.Helper()
	if want := len(steps()) * len(testPeers) * 2; len(runs) != want {
		t.Errorf("%d runs, want %d", len(runs), want)
	}
	for _, run := range runs {
		if run.Void != "" || run.Seconds <= 0 || run.PeakRSS == 0 || run.Round < 1 || run.Round > 2 {
			t.Errorf("a run is %+v", run)
		}
		if grows := run.Step == "first" && run.Peer != limitVerb; grows && run.Growth < 100_000 {
			t.Errorf("the store of %s grows by %d bytes", run.Peer, run.Growth)
		}
		if run.Step == "touched" && run.Peer == "warmstore" && run.Growth > 50_000 {
			t.Errorf("touched files take %d bytes", run.Growth)
		}
	}
}

// checkNights holds that the limit takes no part, that every other peer has all
// nights, and that old copies are dropped.
func checkNights(t *testing.T, r *Result) {
	t.Helper()
	if want := 3 * (len(testPeers) - 1); len(r.Nights) != want || r.Retain != 2 {
		t.Errorf("%d nights, want %d; %d are kept", len(r.Nights), want, r.Retain)
	}
	for _, peer := range testPeers[1:] {
		all := r.nightsOf("log", peer)
		for i, night := range all {
			pruned := night.Prune.Seconds > 0
			if night.Void != "" || night.Night != i+1 || night.Snapshot.Seconds <= 0 || night.Snapshot.PeakRSS == 0 ||
				pruned != (i == 2 && peer != "warmstore") {
				t.Errorf("a night is %+v", night)
			}
		}
		if peer != "warmstore" && all[2].Store > all[1].Store*11/10 {
			t.Errorf("%s keeps %d bytes after %d", peer, all[2].Store, all[1].Store)
		}
	}
}

func checkTable(t *testing.T, table string) {
	t.Helper()
	for _, step := range steps() {
		for _, peer := range testPeers {
			if n := strings.Count(table, fmt.Sprintf("\n| %s | %s | ", step.Name, peer)); n != 1 {
				t.Errorf("%d lines for %s of %s", n, step.Name, peer)
			}
		}
	}
	columns := 0
	for line := range strings.Lines(table) {
		switch n := strings.Count(line, "|"); {
		case strings.HasPrefix(line, "| step"), strings.HasPrefix(line, "| peer | night"):
			columns = n
		case strings.HasPrefix(line, "## Targets"), strings.HasPrefix(line, "## Peers"):
			columns = 0
		case columns > 0 && n != 0 && n != columns:
			t.Errorf("%d columns, want %d: %s", n, columns, line)
		}
	}
}

// TestTouch shows that files that are touched have a new ctime and are the same else.
func TestTouch(t *testing.T) {
	dir := t.TempDir()
	shell(t, dir, "mkdir -p old/sub && echo x > old/sub/file && chmod 4751 old/sub/file && ln -s file old/sub/link")
	shell(t, dir, "touch -h -d @1700000000.25 old/sub/* && cp -a old new && sleep 0.05")
	before, err := lstat(filepath.Join(dir, "new/sub/file"))
	if err != nil {
		t.Fatal(err)
	}
	if err := touch(filepath.Join(dir, "new")); err != nil {
		t.Fatal(err)
	}
	after, err := lstat(filepath.Join(dir, "new/sub/file"))
	if err != nil || !after.changed().After(before.changed()) || !after.like(&before) {
		t.Errorf("%+v became %+v, %v", before, after, err)
	}
	if wrong, note, err := verify(t.Context(), filepath.Join(dir, "old"), filepath.Join(dir, "new")); err != nil ||
		wrong != "" || note != "" {
		t.Errorf("wrong %q, note %q, %v", wrong, note, err)
	}
}

// TestWrongRestoreIsVoid shows that verify sees what must void a row, and only
// notes what tools differ in.
func TestWrongRestoreIsVoid(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		wrong        bool
		note         string
	}{
		{"nothing", "true", false, ""},
		{"a byte", "printf 'yx\\n' > sub/file && touch -r ../wanted/sub/file sub/file", true, ""},
		{"gone", "rm sub/file", true, ""},
		{"extra", "touch extra", true, ""},
		{"mode", "chmod 600 sub/file", true, ""},
		{"seconds", "touch -d @1000000000 sub/file", true, ""},
		{"nanoseconds", "touch -d @1700000000.5 sub/file", false, "mtimes are cut to seconds"},
		{"directory", "touch -d @1000000000 sub", false, "1 directories differ: .d..t...... sub/"},
	} {
		dir := t.TempDir()
		wanted, restored := filepath.Join(dir, "wanted"), filepath.Join(dir, "restored")
		shell(t, dir, "mkdir -p wanted/sub && echo xx > wanted/sub/file && touch -d @1700000000.25 wanted/sub/file")
		shell(t, dir, "cp -a wanted restored")
		shell(t, restored, tt.script+" && touch -r ../wanted .")
		if tt.name != "directory" {
			shell(t, restored, "touch -r ../wanted/sub sub")
		}
		wrong, note, err := verify(t.Context(), wanted, restored)
		if err != nil || wrong != "" != tt.wrong || note != tt.note {
			t.Errorf("%s: wrong %q, note %q, %v", tt.name, wrong, note, err)
		}
	}
}

func shell(t *testing.T, dir, script string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", script)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", script, err, out)
	}
}

func TestWrongCommandLines(t *testing.T) {
	for _, args := range [][]string{
		{"-scale", "huge"}, {"more"}, {"-rounds", "x"},
		{"-size", "x"}, {"-size", "16,0"}, {"-nights", "-1"}, {"-retain", "0"}, {"-from", "/nonexistent"},
		{"-workloads", "none", "-scratch", t.TempDir()}, {"-peers", "none", "-scratch", t.TempDir()},
	} {
		if err := run(t.Context(), args, io.Discard, t.Output()); err == nil {
			t.Errorf("%q is accepted", args)
		}
	}
}

// TestAllSizesOfAKind asks for a workload by its kind, of which there are three sizes.
func TestAllSizesOfAKind(t *testing.T) {
	if missing := newKeycloak(Scale{}, t.TempDir()).Missing(); missing != "" {
		need.Lacks(t, missing)
	}
	for asked, want := range map[string][]string{
		"keycloak":    {"keycloak", "keycloak-2", "keycloak-4"},
		"keycloak-4":  {"keycloak-4"},
		"image":       {"image"},
		"keycloak-16": nil,
	} {
		opts, err := parseOptions([]string{"-size", "1,2,4", "-workloads", asked}, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		chosen, err := chosenWorkloads(opts, t.TempDir(), t.Logf)
		if want == nil && err == nil {
			t.Errorf("%s: there is none", asked)
		}
		var names []string
		for _, w := range chosen {
			names = append(names, w.Name())
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s: workloads are %q, want %q (%v)", asked, names, want, err)
		}
	}
}

// TestWorkloadsRepeat shows that what is built here is the same each time, as
// far as a seed can make it so.
func TestWorkloadsRepeat(t *testing.T) {
	for _, w := range []Workload{smallFiles{count: 300}, logs{bytes: 200_000}, image{bytes: 8 << 20}} {
		a, b := t.TempDir(), t.TempDir()
		for _, dir := range []string{a, b} {
			if err := w.Build(t.Context(), dir); err != nil {
				t.Fatal(err)
			}
		}
		shell(t, a, "diff -r . "+b)
		for night := 1; night <= 2; night++ {
			for _, dir := range []string{a, b} {
				if err := w.Change(t.Context(), dir, night); err != nil {
					t.Fatal(err)
				}
			}
			shell(t, a, "diff -r . "+b)
		}
	}
}
