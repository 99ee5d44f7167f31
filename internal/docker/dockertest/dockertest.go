// Package dockertest gives tests a real Docker engine: images, containers,
// volumes and Swarm stacks that are gone when the test ends.
//
// It works through the docker command, so that what a test sets up does not
// come from the code under test. Several test binaries may use one engine at
// the same time: every name is made unique, and nobody ends a swarm that
// another still needs. Do not bind-mount the engine's own directories
// writable: whatever lies in them would count as in use, for all.
package dockertest

import (
	"context"
	"crypto/rand"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// limit bounds one docker command; on a loaded machine they take seconds.
const limit = 2 * time.Minute

// Need skips the test if no engine answers, and says so. Where the environment
// has CI=true, an engine is part of what must be there: the test fails.
func Need(t testing.TB) {
	t.Helper()
	text, err := try("version", "--format", "{{.Server.Version}}")
	if err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("no docker engine answers: %v\n%s", err, text)
	}
	t.Skipf("NOT TESTED: no docker engine answers: %v\n%s", err, text)
}

// Name returns a name that no other test uses, fit for volumes, containers
// and stacks.
func Name() string {
	return "wst" + strings.ToLower(rand.Text()[:10])
}

// Docker runs the docker command and returns its standard output, trimmed. The
// test fails if the command does.
func Docker(t testing.TB, args ...string) string {
	t.Helper()
	text, err := try(args...)
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, text)
	}
	return text
}

// try is Docker without a test. If the command fails, text is what it wrote to
// standard error.
func try(args ...string) (text string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var stdout, stderr strings.Builder
	cmd := exec.CommandContext(ctx, "docker", args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stderr.String(), err
	}
	return strings.TrimSpace(stdout.String()), nil
}

// Volume creates a volume with these flags of "docker volume create" and
// returns its name. It is removed when the test ends.
func Volume(t testing.TB, name string, flags ...string) string {
	t.Helper()
	args := append([]string{"volume", "create"}, flags...)
	Docker(t, append(args, name)...)
	t.Cleanup(func() { removeVolume(t, name) })
	return name
}

// Container starts a container of image in the background, with these flags of
// "docker run" and these arguments, and returns its name. It is removed when
// the test ends.
func Container(t testing.TB, image string, flags []string, args ...string) string {
	t.Helper()
	name := Name()
	run := append([]string{"run", "--detach", "--network", "none", "--name", name}, flags...)
	t.Cleanup(func() { removeContainer(t, name) })
	Docker(t, append(append(run, image), args...)...)
	return name
}

// Await waits until done returns true, and fails the test if that takes more
// than a minute.
func Await(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatalf("after a minute, still not: %s", what)
}

// removeContainer removes a container if it exists.
func removeContainer(t testing.TB, name string) {
	if text, err := try("rm", "--force", "--volumes", name); err != nil && !isMissing(text) {
		t.Errorf("remove container %s: %v\n%s", name, err, text)
	}
}

// removeVolume removes a volume if it exists.
func removeVolume(t testing.TB, name string) {
	if text, err := try("volume", "rm", "--force", name); err != nil && !isMissing(text) {
		t.Errorf("remove volume %s: %v\n%s", name, err, text)
	}
}

// isMissing reports whether the docker command failed for want of its object.
func isMissing(text string) bool {
	return strings.Contains(strings.ToLower(text), "no such")
}
