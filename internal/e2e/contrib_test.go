package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/warmstore/warmstore/internal/docker/dockertest"
)

// TestPython runs the tests of the Python module with the real command, on
// directories and on the volumes of a stack.
func TestPython(t *testing.T) {
	need(t, "root", "docker", "python3")
	path, err := binary()
	try(t, err)
	domain := dockertest.Name() + ".example.org"
	stack := strings.ReplaceAll(domain, ".", "_")
	for _, end := range []string{"_b", "_a"} {
		dockertest.Volume(t, stack+end, "--label", "com.docker.stack.namespace="+stack)
	}
	tests := exec.Command("python3", "-B", "-m", "unittest", "-v")
	tests.Dir = "../../contrib/python"
	tests.Env = append(os.Environ(), "WARMSTORE="+path, "STACK_DOMAIN="+domain)
	if out := output(t, tests); !strings.Contains(out, "Ran 4 tests") || strings.Contains(out, "skipped") {
		t.Errorf("not all tests ran:\n%s", out)
	}
}

// unit returns a systemd unit of contrib.
func unit(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../contrib/systemd/" + name)
	try(t, err)
	return string(text)
}

// TestUnits: systemd knows every setting, and finds the service well confined.
func TestUnits(t *testing.T) {
	need(t, "systemd-analyze")
	path, err := binary()
	try(t, err)
	dir := t.TempDir()
	for _, name := range []string{"warmstore-nightly.service", "warmstore-nightly.timer"} {
		text := strings.ReplaceAll(unit(t, name), "/usr/bin/warmstore", path)
		text = strings.ReplaceAll(text, "Documentation=man:warmstore(8)\n", "") // is not installed
		try(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	service := filepath.Join(dir, "warmstore-nightly.service")
	timer := filepath.Join(dir, "warmstore-nightly.timer")
	out := output(t, exec.Command("systemd-analyze", "verify", "--man=no", service, timer))
	for line := range strings.Lines(out) {
		if strings.Contains(line, "warmstore-nightly") {
			t.Error(line)
		}
	}
	output(t, exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=30", service))
}

// TestUnitCapabilities: with the capabilities of the service alone a snapshot has
// all that it has with every one.
func TestUnitCapabilities(t *testing.T) {
	need(t, "root", "setpriv", "setfattr")
	path, err := binary()
	try(t, err)
	setting := regexp.MustCompile(`(?m)^CapabilityBoundingSet=(.*)$`)
	bounds := setting.FindStringSubmatch(unit(t, "warmstore-nightly.service"))
	caps := "-all"
	for _, name := range strings.Fields(bounds[1]) {
		caps += ",+" + strings.ToLower(strings.TrimPrefix(name, "CAP_"))
	}
	data := filepath.Join(t.TempDir(), "data")
	try(t, os.MkdirAll(filepath.Join(data, "closed"), 0o755))
	secret := filepath.Join(data, "closed", "secret")
	try(t, os.WriteFile(secret, []byte("secret"), 0))
	output(t, exec.Command("setfattr", "-n", "trusted.warm", "-v", "x", secret))
	for _, p := range []string{secret, filepath.Dir(secret)} {
		try(t, os.Chown(p, 1234, 1234))
		try(t, os.Chmod(p, 0))
	}
	tree := func(wrap ...string) string {
		s := newStore(t)
		args := slices.Concat(wrap, []string{path, "--root", string(s), "snapshot", "app", dir("data", data)})
		output(t, exec.Command(args[0], args[1:]...))
		shown := s.run(t, exitDone, "show", "app", "--json").stdout
		return regexp.MustCompile(`(?s)"manifest": \{.*?\}`).FindString(shown)
	}
	with := tree("setpriv", "--no-new-privs", "--bounding-set="+caps, "--inh-caps="+caps)
	if without := tree(); with == "" || with != without {
		t.Errorf("confined, the snapshot is\n%s\nand otherwise\n%s", with, without)
	}
}
