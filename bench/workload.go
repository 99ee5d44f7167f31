package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// A Workload is a volume that an app could have.
type Workload interface {
	Name() string
	// Missing says what the workload needs that is not here, if anything.
	Missing() string
	// Build fills the empty directory dir.
	Build(ctx context.Context, dir string) error
	// Change changes dir, which holds what Build made and the nights before have
	// changed, or a copy of it, as the app would between two snapshots. The first
	// night is 1. Nothing runs in it when it returns.
	Change(ctx context.Context, dir string, night int) error
}

// workloads returns all workloads at a scale. Scratch is a directory for what
// they need beside the volume.
func workloads(scale Scale, scratch string) []Workload {
	all := []Workload{
		newKeycloak(scale, scratch),
		newPgbench(scale, scratch),
		newMariadb(scale, scratch),
		sqlite{scale: scale},
		smallFiles{count: scale.Files},
		logs{bytes: scale.Log << 20},
		image{bytes: int64(scale.Image) << 20},
	}
	for _, size := range scale.Further {
		all = append(all, newKeycloakOf(size, scale, scratch))
	}
	return all
}

// kind returns the name of a workload without its size.
func kind(workload string) string {
	name, _, _ := strings.Cut(workload, "-")
	return name
}

// chosenWorkloads returns those that were asked for, which must be possible
// here, or all that are possible. Who asks for a kind gets all sizes of it.
func chosenWorkloads(opts Options, scratch string, say func(string, ...any)) (chosen []Workload, err error) {
	var names []string
	standard := opts.scale.workloads
	for _, w := range workloads(opts.scale, scratch) {
		names = append(names, w.Name())
		asked := slices.Contains(opts.workloads, w.Name()) || slices.Contains(opts.workloads, kind(w.Name()))
		missing := w.Missing()
		switch {
		case len(opts.workloads) > 0 && !asked:
		case len(opts.workloads) == 0 && len(standard) > 0 && !slices.Contains(standard, kind(w.Name())):
		case missing == "":
			chosen = append(chosen, w)
		case asked:
			return nil, fmt.Errorf("workload %s needs %s", w.Name(), missing)
		default:
			say("workload %s is left out, for want of %s", w.Name(), missing)
		}
	}
	for _, name := range opts.workloads {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("unknown workload %q; there are %s", name, strings.Join(names, ", "))
		}
	}
	return chosen, nil
}
