package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A sqlite is an SQLite database in a directory.
type sqlite struct {
	t    *testing.T
	data string // the volume
}

// command runs the shell of SQLite, which stops at the first error.
func (s sqlite) command() *exec.Cmd {
	return exec.Command(lookTool("sqlite3"), "-batch", "-bail", filepath.Join(s.data, "app.db"))
}

func (s sqlite) sql(statements ...string) string {
	s.t.Helper()
	cmd := s.command()
	cmd.Stdin = strings.NewReader(strings.Join(statements, "\n") + "\n")
	return strings.TrimSpace(output(s.t, cmd))
}

// transfers changes pages all over the database, and the sum of it not at all.
func transfers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "BEGIN; UPDATE account SET balance = balance + %[1]d WHERE id = %[2]d;"+
			" UPDATE account SET balance = balance - %[1]d WHERE id = %[3]d; COMMIT;\n", i, i*37%20000+1, i*91%20000+1)
	}
	return b.String()
}

// state is what the database says it holds.
func (s sqlite) state() string {
	s.t.Helper()
	if got := s.sql("PRAGMA integrity_check;"); got != "ok" {
		s.t.Errorf("integrity_check: %s", got)
	}
	return s.sql("SELECT count(*), sum(balance), sum(balance * id) FROM account;",
		"SELECT count(*), sum(length(b)) FROM extra;")
}

// leaveLog runs transactions that stay in the write-ahead log, as they do where
// the last process did not close the database.
func (s sqlite) leaveLog() {
	s.t.Helper()
	s.sql(".dbconfig no_ckpt_on_close on", "PRAGMA wal_autocheckpoint = 0;", transfers(500))
}

// crash begins a transaction that spills into the database file, and kills the
// process in it: the journal that stays is hot, and part of the data.
func (s sqlite) crash() {
	s.t.Helper()
	cmd := s.command()
	in, err := cmd.StdinPipe()
	try(s.t, err)
	try(s.t, cmd.Start())
	_, err = io.WriteString(in, "PRAGMA cache_size = 5;\nBEGIN;\nUPDATE account SET balance = 7, note = note || 'x';\n")
	try(s.t, err)
	defer cmd.Wait() // which was killed
	defer cmd.Process.Kill()
	for range 1000 {
		if st, err := os.Stat(filepath.Join(s.data, "app.db-journal")); err == nil && st.Size() > 1<<20 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatal("no journal grew")
}

// TestSQLite brings a real database back to its snapshot, one whose last
// transactions are in the write-ahead log and one with a hot rollback journal.
func TestSQLite(t *testing.T) {
	for _, mode := range []struct {
		name, journal string
		leave         func(sqlite) // leaves the database with more than its main file
	}{
		{"WAL", "app.db-wal", sqlite.leaveLog},
		{"DELETE", "app.db-journal", sqlite.crash},
	} {
		t.Run(mode.name, func(t *testing.T) {
			need(t, "root", "rsync", "sqlite3")
			db := sqlite{t, freshDir(t, "sqlite")}
			db.sql("PRAGMA journal_mode = "+mode.name+";",
				"CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER, note TEXT);",
				"CREATE TABLE extra (b BLOB);",
				"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"+
					" INSERT INTO account SELECT i, 1000, hex(randomblob(100)) FROM n;",
				"CREATE INDEX note ON account (note);", transfers(500))
			mode.leave(db)
			if st, err := os.Stat(filepath.Join(db.data, mode.journal)); err != nil || st.Size() == 0 {
				t.Fatalf("no %s to snapshot: %v", mode.journal, err)
			}

			// Opening the database changes it, so its state is asked of a copy.
			want, probe := refer(t, db.data), sqlite{t, filepath.Join(t.TempDir(), "probe")}
			copyTree(t, db.data, probe.data)
			state := probe.state()
			store := newStore(t)
			store.snapshot(t, "app", dir("db", db.data))

			db.sql(transfers(300), "INSERT INTO extra VALUES (randomblob(3000000));",
				"DELETE FROM account WHERE id % 7 = 0;", "VACUUM;")
			if db.state() == state {
				t.Error("the later transactions left no trace")
			}
			store.restore(t, "app")
			want.same(t, db.data)
			if got := db.state(); got != state {
				t.Errorf("the state is %q, want %q", got, state)
			}
			db.sql(transfers(10)) // it lives
			db.state()
		})
	}
}
