package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// nobody is who runs the command of that name: a user without any rights.
const nobody = 65534

// TestMain makes this binary the commands of the scripts as well: warmstore,
// and nobody, which is warmstore run by somebody else than root.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"warmstore": main,
		"nobody": func() {
			if err := dropRights(); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(100)
			}
			os.Args[0] = "warmstore"
			main()
		},
	})
}

func dropRights() error {
	if err := syscall.Setgroups(nil); err != nil {
		return err
	}
	if err := syscall.Setgid(nobody); err != nil {
		return err
	}
	return syscall.Setuid(nobody)
}

// TestContract runs the scripts in testdata. Each says in its first line what
// it shows; scripts_test.go has the commands that they use beside testscript's.
func TestContract(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("the command keeps the owners of files, so its tests need root")
	}
	dir, err := filepath.Abs("testdata") // for the working directory changes
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("WARMSTORE_ROOT", env.WorkDir+"/warm")
			env.Setenv("DOCKER_HOST", "unix://"+env.WorkDir+"/docker.sock")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // or each command with -race takes a second longer
			return nil
		},
		Condition: hasTool,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":    exits,
			"json":     jsonAt,
			"keep":     keepAs,
			"tree":     listTree,
			"random":   random,
			"socket":   socket,
			"flip":     flip,
			"lock":     lock,
			"begin":    begin,
			"tmpfs":    tmpfs,
			"engine":   engine,
			"promtool": checkMetrics,
		},
	})
}
