package faults

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Where things are on a disk, and what they are called.
const (
	storeName = "warm" // the root of the store
	app       = "app"  // whose snapshots are at stake
	other     = "other"
	otherName = "elsewhere" // the one volume of the other app
	visitor   = "third"     // takes a snapshot meanwhile
	// revivedName is the volume of that: what is in it is garbage in the store.
	revivedName = "revived"
)

// A Rig is a disk and the program to try on it. It is used by one goroutine.
type Rig struct {
	*Disk
	program   string   // the path of the command
	under     string   // that of the one that is tried, if it is another: with bugs planted
	env       []string // of the runs under faults, beside that of this process
	help      string   // what it says it can do
	stages    map[stage]*Stage
	rehearsed map[stage]int // of each scenario: the number of calls
}

// A stage names a prepared disk, or a scenario.
type stage struct {
	name string
	seed uint64
}

// A Stage is a disk as a scenario begins.
type Stage struct {
	image    Image
	versions map[int]Listing // of the app's volumes
	live     Listing         // the volumes as they are
	bystand  Listing         // the volume of the other app
	// unfinished are the names in tmp/.
	unfinished []string
}

// NewRig makes a rig with an empty disk.
func NewRig(kind, dir, program string) (*Rig, error) {
	disk, err := NewDisk(kind, dir)
	if err != nil {
		return nil, err
	}
	r := &Rig{Disk: disk, program: program, stages: map[stage]*Stage{}, rehearsed: map[stage]int{}}
	r.help = r.plain("--help").Stdout
	return r, nil
}

// Can reports whether the command has a verb.
func (r *Rig) Can(verb string) bool { return strings.Contains(r.help, "\n   "+verb+" ") }

// Stage returns a prepared disk, which it makes the first time.
func (r *Rig) Stage(name string, seed uint64) (*Stage, error) {
	key := stage{name, seed}
	if st, ok := r.stages[key]; ok {
		return st, nil
	}
	if err := r.wipe(); err != nil {
		return nil, err
	}
	st := &Stage{versions: map[int]Listing{}}
	err := r.prepare(name, st, seed)
	if err == nil {
		st.unfinished = r.unfinishedFiles()
		st.live, err = r.volumes()
	}
	if err == nil {
		st.image, err = r.Save()
	}
	if err != nil {
		return nil, fmt.Errorf("prepare %s: %w", name, err)
	}
	r.stages[key] = st
	return st, nil
}

// wipe removes everything on the disk, and makes the directories of the apps.
func (r *Rig) wipe() error {
	var errs []error
	for _, name := range []string{storeName, volumesName, otherName, revivedName} {
		errs = append(errs, os.RemoveAll(r.Path(name)))
	}
	return errors.Join(append(errs, os.Mkdir(r.Path(volumesName), 0o755), os.Mkdir(r.Path(otherName), 0o755))...)
}

// volumes lists the app's volumes as they are now.
func (r *Rig) volumes() (Listing, error) { return List(r.Path(volumesName), volumeNames...) }

// unfinishedFiles returns the names in the store's tmp/.
func (r *Rig) unfinishedFiles() (names []string) {
	entries, _ := os.ReadDir(r.Path(storeName, ".warmstore", "tmp")) // no store, no files
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// command returns a command line of the program on the store of this disk.
func (r *Rig) command(args ...string) Program {
	return Program{
		Args: append([]string{r.program, "--root", r.Path(storeName)}, args...),
		Env:  append(os.Environ(), "GOGC=off"), // it is gone before it fills the memory
	}
}

// traced runs the program under an action.
func (r *Rig) traced(action Action, args ...string) (*Outcome, error) {
	p := r.command(args...)
	if r.under != "" {
		p.Args[0], p.Env = r.under, append(p.Env, r.env...)
	}
	return Run(p, action)
}

// plain runs the program without faults, and without planted bugs.
func (r *Rig) plain(args ...string) *Outcome {
	p := r.command(args...)
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(p.Args[0], p.Args[1:]...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	o := &Outcome{Code: cmd.ProcessState.ExitCode(), Stdout: stdout.String(), Stderr: stderr.String()}
	if err != nil && o.Stderr == "" {
		o.Stderr = err.Error()
	}
	return o
}

// must runs the program and returns an error unless it exits with 0.
func (r *Rig) must(args ...string) error {
	if o := r.plain(args...); !o.Acknowledged() {
		return fmt.Errorf("%s: exit %d: %s", strings.Join(args, " "), o.Code, o.Stderr)
	}
	return nil
}

// dirs are the flags that name the app's volumes.
func (r *Rig) dirs() (flags []string) {
	for _, name := range volumeNames {
		flags = append(flags, "--dir", name+"="+r.Path(volumesName, name))
	}
	return flags
}
