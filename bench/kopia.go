package main

import (
	"context"
	"path/filepath"
	"strconv"
)

// kopia deduplicates by content-defined chunks of about 4 MiB, and encrypts.
type kopia struct{}

// Name implements Peer.
func (kopia) Name() string { return "kopia" }

// Needs implements Peer.
func (kopia) Needs() []string { return []string{"kopia"} }

// Version implements Peer. A build outside of its own repository does not know
// its version, so this one is that of the module it was built from.
func (kopia) Version(ctx context.Context) (string, error) {
	return builtFrom(ctx, "kopia", "github.com/kopia/kopia")
}

// Settings implements Peer.
func (kopia) Settings() string {
	return "default policy with `--compression=zstd-fastest` and only `--keep-latest`, filesystem repository; " +
		"unchanged is size, mode, owner and mtime; " +
		"roll back: `restore --write-sparse-files --delete-extra`, which writes everything; " +
		"`snapshot expire`, `maintenance run --full --safety=none`; always encrypts"
}

// Create implements Peer.
func (k kopia) Create(s Site) []Command {
	return []Command{
		k.command(s, "repository", "create", "filesystem", "--path="+s.Store),
		k.command(s, "policy", "set", "--global", "--compression=zstd-fastest",
			"--keep-latest="+strconv.Itoa(s.Keep), "--keep-hourly=0", "--keep-daily=0", "--keep-weekly=0",
			"--keep-monthly=0", "--keep-annual=0"),
	}
}

// Snapshot implements Peer.
func (k kopia) Snapshot(s Site) []Command {
	return []Command{k.command(s, "snapshot", "create", s.Volume)}
}

// Extract implements Peer.
func (k kopia) Extract(s Site) []Command {
	return []Command{k.command(s, "restore", "--write-sparse-files", s.Volume, s.Out)}
}

// RollBack implements Peer.
func (k kopia) RollBack(s Site) []Command {
	return []Command{k.command(s, "restore", "--write-sparse-files", "--delete-extra", s.Volume, s.Volume)}
}

// Prune implements Pruner: what the policy does not keep is forgotten, and the
// space is freed at once, which is safe when nobody else uses the store.
func (k kopia) Prune(s Site) []Command {
	return []Command{
		k.command(s, "snapshot", "expire", "--delete", s.Volume),
		k.command(s, "maintenance", "run", "--full", "--safety=none"),
	}
}

func (kopia) command(s Site, args ...string) Command {
	c := command(append([]string{"kopia", "--no-progress"}, args...)...)
	c.env = []string{
		"KOPIA_PASSWORD=bench", "KOPIA_CHECK_FOR_UPDATES=false", "KOPIA_USE_KEYRING=false",
		"KOPIA_CONFIG_PATH=" + filepath.Join(s.State, "repository.config"),
		"KOPIA_CACHE_DIRECTORY=" + filepath.Join(s.State, "cache"),
		"KOPIA_LOG_DIR=" + filepath.Join(s.State, "log"),
	}
	return c
}
