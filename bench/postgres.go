package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// A cluster is a Postgres database cluster in a directory, reached by a socket
// in the scratch directory and by nothing else. It runs only while it is
// filled or changed, and is always stopped cleanly.
type cluster struct {
	bin   string              // directory of the programs
	owner *syscall.Credential // Postgres refuses to run as root
	sock  string              // directory of the socket and the server's log
}

// newCluster finds Postgres. Without it bin is empty.
func newCluster(scratch, name string) cluster {
	return cluster{bin: postgresBin(), owner: serverOwner("postgres"), sock: filepath.Join(scratch, name+".sock")}
}

// postgresBin returns the directory of the newest Postgres with all programs.
func postgresBin() string {
	dirs, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is valid
	slices.Reverse(dirs)
	if path, err := exec.LookPath("initdb"); err == nil {
		dirs = append([]string{filepath.Dir(path)}, dirs...)
	}
	for _, dir := range dirs {
		whole := true
		for _, program := range []string{"initdb", "pg_ctl", "psql", "pgbench"} {
			_, err := os.Stat(filepath.Join(dir, program))
			whole = whole && err == nil
		}
		if whole {
			return dir
		}
	}
	return ""
}

// serverOwner returns the user to run a server as, preferably its own, or nil.
func serverOwner(own string) *syscall.Credential {
	for _, name := range []string{own, "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(account.Uid, 10, 32)
		if err != nil {
			continue
		}
		gid, err := strconv.ParseUint(account.Gid, 10, 32)
		if err != nil {
			continue
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return nil
}

// Missing implements Workload.
func (c cluster) Missing() string {
	switch {
	case c.bin == "":
		return "Postgres: initdb, pg_ctl, psql and pgbench"
	case c.owner == nil:
		return "a user postgres or nobody"
	}
	return ""
}

// create makes an empty cluster of the directory.
func (c cluster) create(ctx context.Context, dir string) error {
	if err := os.Mkdir(c.sock, 0o755); err != nil {
		return err
	}
	for _, path := range []string{dir, c.sock} {
		if err := os.Chown(path, int(c.owner.Uid), int(c.owner.Gid)); err != nil {
			return err
		}
	}
	return c.run(ctx, "", "initdb", "-D", dir, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
}

// filling, as a setting, keeps the log from growing while a database is filled
// far faster than it would be in use.
const filling = "-c max_wal_size=96MB"

// during runs the server on dir while work is done. Its settings are Postgres'
// own, and those given; it only leaves syncing to bench, which changes no byte of
// what it stores.
func (c cluster) during(ctx context.Context, dir, settings string, work func() error) error {
	log := filepath.Join(c.sock, "log")
	settings += " -c fsync=off -c synchronous_commit=off -c listen_addresses='' -c unix_socket_directories=" + c.sock
	if err := c.run(ctx, "", "pg_ctl", "-w", "-s", "-D", dir, "-l", log, "-o", settings, "start"); err != nil {
		return err
	}
	err := work()
	// Not with ctx: the server must stop when the rest is cancelled, too.
	stop := c.run(context.WithoutCancel(ctx), "", "pg_ctl", "-w", "-s", "-D", dir, "-m", "fast", "stop")
	if err == nil {
		err = stop
	}
	return err
}

// run runs one of Postgres' programs.
func (c cluster) run(ctx context.Context, in, program string, args ...string) error {
	_, _, err := Command{
		args: append([]string{filepath.Join(c.bin, program)}, args...),
		dir:  c.sock,
		env:  []string{"PGHOST=" + c.sock, "PGUSER=postgres", "PGDATABASE=postgres", "LC_ALL=C"},
		user: c.owner,
		in:   in,
	}.run(ctx)
	return err
}

func (c cluster) sql(ctx context.Context, script string) error {
	return c.run(ctx, script, "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-f", "-")
}

// transact runs n transactions with pgbench, the same ones whenever the seed is
// the same; further arguments say which.
func (c cluster) transact(ctx context.Context, seed, n int, args ...string) error {
	const clients = 4
	return c.run(ctx, "", "pgbench", append([]string{
		"-n", "--random-seed=" + strconv.Itoa(seed), "-c", strconv.Itoa(clients), "-t", strconv.Itoa(max(1, n/clients)),
	}, args...)...)
}

// pgbench is the database that Postgres' own benchmark makes: few tables, all
// fillers, which compress far better than what apps store.
type pgbench struct {
	cluster
	scale Scale
}

func newPgbench(scale Scale, scratch string) pgbench {
	return pgbench{newCluster(scratch, "pgbench"), scale}
}

// Name implements Workload.
func (p pgbench) Name() string { return "pgbench" }

// Build implements Workload.
func (p pgbench) Build(ctx context.Context, dir string) error {
	const unit = 15.0 // MB of one branch with its accounts
	if err := p.create(ctx, dir); err != nil {
		return fmt.Errorf("build pgbench: %w", err)
	}
	branches := max(1, int(math.Round(float64(p.scale.Database)/unit)))
	return p.during(ctx, dir, filling, func() error {
		return p.run(ctx, "", "pgbench", "-i", "-q", "-s", strconv.Itoa(branches))
	})
}

// Change implements Workload.
func (p pgbench) Change(ctx context.Context, dir string, night int) error {
	return p.during(ctx, dir, "", func() error { return p.transact(ctx, night, p.scale.Transactions) })
}
