// Command bench runs warmstore beside its peers, on real workloads, and writes
// a table and the raw numbers. Peers take turns within every round, so that
// what else the machine does hits them all; each figure also stands in percent
// of a limit, a program that does only what nobody can avoid.
//
//	go run ./bench -scale small
//	go run ./bench -scale full -workloads keycloak -rounds 5 -cold
//	go run ./bench -workloads mariadb,image -peers restic,casync -size 200
//	go run ./bench -scale full -workloads keycloak,pgbench -rounds 0 -nights 30
//	go run ./bench -from steps/results.json,nights/results.json -out docs/bench
//
// What is run: -scale, or -size and -transactions; -workloads, -peers, and -also for
// other builds of warmstore. How: -rounds, -nights and -retain, -cold. Where: -scratch
// and -keep, and -out for what comes out. -from runs nothing and shows earlier runs.
// All are optional; -h says what each is without them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == limitVerb {
		os.Exit(exit(runLimit(os.Args[2:])))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr)))
}

func exit(err error) int {
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	}
	fmt.Fprintln(os.Stderr, "bench:", err)
	return 1
}

// run does what the command line says. The table goes to stdout, what is being
// done meanwhile to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	opts, err := parseOptions(args, stderr)
	if err != nil {
		return err
	}
	if len(opts.from) > 0 {
		return show(opts.from, opts.out, stdout)
	}
	b, err := newBench(ctx, opts, stderr)
	if err != nil {
		return err
	}
	defer b.close()
	if err := b.all(ctx); err != nil {
		return err
	}
	return b.result.table(stdout)
}
