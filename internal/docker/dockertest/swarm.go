package dockertest

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Swarm makes the engine a swarm manager until the test ends. A swarm that
// tests have begun is ended by the last test, of any test binary, that uses
// it; one that was there before is left alone. Call it in each test of a
// binary that uses the engine: a test is then never surprised by another's
// swarm that comes or goes.
//
// The users are counted by shared locks on a file, so that one that is killed
// counts no more. The file says "ours" if tests began the swarm.
func Swarm(t testing.TB) {
	t.Helper()
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "warmstore-dockertest.swarm"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	lock(t, f, syscall.LOCK_SH)
	for swarmState(t) == "inactive" { // then nobody has the lock for long
		lock(t, f, syscall.LOCK_EX)
		if swarmState(t) == "inactive" {
			beginSwarm(t, f)
		}
		lock(t, f, syscall.LOCK_SH)
	}
	t.Cleanup(func() { endSwarm(t, f) })
}

// beginSwarm makes the engine a manager of its own swarm. f is locked by us
// alone.
func beginSwarm(t testing.TB, f *os.File) {
	Docker(t, "swarm", "init", "--advertise-addr", "127.0.0.1")
	if _, err := f.WriteAt([]byte("ours"), 0); err != nil {
		t.Fatal(err)
	}
}

// endSwarm gives up a use of the swarm, and ends it if that was the last one
// and f says that tests began it.
func endSwarm(t testing.TB, f *os.File) {
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return // others use it
	}
	if info, err := f.Stat(); err != nil || info.Size() == 0 {
		return
	}
	if text, err := try("swarm", "leave", "--force"); err != nil {
		t.Errorf("leave swarm: %v\n%s", err, text)
	}
	_, _ = try("network", "rm", "docker_gwbridge") // which the swarm made, and makes again
	if err := f.Truncate(0); err != nil {
		t.Error(err)
	}
}

// lock takes or changes the lock on f.
func lock(t testing.TB, f *os.File, how int) {
	t.Helper()
	if err := syscall.Flock(int(f.Fd()), how); err != nil {
		t.Fatalf("lock %s: %v", f.Name(), err)
	}
}

// swarmState returns "active", "inactive" or what else the node is.
func swarmState(t testing.TB) string {
	t.Helper()
	return Docker(t, "info", "--format", "{{.Swarm.LocalNodeState}}")
}

// A Stack is a Swarm stack that a test has deployed.
type Stack struct {
	Name string
}

// Deploy deploys a stack of that name from a compose file's text. When the test
// ends, the stack is removed with its volumes. The test must have called
// [Swarm].
func Deploy(t testing.TB, name, yaml string) Stack {
	t.Helper()
	s := Stack{name}
	t.Cleanup(func() { s.clean(t) })
	s.Update(t, yaml)
	return s
}

// Update deploys the stack again, from another compose file or after Remove.
// It returns at once; see [Stack.AwaitRunning].
func (s Stack) Update(t testing.TB, yaml string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "compose.yml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	Docker(t, "stack", "deploy", "--detach=true", "--resolve-image", "never", "--compose-file", file, s.Name)
}

// AwaitRunning waits until the stack has n running containers and returns
// their IDs.
func (s Stack) AwaitRunning(t testing.TB, n int) []string {
	t.Helper()
	var running []string
	Await(t, "stack "+s.Name+" runs", func() bool {
		running = s.list(t, "ps", "--quiet")
		return len(running) == n
	})
	return running
}

// Remove removes the stack as "docker stack rm" does: when it returns, the
// services are gone and their containers still run.
func (s Stack) Remove(t testing.TB) {
	t.Helper()
	Docker(t, "stack", "rm", s.Name)
}

// AwaitRemoved waits until the stack's containers and networks are gone.
func (s Stack) AwaitRemoved(t testing.TB) {
	t.Helper()
	Await(t, "stack "+s.Name+" is gone", func() bool {
		return len(s.list(t, "ps", "--all", "--quiet"))+len(s.list(t, "network", "ls", "--quiet")) == 0
	})
}

// clean removes all that the stack has left.
func (s Stack) clean(t testing.TB) {
	s.Remove(t)
	s.AwaitRemoved(t)
	for _, name := range s.list(t, "volume", "ls", "--quiet") {
		removeVolume(t, name)
	}
}

// list runs a docker command that lists objects, for those of the stack.
func (s Stack) list(t testing.TB, args ...string) []string {
	t.Helper()
	return strings.Fields(Docker(t, append(args, "--filter", "label=com.docker.stack.namespace="+s.Name)...))
}
