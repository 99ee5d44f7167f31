package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// mariadbSQL makes the tables, and the procedures that fill and change them.
//
//go:embed mariadb.sql
var mariadbSQL string

// mariadb is a database as Nextcloud makes it, in InnoDB: files with their paths,
// hashes and etags, shares, tokens, and an activity log with JSON, and their indexes.
// It compresses to about a quarter. The server is reached by a socket in the scratch
// directory and by nothing else; it runs only while the database is filled or
// changed, and is always stopped cleanly.
type mariadb struct {
	owner *syscall.Credential // the server refuses to run as root
	sock  string              // directory of the socket
	scale Scale
}

func newMariadb(scale Scale, scratch string) mariadb {
	return mariadb{serverOwner("mysql"), filepath.Join(scratch, "mariadb.sock"), scale}
}

// Name implements Workload.
func (mariadb) Name() string { return "mariadb" }

// Missing implements Workload.
func (m mariadb) Missing() string {
	var missing []string
	for _, program := range []string{"mariadb-install-db", "mariadbd", "mariadb-admin", "mariadb"} {
		if _, err := os.Stat(mariadbProgram(program)); err != nil {
			missing = append(missing, program)
		}
	}
	if m.owner == nil {
		missing = append(missing, "a user mysql or nobody")
	}
	return strings.Join(missing, ", ")
}

// mariadbProgram returns the path of one of MariaDB's programs. The server may be
// where only root looks for programs.
func mariadbProgram(name string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	return filepath.Join("/usr/sbin", name)
}

// Build implements Workload.
func (m mariadb) Build(ctx context.Context, dir string) error {
	const perMB = 450 // files
	if err := m.create(ctx, dir); err != nil {
		return err
	}
	script := fmt.Sprintf("%s\nCALL fill(%d);\n", mariadbSQL, max(1000, perMB*m.scale.Database))
	return m.during(ctx, dir, func() error { return m.sql(ctx, script) })
}

// Change implements Workload: people change files, some add or share one, and
// some delete one. Transactions have numbers, and each night goes on from the last.
func (m mariadb) Change(ctx context.Context, dir string, _ int) error {
	script := fmt.Sprintf("USE nextcloud\nCALL work(%d);\n", m.scale.Transactions)
	return m.during(ctx, dir, func() error { return m.sql(ctx, script) })
}

// create makes of the directory what a server starts with.
func (m mariadb) create(ctx context.Context, dir string) error {
	if err := os.Mkdir(m.sock, 0o755); err != nil {
		return err
	}
	for _, path := range []string{dir, m.sock} {
		if err := os.Chown(path, int(m.owner.Uid), int(m.owner.Gid)); err != nil {
			return err
		}
	}
	return m.run(ctx, "mariadb-install-db", "--no-defaults", "--datadir="+dir,
		"--skip-test-db", "--skip-name-resolve", "--auth-root-authentication-method=normal")
}

// patience is how long the server may take until it answers, which it does later
// the longer its log is.
const patience = 5 * time.Minute

// during runs the server on dir while work is done. It is stopped when the rest is
// cancelled, too, and killed only if it does not stop.
func (m mariadb) during(ctx context.Context, dir string, work func() error) error {
	group, up := errgroup.WithContext(context.WithoutCancel(ctx))
	serving, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	group.Go(func() error { return m.serve(serving, dir) })
	group.Go(func() error {
		err := m.await(up)
		if err == nil {
			err = work()
		}
		stop := m.admin(serving, "shutdown")
		if stop != nil {
			kill()
		}
		return errors.Join(err, stop)
	})
	return group.Wait()
}

// serve runs the server until it is told to stop. Its settings are MariaDB's own; it
// only leaves syncing to bench, which changes no byte of what it stores.
func (m mariadb) serve(ctx context.Context, dir string) error {
	return m.run(ctx, "mariadbd", "--no-defaults", "--datadir="+dir, "--socket="+m.socket(),
		"--pid-file="+filepath.Join(m.sock, "pid"), "--tmpdir="+m.sock, "--skip-networking",
		"--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--skip-sync-frm")
}

// await returns when the server answers.
func (m mariadb) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := m.admin(ctx, "ping")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (m mariadb) admin(ctx context.Context, verb string) error {
	return m.run(ctx, "mariadb-admin", "--no-defaults", "--user=root", "--socket="+m.socket(), verb)
}

func (m mariadb) sql(ctx context.Context, script string) error {
	_, _, err := m.client(script).run(ctx)
	return err
}

// client returns the command that runs a script.
func (m mariadb) client(script string) Command {
	return m.command(script, "mariadb", "--no-defaults", "--user=root", "--socket="+m.socket(), "--batch")
}

func (m mariadb) socket() string { return filepath.Join(m.sock, "socket") }

// run runs one of MariaDB's programs.
func (m mariadb) run(ctx context.Context, program string, args ...string) error {
	_, _, err := m.command("", program, args...).run(ctx)
	return err
}

func (m mariadb) command(in, program string, args ...string) Command {
	return Command{
		args: append([]string{mariadbProgram(program)}, args...),
		dir:  m.sock,
		env:  []string{"LC_ALL=C"},
		user: m.owner,
		in:   in,
	}
}
