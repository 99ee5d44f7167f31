package e2e

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A cluster is a Postgres database cluster in a directory, reached by a socket
// beside it and by nothing else, so that clusters never meet.
type cluster struct {
	t    *testing.T
	data string // the volume
	sock string
	user *syscall.Credential // Postgres refuses to run as root
}

// newCluster makes a cluster that is not running.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	need(t, "root", "rsync", "initdb", "pg_ctl", "psql", "pgbench", "pg_amcheck")
	account, err := user.Lookup("postgres")
	if err != nil {
		account, err = user.Lookup("nobody")
	}
	try(t, err)
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	try(t, err)
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	try(t, err)
	owner := &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	c := &cluster{t, freshDir(t, "pgdata"), freshDir(t, "sock"), owner}
	for _, path := range []string{c.data, c.sock} {
		try(t, os.Chown(path, int(uid), int(gid)))
	}
	c.run("initdb", "-D", c.data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	return c
}

// run runs one of Postgres' programs against the cluster.
func (c *cluster) run(program string, args ...string) string {
	c.t.Helper()
	cmd := exec.Command(lookTool(program), args...)
	cmd.Dir = c.sock
	cmd.Env = append(os.Environ(), "PGHOST="+c.sock, "PGUSER=postgres", "PGDATABASE=postgres", "LC_ALL=C")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.user}
	return output(c.t, cmd)
}

// start starts the server, which is stopped at the end of the test at the latest.
func (c *cluster) start() {
	c.t.Helper()
	options := "-c unix_socket_directories=" + c.sock + " -c listen_addresses=''"
	c.run("pg_ctl", "-w", "-D", c.data, "-l", filepath.Join(c.sock, "log"), "-o", options, "start")
	c.t.Cleanup(func() {
		if _, err := os.Stat(filepath.Join(c.data, "postmaster.pid")); err == nil {
			c.stop()
		}
	})
}

func (c *cluster) stop() {
	c.t.Helper()
	c.run("pg_ctl", "-w", "-D", c.data, "-m", "fast", "stop")
}

func (c *cluster) sql(query string) string {
	c.t.Helper()
	return strings.TrimSpace(c.run("psql", "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", query))
}

// bench runs pgbench's transactions, each of which moves money between an
// account, a teller and a branch, and notes it in the history.
func (c *cluster) bench(transactions int) {
	c.t.Helper()
	c.run("pgbench", "-n", "-c", "4", "-t", strconv.Itoa(transactions/4))
}

// balances returns the number of rows and the sum of money of each table. All
// four sums are equal in every state that a transaction has left behind.
func (c *cluster) balances() string {
	c.t.Helper()
	sums := c.sql(`
		SELECT sum(abalance) FROM pgbench_accounts UNION ALL SELECT sum(bbalance) FROM pgbench_branches UNION ALL
		SELECT sum(tbalance) FROM pgbench_tellers UNION ALL SELECT sum(delta) FROM pgbench_history`)
	for sum := range strings.Lines(sums) {
		if strings.TrimSpace(sum) != strings.Fields(sums)[0] {
			c.t.Errorf("the balances differ: %q", sums)
		}
	}
	return sums + "\n" + c.sql(`
		SELECT count(*) FROM pgbench_accounts UNION ALL SELECT count(*) FROM pgbench_branches UNION ALL
		SELECT count(*) FROM pgbench_tellers UNION ALL SELECT count(*) FROM pgbench_history`)
}

// TestPostgres brings a real database back to its snapshot, after it has lived
// on in ways that change files, remove them and make new ones.
func TestPostgres(t *testing.T) {
	c := newCluster(t)
	c.start()
	c.run("pgbench", "-i", "-q", "-s", "10")
	c.sql("CREATE EXTENSION amcheck")
	c.sql("CREATE TABLE doomed AS SELECT g, md5(g::text) FROM generate_series(1, 50000) g")
	c.bench(2000)
	balances := c.balances()
	c.stop()

	s, want := newStore(t), refer(t, c.data)
	s.snapshot(t, "app", dir("pgdata", c.data))

	c.start()
	c.bench(4000)
	c.sql("DROP TABLE doomed")
	c.sql("CREATE TABLE extra AS SELECT g, md5(g::text) FROM generate_series(1, 50000) g")
	c.sql("CREATE DATABASE extra")
	c.sql("VACUUM FULL pgbench_branches")
	c.sql("VACUUM ANALYZE")
	if c.balances() == balances {
		t.Error("the later transactions left no trace")
	}
	c.stop()

	s.restore(t, "app")
	want.same(t, c.data)
	c.start()
	c.run("pg_amcheck", "--heapallindexed", "--rootdescend", "--all")
	if got := c.balances(); got != balances {
		t.Errorf("balances and rows are %q, want %q", got, balances)
	}
	if n := c.sql("SELECT count(*) FROM doomed"); n != "50000" {
		t.Errorf("the dropped table has %s rows", n)
	}
	c.bench(400) // it lives
	c.balances()
	c.stop()
}
