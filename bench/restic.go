package main

import (
	"context"
	"strconv"
)

// restic deduplicates by content-defined chunks of about 1 MiB, and encrypts.
type restic struct{}

// Name implements Peer.
func (restic) Name() string { return "restic" }

// Needs implements Peer.
func (restic) Needs() []string { return []string{"restic"} }

// Version implements Peer.
func (restic) Version(ctx context.Context) (string, error) {
	return firstLine(ctx, "restic", "version")
}

// Settings implements Peer.
func (restic) Settings() string {
	return "`--compression auto` (default), local repository, `backup --no-scan`, " +
		"unchanged is size, mtime, ctime and inode; " +
		"`restore --sparse --overwrite if-changed --delete`, `forget --keep-last N --prune`; always encrypts"
}

// Create implements Peer.
func (r restic) Create(s Site) []Command { return []Command{r.command(s, "init")} }

// Snapshot implements Peer.
func (r restic) Snapshot(s Site) []Command {
	return []Command{r.command(s, "backup", "--no-scan", s.Volume)}
}

// Extract implements Peer.
func (r restic) Extract(s Site) []Command {
	return []Command{r.command(s, "restore", "--sparse", "latest:"+s.Volume, "--target", s.Out)}
}

// RollBack implements Peer.
func (r restic) RollBack(s Site) []Command {
	return []Command{r.command(s, "restore", "--sparse", "latest:"+s.Volume, "--target", s.Volume,
		"--overwrite", "if-changed", "--delete")}
}

// Prune implements Pruner.
func (r restic) Prune(s Site) []Command {
	return []Command{r.command(s, "forget", "--keep-last", strconv.Itoa(s.Keep), "--prune")}
}

func (restic) command(s Site, args ...string) Command {
	c := command(append([]string{"restic", "--quiet", "--compression", "auto", "-r", s.Store}, args...)...)
	c.env = []string{"RESTIC_PASSWORD=bench", "RESTIC_CACHE_DIR=" + s.State}
	return c
}
