package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// A Command is one process to run.
type Command struct {
	args []string
	dir  string
	env  []string            // added to this process's
	user *syscall.Credential // nil: this process's
	in   string              // its standard input
}

// command returns a Command of these words.
func command(args ...string) Command { return Command{args: args} }

// A Cost is what processes took.
type Cost struct {
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"` // user and system, of all processes
	// PeakRSS is in bytes, of the largest process. The kernel counts what a
	// process was before its exec, too, so it is at least the RSS of bench.
	PeakRSS int64 `json:"peak_rss_bytes"`
	// Written is in bytes, of file pages made dirty: what goes to disk, unless
	// the same page is written again before it does.
	Written int64 `json:"written_bytes"`
}

// run runs the command and returns what it cost and printed. An error holds the
// end of what it printed.
func (c Command) run(ctx context.Context) (Cost, string, error) {
	cmd := exec.CommandContext(ctx, c.args[0], c.args[1:]...)
	cmd.Dir, cmd.Env = c.dir, append(os.Environ(), c.env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.user}
	if c.in != "" {
		cmd.Stdin = strings.NewReader(c.in)
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	begun := time.Now()
	err := cmd.Run()
	cost := Cost{Seconds: time.Since(begun).Seconds()}
	cost.add(cmd.ProcessState)
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(c.args, " "), err, tail(out.String()))
	}
	return cost, out.String(), err
}

// add adds what wait4 says of a process and its children.
func (c *Cost) add(state *os.ProcessState) {
	if state == nil {
		return
	}
	c.CPU += (state.UserTime() + state.SystemTime()).Seconds()
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		c.PeakRSS = max(c.PeakRSS, usage.Maxrss<<10)
		c.Written += usage.Oublock << 9
	}
}

// runAll runs commands one after the other and returns what they cost together.
func runAll(ctx context.Context, commands []Command) (sum Cost, err error) {
	for _, c := range commands {
		cost, _, err := c.run(ctx)
		sum.Seconds += cost.Seconds
		sum.CPU += cost.CPU
		sum.PeakRSS = max(sum.PeakRSS, cost.PeakRSS)
		sum.Written += cost.Written
		if err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// output runs a command of which only the output counts.
func output(ctx context.Context, args ...string) (string, error) {
	_, out, err := command(args...).run(ctx)
	return strings.TrimSpace(out), err
}

// tail returns the end of a long text.
func tail(text string) string {
	const most = 400 // bytes; enough for the error that a tool ends with
	text = strings.TrimSpace(text)
	return text[max(0, len(text)-most):]
}
