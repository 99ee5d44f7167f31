package faults

import (
	"errors"
	"fmt"
	"os"
)

// The exit codes of the command that a verdict depends on.
const (
	exitDone       = 0
	exitNotFound   = 4
	exitFull       = 7
	exitUnfinished = 8
)

// A Scenario is a command under test, what it finds and what it must leave.
type Scenario struct {
	Name  string
	Verb  string // it is left out if the command has no such verb
	Stage string // what it finds, a key of stages
	Args  []string
	Dirs  bool // the flags of the app's volumes follow Args
	// The version of the volumes that the app's last-good has before and after;
	// 0: there is none.
	Before, After int
	// Restores is set if the command changes the volumes: to version After.
	Restores bool
}

// Scenarios are the commands that are swept. One more is one entry more.
var Scenarios = []Scenario{
	{
		Name: "first snapshot", Stage: "volumes",
		Args: []string{"snapshot", app}, Dirs: true, After: 1,
	},
	{
		Name: "snapshot", Stage: "stored",
		Args: []string{"snapshot", app}, Dirs: true, Before: 2, After: 3,
	},
	{
		Name: "snapshot, keep 2", Stage: "stored",
		Args: []string{"snapshot", app, "--keep", "2"}, Dirs: true, Before: 2, After: 3,
	},
	{
		Name: "snapshot after a kill", Stage: "snapshot killed",
		Args: []string{"snapshot", app}, Dirs: true, Before: 2, After: 3,
	},
	{
		Name: "restore", Stage: "stored",
		Args: []string{"restore", app}, Before: 2, After: 2, Restores: true,
	},
	{
		Name: "restore after a kill", Stage: "restore killed",
		Args: []string{"restore", app}, Before: 2, After: 2, Restores: true,
	},
	{
		Name: "forget", Stage: "stored",
		Args: []string{"forget", app}, Before: 2,
	},
	{
		Name: "gc", Verb: "gc", Stage: "garbage",
		Args: []string{"gc", "--min-garbage", "1"}, Before: 2, After: 2,
	},
	{
		Name: "gc after a kill", Verb: "gc", Stage: "gc killed",
		Args: []string{"gc", "--min-garbage", "1"}, Before: 2, After: 2,
	},
	{
		Name: "repair", Verb: "repair", Stage: "damaged",
		Args: []string{"repair"}, Before: 2, After: 2,
	},
	{
		Name: "repair after a kill", Verb: "repair", Stage: "repair killed",
		Args: []string{"repair"}, Before: 2, After: 2,
	},
}

// Find returns the scenario of this name.
func Find(name string) (Scenario, error) {
	for _, s := range Scenarios {
		if s.Name == name {
			return s, nil
		}
	}
	return Scenario{}, fmt.Errorf("no scenario %q", name)
}

// args returns the arguments of the command under test.
func (s Scenario) args(r *Rig) []string {
	args := s.Args
	if s.Dirs {
		args = append(append([]string{}, args...), r.dirs()...)
	}
	return args
}

// stages prepare an empty disk.
var stages = map[string]func(*Rig, *Stage, uint64) error{
	"volumes": (*Rig).bare,
	"stored":  (*Rig).stored,
	"garbage": (*Rig).garbage,
	"damaged": (*Rig).damaged,
	"snapshot killed": func(r *Rig, st *Stage, seed uint64) error {
		snapshot := append([]string{"snapshot", app}, r.dirs()...)
		return errors.Join(r.stored(st, seed), r.killed("renameat", "/snapshots/", snapshot...))
	},
	"restore killed": func(r *Rig, st *Stage, seed uint64) error {
		return errors.Join(r.stored(st, seed), r.killed("", "/data/renamed", "restore", app))
	},
	"gc killed": func(r *Rig, st *Stage, seed uint64) error {
		return errors.Join(r.garbage(st, seed), r.killed("unlinkat", "/blobs/", "gc", "--min-garbage", "1"))
	},
	"repair killed": func(r *Rig, st *Stage, seed uint64) error {
		return errors.Join(r.damaged(st, seed), r.killed("renameat", "", "repair"))
	},
}

// bare is volumes of version 1, and no store.
func (r *Rig) bare(st *Stage, seed uint64) error { return r.version(st, seed, 1) }

// stored is a store with two states of the app and one of the other app; the
// volumes have changed again since.
func (r *Rig) stored(st *Stage, seed uint64) error {
	snapshot := append([]string{"snapshot", app, "--keep", "2"}, r.dirs()...)
	err := os.WriteFile(r.Path(otherName, "file"), fmt.Appendf(nil, "of the other app, seed %d", seed), 0o644)
	for n := 1; n <= 2 && err == nil; n++ {
		if err = r.version(st, seed, n); err == nil {
			err = r.must(snapshot...)
		}
	}
	if err != nil {
		return err
	}
	if err := r.must("snapshot", other, "--dir", otherName+"="+r.Path(otherName)); err != nil {
		return err
	}
	if st.bystand, err = List(r.Root, otherName); err != nil {
		return err
	}
	return r.version(st, seed, 3)
}

// garbage is a store whose app keeps one snapshot only of three, the last of
// which was taken of version 2 again.
func (r *Rig) garbage(st *Stage, seed uint64) error {
	if err := r.stored(st, seed); err != nil {
		return err
	}
	for _, args := range [][]string{
		append([]string{"snapshot", "third", "--no-gc"}, r.dirs()...),
		{"restore", app},
		append([]string{"snapshot", app, "--no-gc"}, r.dirs()...),
		{"forget", "third", "--no-gc"},
	} {
		if err := r.must(args...); err != nil {
			return err
		}
	}
	return nil
}

// damaged is a store whose index holds nothing but zeros.
func (r *Rig) damaged(st *Stage, seed uint64) error {
	if err := r.stored(st, seed); err != nil {
		return err
	}
	return os.WriteFile(r.Path(storeName, ".warmstore", "index.db"), make([]byte, 32<<10), 0o600)
}

// version makes version n of the volumes and lists it.
func (r *Rig) version(st *Stage, seed uint64, n int) (err error) {
	if err := build(r.Path(volumesName), seed, n); err != nil {
		return err
	}
	st.versions[n], err = r.volumes()
	return err
}

// killed runs a command that is killed at the first call of a name that is on a
// file whose path contains text.
func (r *Rig) killed(call, text string, args ...string) error {
	o, err := r.traced(&ambush{call: call, text: text}, args...)
	if err == nil && o.Code != -1 {
		err = fmt.Errorf("%q: there was no %s of %s to kill it at: exit %d: %s", args, call, text, o.Code, o.Stderr)
	}
	return err
}
