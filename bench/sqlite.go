package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// sqlite is a database of one file and its write-ahead log, as small apps have
// them: pages are changed in place, and the log is overwritten from its start.
type sqlite struct{ scale Scale }

// Name implements Workload.
func (sqlite) Name() string { return "sqlite" }

// Missing implements Workload.
func (sqlite) Missing() string {
	if _, err := exec.LookPath("sqlite3"); err != nil {
		return "sqlite3"
	}
	return ""
}

// sqliteSettings keep the log when the program ends, and leave syncing to
// bench.
const sqliteSettings = `.dbconfig no_ckpt_on_close on
PRAGMA synchronous = off;
`

// Build implements Workload.
func (s sqlite) Build(ctx context.Context, dir string) error {
	const perMB = 2_000 // messages
	return s.run(ctx, dir, fmt.Sprintf(`PRAGMA page_size = 4096;
PRAGMA journal_mode = wal;
CREATE TABLE message (id INTEGER PRIMARY KEY, room TEXT, sender TEXT, sent INTEGER, body TEXT, hash BLOB);
CREATE INDEX message_room ON message (room, sent);
WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < %d)
INSERT INTO message SELECT n, 'room' || n * 7919 %% 997, '@person' || n * 31 %% 5003 || ':example.com',
	1700000000000 + n * 977, 'Message number ' || n || ' says nothing that matters to anybody: '
	|| hex(sin(n)) || substr('lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod ', 1, n %% 70)
	|| hex(cos(n)), randomblob(64) FROM number;
`, perMB*s.scale.SQLite))
}

// Change implements Workload: each transaction edits one message and sends
// another.
func (s sqlite) Change(ctx context.Context, dir string, night int) error {
	var script strings.Builder
	for i := range s.scale.Transactions {
		n := (night-1)*s.scale.Transactions + i
		fmt.Fprintf(&script, `BEGIN;
UPDATE message SET body = 'edited ' || %d || hex(sin(%d)) WHERE id = 1 + %d %% (SELECT max(id) FROM message);
INSERT INTO message SELECT NULL, 'room%d', sender, sent + 1, body, randomblob(64) FROM message WHERE id = %d;
COMMIT;
`, n, n, n*7907, n%997, n+1)
	}
	return s.run(ctx, dir, script.String())
}

func (sqlite) run(ctx context.Context, dir, script string) error {
	_, _, err := Command{
		args: []string{"sqlite3", "-bail", filepath.Join(dir, "messages.db")},
		in:   sqliteSettings + script,
	}.run(ctx)
	return err
}
