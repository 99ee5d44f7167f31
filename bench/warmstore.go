package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
)

// warmstore is this project's program, or another build of it.
type warmstore struct{ name, path string }

// buildWarmstore builds the command of this checkout as the Makefile does, but
// for symbols, which profiles need.
func buildWarmstore(ctx context.Context, to string) error {
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	_, _, err = Command{
		args: []string{"go", "build", "-trimpath", "-o", to, "./cmd/warmstore"},
		dir:  root, env: []string{"CGO_ENABLED=0"},
	}.run(ctx)
	if err != nil {
		return fmt.Errorf("build warmstore: %w", err)
	}
	return nil
}

// moduleRoot returns the directory of this checkout.
func moduleRoot(ctx context.Context) (string, error) {
	mod, err := output(ctx, "go", "env", "GOMOD")
	if err != nil {
		return "", err
	}
	return filepath.Dir(mod), nil
}

// Name implements Peer.
func (w warmstore) Name() string { return w.name }

// Needs implements Peer.
func (w warmstore) Needs() []string { return []string{w.path} }

// Version implements Peer.
func (w warmstore) Version(ctx context.Context) (string, error) {
	return firstLine(ctx, w.path, "--version")
}

// Settings implements Peer.
func (w warmstore) Settings() string {
	return "defaults, `--keep 9`, or as many as nights keep; durable when it returns; " +
		"a reserve of 2 MiB or more is part of the store; no encryption"
}

// Create implements Peer. The first command makes the store, so that its
// directories are not part of the first snapshot, as with other peers.
func (w warmstore) Create(s Site) []Command {
	return []Command{w.command(s, "snapshot", "empty", "--dir", "empty="+s.State)}
}

// Snapshot implements Peer.
func (w warmstore) Snapshot(s Site) []Command {
	return []Command{w.command(s, "snapshot", "app", "--keep", strconv.Itoa(s.Keep), "--dir", w.dir(s))}
}

// Extract implements Peer.
func (w warmstore) Extract(s Site) []Command {
	return []Command{w.command(s, "restore", "app", "--to", filepath.Dir(s.Out))}
}

// RollBack implements Peer.
func (w warmstore) RollBack(s Site) []Command {
	return []Command{w.command(s, "restore", "app", "--dir", w.dir(s))}
}

// Prune implements Pruner: a snapshot has dropped the old ones, and collected
// garbage where it was due.
func (warmstore) Prune(Site) []Command { return nil }

// Check implements checker.
func (w warmstore) Check(s Site) []Command {
	return []Command{w.command(s, "check", "--read-data")}
}

// dir names the volume so that it is extracted to s.Out.
func (warmstore) dir(s Site) string { return filepath.Base(s.Out) + "=" + s.Volume }

func (w warmstore) command(s Site, args ...string) Command {
	return command(append([]string{w.path, "--root", s.Store, "--json"}, args...)...)
}
