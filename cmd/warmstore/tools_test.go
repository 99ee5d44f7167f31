package main

import (
	"fmt"
	"os"
	"os/exec"

	"github.com/rogpeppe/go-internal/testscript"
)

// checkMetrics fails the script unless promtool accepts a file of metrics. Without
// promtool it says that it has not looked, and fails in CI.
func checkMetrics(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 1, "promtool FILE")
	if _, err := exec.LookPath("promtool"); err != nil {
		message := "NOT RUN: no promtool looks at " + args[0] + "; scripts/setup gets it"
		fmt.Fprintln(os.Stderr, message)
		if os.Getenv("CI") == "true" {
			ts.Fatalf("%s", message)
		}
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
