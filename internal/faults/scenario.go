package faults

import "fmt"

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
	Stage string // what it finds
	Args  []string
	Dirs  bool // the flags of the app's volumes follow Args
	// The version of the volumes that the app's last-good has before and after;
	// 0: there is none.
	Before, After int
	// Spared says that the other app can be restored as things are, and must stay
	// so even if the command does not come to its end.
	Spared bool
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
		Name: "snapshot of what comes back", Stage: "base gone",
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
	{
		Name: "repair of a pack", Verb: "repair", Stage: "pack damaged", Spared: true,
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
