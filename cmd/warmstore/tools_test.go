package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// need says that the test cannot run without the tools, and is the only place
// from which a test may be skipped.
func need(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		has, err := hasTool("has:" + tool)
		if err != nil {
			t.Fatal(err)
		}
		if !has {
			t.Skip("NOT RUN: no " + tool)
		}
	}
}

// hasTool is the condition [has:TOOL] of scripts. A tool that is missing is told,
// and an error in CI: nothing is silently not tested.
func hasTool(condition string) (bool, error) {
	tool, ok := strings.CutPrefix(condition, "has:")
	if !ok {
		return false, fmt.Errorf("unknown condition %q", condition)
	}
	if _, err := exec.LookPath(tool); err == nil {
		return true, nil
	}
	fmt.Fprintf(os.Stderr, "NOT RUN: what needs %s; scripts/setup gets it\n", tool)
	if os.Getenv("CI") == "true" {
		return false, fmt.Errorf("no %s", tool)
	}
	return false, nil
}

// checkMetrics fails the script unless promtool, if it is there, accepts a file
// of metrics.
func checkMetrics(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 1, "promtool FILE")
	has, err := hasTool("has:promtool")
	ts.Check(err)
	if !has {
		return
	}
	page, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer page.Close()
	check := exec.Command("promtool", "check", "metrics")
	check.Stdin = page
	out, err := check.CombinedOutput()
	if err != nil || len(out) > 0 {
		ts.Fatalf("promtool: %v\n%s", err, out)
	}
}
