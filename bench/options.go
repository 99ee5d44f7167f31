package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Options are what the command line says.
type Options struct {
	scale     Scale
	workloads []string // empty: all that can be built here
	peers     []string // empty: all that are found here
	also      []string // NAME=PATH of further warmstore programs
	rounds    int
	nights    int
	retain    int  // snapshots that nights keep
	cold      bool // caches are dropped before every step
	keep      bool // the scratch directory
	out       string
	from      []string // files of results to show instead of running anything
	scratch   string
}

// A Scale is how large the workloads are.
type Scale struct {
	Name         string `json:"name"`
	Database     int    `json:"database_mb"` // of each workload on a server, about
	SQLite       int    `json:"sqlite_mb"`
	Log          int    `json:"log_mb"`
	Image        int    `json:"image_mb"` // a tenth of it is data
	Files        int    `json:"files"`
	Transactions int    `json:"transactions"`
	Further      []int  `json:"further_mb,omitempty"` // of further keycloaks, to see what grows with size

	workloads []string // run unless others are asked for; empty: all that can be built here
}

// The scales. Small shows that everything works, with one workload of each kind
// so that it ends soon; full is what targets are about.
func scales() []Scale {
	return []Scale{
		{Name: "small", Database: 16, SQLite: 8, Log: 8, Image: 64, Files: 2_000, Transactions: 10_000,
			workloads: []string{"keycloak", "smallfiles", "log", "image"}},
		{Name: "full", Database: 1_700, SQLite: 500, Log: 1_000, Image: 20_000, Files: 70_000, Transactions: 10_000},
	}
}

func parseOptions(args []string, stderr io.Writer) (Options, error) {
	var opts Options
	var scale string
	var sizes []int
	var transactions int
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&scale, "scale", "small", "`small` or full")
	flags.Func("size", "make databases, logs and images of about `MB` instead; of MB,MB,…: keycloak also of the others",
		numbers(&sizes))
	flags.IntVar(&transactions, "transactions", 0, "change databases by `N` transactions instead")
	flags.Func("workloads", "run only these, `A,B`", list(&opts.workloads))
	flags.Func("peers", "run only these, `A,B`", list(&opts.peers))
	flags.Func("also", "run another warmstore program as a peer, `NAME=PATH`", list(&opts.also))
	flags.IntVar(&opts.rounds, "rounds", -1, "repeat all steps `N` times (-1: small 1, full 3)")
	flags.IntVar(&opts.nights, "nights", 0, "change every volume in `N` nights, with a snapshot after each")
	flags.IntVar(&opts.retain, "retain", 7, "keep the newest `N` snapshots of nights")
	flags.BoolVar(&opts.cold, "cold", false, "drop the machine's caches before every step")
	flags.BoolVar(&opts.keep, "keep", false, "keep the scratch directory")
	flags.StringVar(&opts.out, "out", "bench/scratch/results", "write table.md, its charts and results.json into `DIR`")
	flags.Func("from", "run nothing, but write the page of these results, `A.json,B.json`", list(&opts.from))
	flags.StringVar(&opts.scratch, "scratch", "/var/tmp", "work in a new directory in `DIR`, on a real disk")
	if err := flags.Parse(args); err != nil {
		return opts, err
	}
	if flags.NArg() > 0 {
		return opts, fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	return opts, opts.choose(scale, sizes, transactions)
}

func list(to *[]string) func(string) error {
	return func(s string) error {
		*to = append(*to, strings.Split(s, ",")...)
		return nil
	}
}

// numbers reads numbers from 1 on.
func numbers(to *[]int) func(string) error {
	return func(s string) error {
		for word := range strings.SplitSeq(s, ",") {
			n, err := strconv.Atoi(word)
			if err != nil {
				return err
			}
			if n < 1 {
				return fmt.Errorf("%d is less than 1", n)
			}
			*to = append(*to, n)
		}
		return nil
	}
}

// choose sets the scale, and checks what can be checked before any work.
func (o *Options) choose(name string, sizes []int, transactions int) error {
	i := slices.IndexFunc(scales(), func(s Scale) bool { return s.Name == name })
	if i < 0 {
		return fmt.Errorf("unknown scale %q", name)
	}
	o.scale = scales()[i]
	if len(sizes) > 0 {
		o.scale.Database, o.scale.SQLite, o.scale.Log, o.scale.Image = sizes[0], sizes[0], sizes[0], sizes[0]
		o.scale.Further = sizes[1:]
	}
	if transactions > 0 {
		o.scale.Transactions = transactions
	}
	if o.nights < 0 || o.retain < 1 {
		return fmt.Errorf("-nights %d, -retain %d: at least 0 and 1", o.nights, o.retain)
	}
	if o.rounds < 0 {
		o.rounds = 1
		if name == "full" {
			o.rounds = 3
		}
	}
	if os.Geteuid() != 0 && len(o.from) == 0 {
		return fmt.Errorf("bench must be root, as warmstore is: owners are restored")
	}
	return nil
}
