package main

import (
	"context"
	"path/filepath"
)

// casync deduplicates by content-defined chunks of about 64 KiB, each a file of
// its store.
type casync struct{}

// Name implements Peer.
func (casync) Name() string { return "casync" }

// Needs implements Peer.
func (casync) Needs() []string { return []string{"casync"} }

// Version implements Peer.
func (casync) Version(ctx context.Context) (string, error) {
	return firstLine(ctx, "casync", "--version")
}

// Settings implements Peer.
func (casync) Settings() string {
	return "`--with=best` (all metadata that the file system has), zstd (default), no `--cache`; roll back: " +
		"`extract --delete=yes --seed-output=no` over the volume; old indexes are removed, `gc`; " +
		"hard links become files; not synced; no encryption"
}

// Create implements Peer.
func (casync) Create(Site) []Command { return nil }

// Snapshot implements Peer. With --cache it does not read what is unchanged, but of
// small files that changed it made an archive that it could not extract.
func (c casync) Snapshot(s Site) []Command {
	return []Command{c.command(s, "make", s.archive(".caidx"), s.Volume)}
}

// Extract implements Peer.
func (c casync) Extract(s Site) []Command {
	return []Command{c.command(s, "extract", s.archive(".caidx"), s.Out)}
}

// RollBack implements Peer. With the volume as a seed, which is the default, it
// takes several times as long, and fails as soon as reflinks are allowed and a file
// is replaced that later ones take chunks from.
func (c casync) RollBack(s Site) []Command {
	return []Command{c.command(s, "extract", "--delete=yes", "--seed-output=no", s.archive(".caidx"), s.Volume)}
}

// Prune implements Pruner: without its index, what only an old snapshot has is
// garbage.
func (c casync) Prune(s Site) []Command {
	dropping := s.dropping(".caidx")
	if dropping == nil {
		return nil
	}
	args := []string{"gc"}
	for n := s.Taken - s.Keep + 1; n <= s.Taken; n++ {
		args = append(args, s.numbered(n, ".caidx"))
	}
	return append(dropping, c.command(s, args...))
}

func (casync) command(s Site, args ...string) Command {
	return command(append([]string{"casync", "--with=best", "--store=" + filepath.Join(s.Store, "chunks")}, args...)...)
}
