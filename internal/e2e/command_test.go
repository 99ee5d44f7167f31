package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The exit codes of the command.
const (
	exitDone       = 0
	exitUsage      = 2
	exitInUse      = 3
	exitNone       = 4
	exitFull       = 7
	exitUnfinished = 8
)

// buildDir is where the command is built, for all tests of this process.
var buildDir string

// binary is the command, static as make build makes it.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(buildDir, "warmstore")
	build := exec.Command("go", "build", "-trimpath", "-o", path, "../../cmd/warmstore")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the command: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "warmstore-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	buildDir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// A storeDir is the root of a store, as --root names it.
type storeDir string

// newStore returns the root of a store that does not exist yet.
func newStore(t *testing.T) storeDir {
	return storeDir(filepath.Join(t.TempDir(), "warm"))
}

// A result is what one run of the command left behind.
type result struct {
	args           []string
	code           int // -1 if a signal ended it
	stdout, stderr string
	took           time.Duration
}

// A process is a run of the command that has not ended.
type process struct {
	*exec.Cmd
	stdout, stderr bytes.Buffer
	began          time.Time
}

// start starts the command with the store as its root.
func (s storeDir) start(t *testing.T, args ...string) *process {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.Command(path, append([]string{"--root", string(s)}, args...)...), began: time.Now()}
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p
}

// wait waits for the end of p.
func (p *process) wait(t *testing.T) result {
	t.Helper()
	var exit *exec.ExitError
	if err := p.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{p.Args[1:], p.ProcessState.ExitCode(), p.stdout.String(), p.stderr.String(), time.Since(p.began)}
}

// run runs the command, which must exit with code. Whatever fails must say so on
// stderr, in the command's name.
func (s storeDir) run(t *testing.T, code int, args ...string) result {
	t.Helper()
	r := s.start(t, args...).wait(t)
	if r.code != code {
		t.Fatalf("warmstore %q: exit %d, want %d\n%s%s", r.args, r.code, code, r.stdout, r.stderr)
	}
	if code != exitDone && !strings.HasPrefix(r.stderr, "warmstore: ") {
		t.Errorf("warmstore %q: exit %d with %q on stderr, want warmstore: …", r.args, r.code, r.stderr)
	}
	return r
}

// A report is what snapshot --json prints, as far as tests look at it.
type report struct {
	App      string
	Snapshot string
	Volumes  []struct {
		Name         string
		Files, Bytes int64
	}
	BytesLogical int64 `json:"bytes_logical"`
	BytesNew     int64 `json:"bytes_new"`
	ChunksNew    int64 `json:"chunks_new"`

	took time.Duration
}

// snapshot takes a snapshot of app, which must succeed.
func (s storeDir) snapshot(t *testing.T, app string, source ...string) report {
	t.Helper()
	r := s.run(t, exitDone, slices.Concat([]string{"--json", "snapshot", app}, source)...)
	rep := report{took: r.took}
	if err := json.Unmarshal([]byte(r.stdout), &rep); err != nil {
		t.Fatalf("warmstore %q: %v\n%s", r.args, err, r.stdout)
	}
	if rep.App != app || rep.Snapshot == "" {
		t.Errorf("warmstore %q: printed %s", r.args, r.stdout)
	}
	t.Logf("snapshot %s: %d MB, %.1f MB new, %v", app, rep.BytesLogical>>20, float64(rep.BytesNew)/(1<<20), r.took)
	return rep
}

// restore brings app back, which must succeed.
func (s storeDir) restore(t *testing.T, app string, args ...string) {
	t.Helper()
	r := s.run(t, exitDone, slices.Concat([]string{"restore", app}, args)...)
	t.Logf("restore %s: %v", app, r.took)
}

// dir is the SOURCE that names a directory as a volume.
func dir(name, path string) string { return "--dir=" + name + "=" + path }

// need says that the test cannot run without the tools, and is the only place
// from which a test may be skipped. "root" and "docker" are what they say: the
// right to do everything, and an engine that answers.
func need(t *testing.T, tools ...string) {
	t.Helper()
	var missing []string
	for _, tool := range tools {
		ok := lookTool(tool) != ""
		switch tool {
		case "root":
			ok = os.Geteuid() == 0
		case "docker":
			ok = ok && exec.Command("docker", "version").Run() == nil
		}
		if !ok {
			missing = append(missing, tool)
		}
	}
	if missing == nil {
		return
	}
	message := fmt.Sprintf("NOT RUN: %s lacks %s; scripts/setup gets it", t.Name(), strings.Join(missing, ", "))
	fmt.Fprintln(os.Stderr, message)
	if os.Getenv("CI") == "true" {
		t.Fatal(message)
	}
	t.Skip(message)
}

// lookTool returns the path of a program, or "". Debian keeps the Postgres tools
// out of $PATH, a directory for each version.
func lookTool(tool string) string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + tool)
	if len(found) > 0 {
		return found[len(found)-1]
	}
	path, err := exec.LookPath(tool)
	if err != nil {
		return ""
	}
	return path
}

// output runs a program, which must succeed, and returns what it printed.
func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}

// try fails the test on an error of a step that must succeed.
func try(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// freshDir makes an empty directory that every user can reach, for databases
// that do not run as root.
func freshDir(t *testing.T, name string) string {
	t.Helper()
	parent := t.TempDir()
	try(t, os.Chmod(filepath.Dir(parent), 0o755))
	path := filepath.Join(parent, name)
	try(t, os.Mkdir(path, 0o755))
	return path
}
