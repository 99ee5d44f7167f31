package main

import "context"

// tarPeer is what the replaced script did: one tar a snapshot, and to roll back
// everything removed and extracted again.
type tarPeer struct{ zstd bool }

// Name implements Peer.
func (t tarPeer) Name() string {
	if t.zstd {
		return "tar+zstd"
	}
	return "tar"
}

// Needs implements Peer.
func (t tarPeer) Needs() []string {
	if t.zstd {
		return []string{"tar", "zstd"}
	}
	return []string{"tar"}
}

// Version implements Peer.
func (t tarPeer) Version(ctx context.Context) (string, error) {
	return firstLine(ctx, t.Needs()[len(t.Needs())-1], "--version")
}

// Settings implements Peer.
func (t tarPeer) Settings() string {
	if t.zstd {
		return "`tar -I 'zstd -1' --sparse`; roll back: remove all, extract; not synced"
	}
	return "`tar -C V --sparse -cf S.tar .`; roll back: remove all, extract; not synced"
}

// Create implements Peer.
func (tarPeer) Create(Site) []Command { return nil }

// Snapshot implements Peer.
func (t tarPeer) Snapshot(s Site) []Command {
	return []Command{t.command("-C", s.Volume, "--sparse", "-cf", s.archive(".tar"), ".")}
}

// Extract implements Peer.
func (t tarPeer) Extract(s Site) []Command {
	return []Command{t.command("-C", s.Out, "-xf", s.archive(".tar"))}
}

// RollBack implements Peer.
func (t tarPeer) RollBack(s Site) []Command {
	return []Command{clearing(s.Volume), t.command("-C", s.Volume, "-xf", s.archive(".tar"))}
}

// Prune implements Pruner.
func (tarPeer) Prune(s Site) []Command { return s.dropping(".tar") }

func (t tarPeer) command(args ...string) Command {
	if t.zstd {
		args = append([]string{"-I", "zstd -1"}, args...)
	}
	return command(append([]string{"tar"}, args...)...)
}
