package e2e

import (
	"bytes"
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/warmstore/warmstore/internal/docker/dockertest"
)

// root is the repository's.
const root = "../.."

// makeIn runs make in a directory.
func makeIn(t *testing.T, dir string, args ...string) {
	t.Helper()
	run := exec.Command("make", args...)
	run.Dir = dir
	output(t, run)
}

// commit makes a directory a repository of one commit, which is the same wherever
// it is made.
func commit(t *testing.T, dir string) {
	t.Helper()
	for _, args := range [][]string{
		{"init", "--quiet"}, {"add", "."},
		{"-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "--quiet", "--message", "x"},
	} {
		git := exec.Command("git", args...)
		git.Dir = dir
		const date = "2026-01-01T00:00:00Z"
		git.Env = append(os.Environ(), "GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date,
			"GIT_CONFIG_GLOBAL=/dev/null")
		output(t, git)
	}
}

// TestBuildIsReproducible: one commit gives the same bytes in two directories,
// static, and says which commit that is.
func TestBuildIsReproducible(t *testing.T) {
	need(t, "make", "git", "readelf")
	var built [2][]byte
	for i, name := range []string{"a", "another/longer/directory"} {
		dir := filepath.Join(t.TempDir(), name)
		try(t, os.MkdirAll(dir, 0o755))
		output(t, exec.Command("cp", "-R", root+"/cmd", root+"/go.mod", root+"/go.sum", root+"/Makefile", dir))
		for _, pkg := range []string{"store", "restore", "index", "chunker", "internal"} {
			output(t, exec.Command("cp", "-R", root+"/"+pkg, dir))
		}
		commit(t, dir)
		dist := t.TempDir()
		makeIn(t, dir, "build", "DIST="+dist)
		path := filepath.Join(dist, "warmstore")
		var err error
		built[i], err = os.ReadFile(path)
		try(t, err)
		if out := output(t, exec.Command("readelf", "--program-headers", path)); strings.Contains(out, "INTERP") {
			t.Error("the command is not static")
		}
		says := output(t, exec.Command(path, "version", "--json"))
		head := exec.Command("git", "rev-parse", "HEAD")
		head.Dir = dir
		if !strings.Contains(says, `"commit": "`+strings.TrimSpace(output(t, head))+`"`) ||
			!strings.Contains(says, `"modified": false`) {
			t.Errorf("it says %s", says)
		}
	}
	if !bytes.Equal(built[0], built[1]) {
		t.Error("two builds differ")
	}
}

// TestDebianPackage has all that is to be installed, where Debian looks for it,
// and its command runs.
func TestDebianPackage(t *testing.T) {
	need(t, "make", "dpkg-deb")
	dist := t.TempDir()
	makeIn(t, root, "deb", "DIST="+dist, "VERSION=1.2.3")
	arch := strings.TrimSpace(output(t, exec.Command("dpkg", "--print-architecture")))
	deb := filepath.Join(dist, "warmstore_1.2.3_"+arch+".deb")
	info := output(t, exec.Command("dpkg-deb", "--info", deb))
	for _, want := range []string{"Package: warmstore", "Version: 1.2.3", "Architecture: " + arch, "Section: admin"} {
		if !strings.Contains(info, want) {
			t.Errorf("it does not say %q:\n%s", want, info)
		}
	}
	contents := output(t, exec.Command("dpkg-deb", "--contents", deb))
	for _, want := range []string{
		"-rwxr-xr-x root/root * ./usr/bin/warmstore",
		"-rw-r--r-- root/root * ./usr/share/man/man8/warmstore.8",
		"-rw-r--r-- root/root * ./usr/share/bash-completion/completions/warmstore",
		"-rw-r--r-- root/root * ./usr/share/zsh/vendor-completions/_warmstore",
		"-rw-r--r-- root/root * ./usr/share/fish/vendor_completions.d/warmstore.fish",
		"-rw-r--r-- root/root * ./lib/systemd/system/warmstore-nightly.service",
		"-rw-r--r-- root/root * ./lib/systemd/system/warmstore-nightly.timer",
		"-rw-r--r-- root/root * ./usr/lib/python3/dist-packages/warmstore_warm.py",
	} {
		first, last, _ := strings.Cut(want, " * ")
		found := false
		for line := range strings.Lines(contents) {
			found = found || strings.HasPrefix(line, first) && strings.HasSuffix(line, " "+last+"\n")
		}
		if !found {
			t.Errorf("it has no %s:\n%s", want, contents)
		}
	}
	output(t, exec.Command("dpkg-deb", "--extract", deb, dist+"/out"))
	output(t, exec.Command(dist+"/out/usr/bin/warmstore", "version"))
}

// TestImage takes and restores a snapshot in a container of the command alone.
func TestImage(t *testing.T) {
	need(t, "root", "docker", "make")
	dist := t.TempDir()
	makeIn(t, root, "build", "DIST="+dist)
	image := dockertest.Name()
	dockertest.Docker(t, "build", "--tag", image, "--file", root+"/packaging/Dockerfile", dist)
	t.Cleanup(func() { dockertest.Docker(t, "rmi", "--force", image) })

	volume := dockertest.Volume(t, dockertest.Name())
	path := dockertest.Docker(t, "volume", "inspect", "--format", "{{.Mountpoint}}", volume)
	try(t, os.WriteFile(path+"/page", []byte("old"), 0o644))
	store := freshDir(t, "warm")
	socket := strings.TrimPrefix(cmp.Or(os.Getenv("DOCKER_HOST"), "unix:///var/run/docker.sock"), "unix://")
	// The whole of the engine's volumes may be mounted read-only beside other
	// tests, of all writable only what is ours.
	all, own := filepath.Dir(filepath.Dir(path)), filepath.Dir(path)
	run := func(mount string, args ...string) (string, error) {
		out, err := exec.Command("docker", append([]string{"run", "--rm", "--network", "none",
			"--volume", socket + ":/var/run/docker.sock",
			"--volume", store + ":/var/lib/ci-warm", "--volume", mount, image}, args...)...).CombinedOutput()
		return string(out), err
	}
	for _, mount := range []string{all + ":" + all + ":ro", own + ":" + own} {
		if out, err := run(mount, "snapshot", "app", "--volume", volume); err != nil {
			t.Fatalf("%s: %v\n%s", mount, err, out)
		}
	}
	if out, err := run(own+":"+own, "snapshot", "other", "--volume", volume, "--dry-run"); err != nil {
		t.Error(out)
	}
	try(t, os.WriteFile(path+"/page", []byte("new"), 0o644))
	busy := dockertest.Container(t, dockertest.Image(t), []string{"--volume", volume + ":/data"}, "sleep")
	if out, err := run(own+":"+own, "restore", "app"); err == nil || !strings.Contains(out, busy) {
		t.Errorf("restored while %s runs: %s", busy, out)
	}
	dockertest.Docker(t, "rm", "--force", busy)
	if out, err := run(own+":"+own, "restore", "app"); err != nil {
		t.Fatal(out)
	}
	if got, err := os.ReadFile(path + "/page"); string(got) != "old" {
		t.Errorf("restored %q, %v", got, err)
	}
	storeDir(store).run(t, exitDone, "has", "app") // and the host goes on with the store
}
