package main

import (
	"context"
	"fmt"
	"path/filepath"
)

// cp copies the volume with cp -a.
type cp struct{}

// Name implements Peer.
func (cp) Name() string { return "cp" }

// Needs implements Peer.
func (cp) Needs() []string { return []string{"cp"} }

// Version implements Peer.
func (cp) Version(ctx context.Context) (string, error) { return firstLine(ctx, "cp", "--version") }

// Settings implements Peer.
func (cp) Settings() string { return "`cp -a`; roll back: remove all, copy; not synced" }

// Create implements Peer.
func (cp) Create(Site) []Command { return nil }

// Snapshot implements Peer.
func (cp) Snapshot(s Site) []Command {
	return []Command{command("cp", "-a", s.Volume, s.archive(""))}
}

// Extract implements Peer.
func (cp) Extract(s Site) []Command {
	return []Command{command("cp", "-a", s.archive("")+"/.", s.Out)}
}

// RollBack implements Peer.
func (cp) RollBack(s Site) []Command {
	return []Command{clearing(s.Volume), command("cp", "-a", s.archive("")+"/.", s.Volume)}
}

// Prune implements Pruner.
func (cp) Prune(s Site) []Command { return s.dropping("") }

// rsync copies the volume with rsync; what is unchanged is linked to the copy
// before.
type rsync struct{}

// rsyncArgs make rsync carry all that it can, and compare nanoseconds.
var rsyncArgs = []string{"rsync", "-aHAX", "--numeric-ids", "--modify-window=-1", "--delete"}

// rsyncing returns the command that makes to what from is.
func rsyncing(from, to string, args ...string) Command {
	return command(append(append(rsyncArgs[:len(rsyncArgs):len(rsyncArgs)], args...), from+"/", to+"/")...)
}

// Name implements Peer.
func (rsync) Name() string { return "rsync" }

// Needs implements Peer.
func (rsync) Needs() []string { return []string{"rsync"} }

// Version implements Peer.
func (rsync) Version(ctx context.Context) (string, error) {
	return firstLine(ctx, "rsync", "--version")
}

// Settings implements Peer.
func (rsync) Settings() string {
	return "`-aHAXS --numeric-ids --modify-window=-1 --delete --link-dest`; unchanged is size and mtime; not synced"
}

// Create implements Peer.
func (rsync) Create(Site) []Command { return nil }

// Snapshot implements Peer.
func (rsync) Snapshot(s Site) []Command {
	if s.Taken == 1 {
		return []Command{rsyncing(s.Volume, s.archive(""), "--sparse")}
	}
	before := filepath.Join(s.Store, fmt.Sprint(s.Taken-1))
	return []Command{rsyncing(s.Volume, s.archive(""), "--sparse", "--link-dest="+before)}
}

// Extract implements Peer.
func (rsync) Extract(s Site) []Command { return []Command{rsyncing(s.archive(""), s.Out, "--sparse")} }

// RollBack implements Peer.
func (rsync) RollBack(s Site) []Command {
	return []Command{rsyncing(s.archive(""), s.Volume, "--sparse")}
}

// Prune implements Pruner.
func (rsync) Prune(s Site) []Command { return s.dropping("") }
