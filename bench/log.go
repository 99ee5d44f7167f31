package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// logs is a log that is appended to and rotated, and beside it a dump that is
// made anew each night, with a few rows changed, gone and new: so most bytes
// are the same, at other offsets.
type logs struct{ bytes int }

// rotated is how many old logs are kept.
const rotated = 3

// Name implements Workload.
func (logs) Name() string { return "log" }

// Missing implements Workload.
func (logs) Missing() string { return "" }

// Build implements Workload.
func (l logs) Build(ctx context.Context, dir string) error {
	for n := range rotated + 1 {
		if err := l.extend(filepath.Join(dir, logName(n)), uint64(n), l.bytes/8); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return l.dump(dir, 0)
}

// Change implements Workload.
func (l logs) Change(ctx context.Context, dir string, night int) error {
	seed := 98 + 2*uint64(night) // and the one after it; those of Build are less
	if err := l.extend(filepath.Join(dir, logName(0)), seed, l.bytes/80); err != nil {
		return err
	}
	for n := rotated; n > 0; n-- { // the last one is overwritten
		if err := os.Rename(filepath.Join(dir, logName(n-1)), filepath.Join(dir, logName(n))); err != nil {
			return err
		}
	}
	if err := l.extend(filepath.Join(dir, logName(0)), seed+1, l.bytes/40); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return l.dump(dir, night)
}

func logName(n int) string {
	if n == 0 {
		return "app.log"
	}
	return fmt.Sprintf("app.log.%d", n)
}

// extend appends n bytes of lines to a log.
func (logs) extend(path string, seed uint64, n int) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	w, random := bufio.NewWriter(f), rand.New(rand.NewPCG(seed, 4))
	for at := 0; at < n; {
		line := fmt.Sprintf("2025-01-%02dT%02d:%02d:%02d.%03dZ INFO request %016x took %d ms: %s\n",
			1+at*28/n, at%24, at%60, random.IntN(60), random.IntN(1000),
			random.Uint64(), random.IntN(400), prose(random, 60))
		w.WriteString(line) // Flush has the error
		at += len(line)
	}
	return errors.Join(w.Flush(), f.Close())
}

// dump writes the dump of night n in place of the one before.
func (l logs) dump(dir string, night int) error {
	path := filepath.Join(dir, "dump.sql")
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	for row, at := 0, 0; at < l.bytes/2; row++ {
		line := dumpRow(row, night)
		w.WriteString(line) // Flush has the error
		at += len(line)
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// dumpRow returns what the dump of a night has of a row. Each night one more in
// 500 is gone, one is changed, and one is followed by a new one, all of which
// stays so; from night 100 on nothing more happens to the rows.
func dumpRow(row, night int) string {
	random := rand.New(rand.NewPCG(uint64(row), 5))
	text := func() string {
		return fmt.Sprintf("INSERT INTO page VALUES (%d, '%016x', '%s');\n", row, random.Uint64(), prose(random, 200))
	}
	line := text()
	night = min(night, 100)
	switch kind := row % 500; {
	case kind >= 100 && kind < 100+night:
		return ""
	case kind >= 200 && kind < 200+night:
		return text()
	case kind >= 300 && kind < 300+night:
		return line + text()
	}
	return line
}
