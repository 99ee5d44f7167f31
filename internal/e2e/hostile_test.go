package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	// patience is after which a run of the command counts as hung.
	patience = 5 * time.Minute
	// descriptors is how many files the command may have open: far fewer than
	// trees are deep.
	descriptors = "--nofile=256:256"
)

// A verdict is what became of a hostile tree on one file system.
type verdict string

const (
	exact   verdict = "exact"
	hung    verdict = "HANG"
	refused verdict = "refused" // with the reason that was expected
	absent  verdict = "-"       // the file system itself cannot hold it
)

// An ordeal is one hostile tree on one file system, and its journey.
type ordeal struct {
	t       *testing.T
	c       hostileCase
	kind    string
	store   storeDir
	volume  string
	peakRSS int64 // kilobytes
}

// TestHostileTrees takes every hostile tree through snapshot, extraction and a
// restore in place of what was spoiled, on every file system. What comes back
// must be what rsync, getfattr and lsattr saw before; or nothing may change, with
// the reason that is expected.
func TestHostileTrees(t *testing.T) {
	need(t, slices.Concat(treeTools, diskTools)...)
	table := map[string]map[string]verdict{}
	for _, kind := range volumeKinds {
		disk := newDisk(t, kind)
		s := newStore(t)
		for i, c := range hostileCases() {
			if table[c.name] == nil {
				table[c.name] = map[string]verdict{}
			}
			t.Run(kind+"/"+c.name, func(t *testing.T) {
				table[c.name][kind] = "FAILED"
				o := &ordeal{t: t, c: c, kind: kind, store: s, volume: fmt.Sprintf("%s/%d/volume", disk, i)}
				table[c.name][kind] = o.run()
			})
		}
	}
	logTable(t, table)
}

// logTable logs what scripts/scorecard puts on its page.
func logTable(t *testing.T, table map[string]map[string]verdict) {
	count := map[verdict]int{}
	line := fmt.Sprintf("%-36s", "tree")
	for _, kind := range volumeKinds {
		line += fmt.Sprintf("%-9s", kind)
	}
	t.Log(line)
	for _, c := range hostileCases() {
		line := fmt.Sprintf("%-36s", c.name)
		for _, kind := range volumeKinds {
			v := table[c.name][kind]
			count[v]++
			line += fmt.Sprintf("%-9s", v)
		}
		if c.refused != "" {
			line += fmt.Sprintf("%q", c.refused)
		}
		t.Log(line)
	}
	t.Logf("%d exact, %d refused with the reason, %d hangs (and %d that the file system itself cannot hold)",
		count[exact], count[refused], count[hung], count[absent])
}

// run takes the tree all the way.
func (o *ordeal) run() verdict {
	t := o.t
	if slices.Contains(o.c.not, o.kind) {
		return absent
	}
	try(t, os.MkdirAll(o.volume, 0o755))
	outside := o.volume + "-outside"
	tree{t, outside}.file("/precious", []byte("not yours"))
	o.c.build(tree{t, o.volume})
	if o.c.refused != "" {
		return o.refuses()
	}
	want := o.refer(o.volume)
	if v := o.command(exitDone, "snapshot", o.app(), dir("data", o.volume)); v != exact {
		return v
	}
	want.same(o.volume) // which a snapshot must not change
	to := o.volume + "-to"
	if v := o.command(exitDone, "restore", o.app(), "--to", to); v != exact {
		return v
	}
	want.same(to + "/data")
	precious := o.refer(outside)
	o.spoil(outside)
	spoiled := o.refer(outside) // links may have been made to it
	if v := o.command(exitDone, "restore", o.app()); v != exact {
		return v
	}
	want.same(o.volume)
	spoiled.sameContent(precious)
	return exact
}

func (o *ordeal) app() string { return filepath.Base(filepath.Dir(o.volume)) }

// refuses has the command refuse the tree for the reason that is expected.
func (o *ordeal) refuses() verdict {
	if v := o.command(-1, "snapshot", o.app(), dir("data", o.volume)); v != exact {
		return v
	}
	return refused
}

// command runs the command, which must end in time with code; or, if that is -1,
// fail with the reason that is expected.
func (o *ordeal) command(code int, args ...string) verdict {
	o.t.Helper()
	path, err := binary()
	try(o.t, err)
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	limited := []string{descriptors, path, "--root", string(o.store)}
	cmd := exec.CommandContext(ctx, "prlimit", append(limited, args...)...)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		o.t.Errorf("%q hangs", args)
		return hung
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		o.t.Fatal(err)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	o.peakRSS = max(o.peakRSS, usage.Maxrss)
	for _, c := range string(out) {
		if c < ' ' && c != '\n' {
			o.t.Errorf("%q prints control character %q", args, c)
		}
	}
	got := cmd.ProcessState.ExitCode()
	if code >= 0 && got != code || code < 0 && (got == exitDone || !strings.Contains(string(out), o.c.refused)) {
		o.t.Fatalf("%q: exit %d, want %d %s\n%s", args, got, code, o.c.refused, out)
	}
	return exact
}
