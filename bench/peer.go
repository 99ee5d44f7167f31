package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Peer is a program that takes snapshots of a directory and restores them. A
// peer says which processes do that; bench runs and measures them.
type Peer interface {
	Name() string
	// Needs are the programs that must be found, by name or path.
	Needs() []string
	// Version returns what the program says it is.
	Version(ctx context.Context) (string, error)
	// Settings says how the program is used, for a reader to judge.
	Settings() string
	// Create makes the store, which is not measured.
	Create(s Site) []Command
	// Snapshot takes snapshot number s.Taken of s.Volume, the first being 1.
	Snapshot(s Site) []Command
	// Extract restores the newest snapshot into s.Out, which exists and is
	// empty.
	Extract(s Site) []Command
	// RollBack makes s.Volume what it was at the newest snapshot.
	RollBack(s Site) []Command
}

// A Site is where one peer works in one round.
type Site struct {
	Volume string // the live volume
	Store  string // an empty directory at first
	State  string // a directory for caches and configuration, empty at first
	Out    string // what is restored to an empty directory
	Taken  int    // snapshots, including the one being taken
	Keep   int    // how many of the newest are kept

	// For the limit, which has no store: the tree as it was at the newest
	// snapshot, and when the volume was changed last.
	Wanted  string
	Changed time.Time
}

// keptInSteps is more than the snapshots that a round takes, so that all stay.
const keptInSteps = 9

// newSite returns the site of a peer that has the directory dir for itself.
func newSite(dir, volume string, keep int) *Site {
	return &Site{
		Volume: volume, Store: filepath.Join(dir, "store"),
		State: filepath.Join(dir, "state"), Out: filepath.Join(dir, "out", "data"), Keep: keep,
	}
}

// archive returns the path of a file that holds the newest snapshot.
func (s Site) archive(suffix string) string { return s.numbered(s.Taken, suffix) }

// dropping returns the command that removes the newest of those archives that
// are not kept, if there is one.
func (s Site) dropping(suffix string) []Command {
	if s.Taken <= s.Keep {
		return nil
	}
	return []Command{command("rm", "-rf", s.numbered(s.Taken-s.Keep, suffix))}
}

func (s Site) numbered(n int, suffix string) string {
	return filepath.Join(s.Store, fmt.Sprintf("%d%s", n, suffix))
}

// clearing returns the command that empties a directory but keeps it, as those
// peers need that cannot restore in place.
func clearing(dir string) Command { return command("find", dir, "-mindepth", "1", "-delete") }

// peers returns all peers; self is bench's own program, which is the limit, too.
func peers(self, warmstorePath string, also []string) ([]Peer, error) {
	all := []Peer{limit{self}, warmstore{"warmstore", warmstorePath}}
	for _, entry := range also {
		name, path, ok := strings.Cut(entry, "=")
		if !ok {
			return nil, fmt.Errorf("-also %q is not NAME=PATH", entry)
		}
		all = append(all, warmstore{name, path})
	}
	return append(all, restic{}, kopia{}, borg{}, casync{}, tarPeer{}, tarPeer{zstd: true}, cp{}, rsync{}), nil
}

// chosenPeers returns the limit, and those that were asked for, which must be
// found, or all that are found.
func chosenPeers(all []Peer, asked []string, say func(string, ...any)) (chosen []Peer, err error) {
	var names []string
	for _, p := range all {
		names = append(names, p.Name())
		missing := missingOf(p)
		isAsked := slices.Contains(asked, p.Name())
		switch {
		case len(asked) > 0 && !isAsked && p.Name() != limitVerb:
		case missing == "":
			chosen = append(chosen, p)
		case isAsked:
			return nil, fmt.Errorf("peer %s needs %s", p.Name(), missing)
		default:
			say("peer %s is left out, for want of %s", p.Name(), missing)
		}
	}
	for _, name := range asked {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("unknown peer %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	return chosen, nil
}

// missingOf returns the first program a peer needs that is not found.
func missingOf(p Peer) string {
	for _, program := range p.Needs() {
		if _, err := exec.LookPath(program); err != nil {
			return program
		}
	}
	return ""
}

// firstLine returns the first line that a command prints.
func firstLine(ctx context.Context, args ...string) (string, error) {
	text, err := output(ctx, args...)
	line, _, _ := strings.Cut(text, "\n")
	return line, err
}
