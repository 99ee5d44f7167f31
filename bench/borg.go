package main

import (
	"context"
	"fmt"
	"strconv"
)

// borg deduplicates by content-defined chunks of about 2 MiB.
type borg struct{}

// Name implements Peer.
func (borg) Name() string { return "borg" }

// Needs implements Peer.
func (borg) Needs() []string { return []string{"borg"} }

// Version implements Peer.
func (borg) Version(ctx context.Context) (string, error) { return firstLine(ctx, "borg", "--version") }

// Settings implements Peer.
func (borg) Settings() string {
	return "`init -e none`, `create --compression zstd,1`, `extract --sparse`, defaults otherwise; " +
		"unchanged is size, ctime and inode; roll back: remove all, extract; " +
		"`prune --keep-last N`, `compact`; no encryption"
}

// Create implements Peer.
func (b borg) Create(s Site) []Command {
	return []Command{b.command(s, "", "init", "-e", "none", s.Store)}
}

// Snapshot implements Peer.
func (b borg) Snapshot(s Site) []Command {
	return []Command{b.command(s, s.Volume, "create", "--compression", "zstd,1", b.archive(s), ".")}
}

// Extract implements Peer.
func (b borg) Extract(s Site) []Command {
	return []Command{b.command(s, s.Out, "extract", "--sparse", "--numeric-ids", b.archive(s))}
}

// RollBack implements Peer.
func (b borg) RollBack(s Site) []Command {
	return []Command{clearing(s.Volume), b.command(s, s.Volume, "extract", "--sparse", "--numeric-ids", b.archive(s))}
}

// Prune implements Pruner.
func (b borg) Prune(s Site) []Command {
	return []Command{
		b.command(s, "", "prune", "--keep-last", strconv.Itoa(s.Keep), s.Store),
		b.command(s, "", "compact", s.Store),
	}
}

func (borg) archive(s Site) string { return fmt.Sprintf("%s::%d", s.Store, s.Taken) }

func (borg) command(s Site, dir string, args ...string) Command {
	c := command(append([]string{"borg"}, args...)...)
	c.dir = dir
	c.env = []string{
		"BORG_BASE_DIR=" + s.State,
		"BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes", "BORG_RELOCATED_REPO_ACCESS_IS_OK=yes",
	}
	return c
}
