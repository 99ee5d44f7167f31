package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"time"
)

// limitVerb is the name of the limit as a peer, and how bench is told to be it.
const limitVerb = "limit"

// limit does only what nobody can avoid, with all cores, and keeps nothing. It
// is no real peer: no program can be as fast and store anything. It is measured
// as a process of its own like the others.
//
//	first      read all bytes and hash them; here as below, holes are skipped
//	unchanged  stat the tree
//	changed    stat the tree, read and hash the files whose ctime is new
//	touched    read all bytes and hash them
//	restore    copy the tree, and sync
//	rollback   stat both trees, compare the files that differ in size or mtime,
//	           write the 4 KiB blocks that differ, and sync
type limit struct{ self string }

// Name implements Peer.
func (limit) Name() string { return limitVerb }

// Needs implements Peer.
func (l limit) Needs() []string { return []string{l.self} }

// Version implements Peer.
func (limit) Version(context.Context) (string, error) { return "of this bench", nil }

// Settings implements Peer.
func (limit) Settings() string { return "all cores, BLAKE3 over 64 KiB; keeps nothing" }

// Create implements Peer.
func (limit) Create(Site) []Command { return nil }

// Snapshot implements Peer.
func (l limit) Snapshot(s Site) []Command {
	switch s.Taken {
	case 1, 4: // first, touched
		return []Command{l.command("read", s.Volume)}
	case 3: // changed
		return []Command{l.command("changed", s.Volume, fmt.Sprint(s.Changed.UnixNano()))}
	}
	return []Command{l.command("stat", s.Volume)}
}

// Extract implements Peer.
func (l limit) Extract(s Site) []Command { return []Command{l.command("copy", s.Wanted, s.Out)} }

// RollBack implements Peer.
func (l limit) RollBack(s Site) []Command { return []Command{l.command("patch", s.Wanted, s.Volume)} }

func (l limit) command(args ...string) Command {
	return command(append([]string{l.self, limitVerb}, args...)...)
}

// runLimit is bench as the limit.
func runLimit(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("limit: %q: a verb and a directory are needed", args)
	}
	verb, dir, last := args[0], args[1], args[len(args)-1]
	switch verb {
	case "stat":
		return walk(dir, func(string, leaf) error { return nil })
	case "read":
		return readTree(dir, time.Time{})
	case "changed":
		since, err := strconv.ParseInt(last, 10, 64)
		if err != nil {
			return fmt.Errorf("limit: since %q: %w", last, err)
		}
		return readTree(dir, time.Unix(0, since))
	case "copy":
		return synced(last, copyTree(dir, last))
	case "patch":
		return synced(last, patchTree(dir, last))
	}
	return fmt.Errorf("limit: unknown verb %q", verb)
}

// synced makes the file system that holds dir durable, unless err happened.
func synced(dir string, err error) error {
	if err != nil {
		return err
	}
	return syncFS(dir)
}

// syncFS makes durable all that was written to the file system of dir.
func syncFS(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return syncfs(f)
}
