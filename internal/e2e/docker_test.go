package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/warmstore/warmstore/internal/docker/dockertest"
)

// refused runs the command, which must refuse because of a service or container,
// and name it.
func (s storeDir) refused(t *testing.T, culprit string, args ...string) {
	t.Helper()
	if r := s.run(t, exitInUse, args...); !strings.Contains(r.stderr, culprit) {
		t.Errorf("warmstore %q: does not name %s: %s", r.args, culprit, r.stderr)
	}
}

// stackYAML is an app of one service with two volumes. It listens on the host's
// network, for no other is sure to exist in a test machine, and takes its time to
// stop, as databases do.
const stackYAML = `
version: "3.8"
services:
  web:
    image: %s
    command: [serve, "%s", /data, /files]
    environment: {LINGER: 3s}
    stop_grace_period: 20s
    networks: [outside]
    volumes: ["data:/data", "files:/files"]
volumes: {data: {}, files: {}}
networks: {outside: {external: true, name: host}}
`

// freePort returns an address that nothing listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	try(t, err)
	defer l.Close()
	return l.Addr().String()
}

// A site is a deployed stack of one service that serves its volumes.
type site struct {
	t       *testing.T
	stack   dockertest.Stack
	address string
}

// put makes the app write a file.
func (s site) put(path, text string) {
	s.t.Helper()
	dockertest.Docker(s.t, "exec", s.stack.AwaitRunning(s.t, 1)[0], "/app", "write", path, text)
}

// serves asks the app, which may still be starting, for a file. One that is
// missing is served as nothing.
func (s site) serves(path, want string) {
	s.t.Helper()
	var got []byte
	dockertest.Await(s.t, "the app answers at "+s.address, func() bool {
		conn, err := net.Dial("tcp", s.address)
		if err != nil {
			return false
		}
		defer conn.Close()
		_, err = fmt.Fprintln(conn, path)
		try(s.t, err)
		got, err = io.ReadAll(conn)
		return err == nil
	})
	if string(got) != want {
		s.t.Errorf("%s serves %q, want %q", path, got, want)
	}
}

// TestSwarmStack brings a stack's volumes back while it is not deployed, and
// refuses as long as anything of it is alive.
func TestSwarmStack(t *testing.T) {
	need(t, "root", "docker")
	image := dockertest.Image(t)
	dockertest.Swarm(t)
	domain := dockertest.Name() + ".example.org"
	name := strings.ReplaceAll(domain, ".", "_")
	address := freePort(t)
	yaml := fmt.Sprintf(stackYAML, image, address)
	stack := dockertest.Deploy(t, name, yaml)
	web := site{t, stack, address}
	web.put("/data/page", "old")
	web.put("/files/page", "old file")

	s := newStore(t)
	s.refused(t, name+"_web", "snapshot", "app", "--stack", name)
	s.refused(t, name+"_web", "snapshot", "app", "--domain", domain)
	stack.Remove(t)
	s.refused(t, name+"_web", "snapshot", "app", "--stack", name) // the container lives
	s.run(t, exitNone, "has", "app")
	stack.AwaitRemoved(t)
	if rep := s.snapshot(t, "app", "--stack", name); len(rep.Volumes) != 2 {
		t.Errorf("the snapshot is of %d volumes, want 2", len(rep.Volumes))
	}

	stack.Update(t, yaml)
	web.put("/data/page", "new")
	web.put("/data/extra", "extra")
	web.put("/files/page", "new file")
	s.refused(t, name+"_web", "restore", "app", "--domain", domain)
	web.serves("/data/page", "new")
	stack.Remove(t)
	s.refused(t, name+"_web", "restore", "app")
	stack.AwaitRemoved(t)
	s.restore(t, "app")

	stack.Update(t, yaml)
	web.serves("/data/page", "old")
	web.serves("/files/page", "old file")
	web.serves("/data/extra", "")
}

// TestComposeProject is the same for a project of Compose, which is labels on
// containers and volumes.
func TestComposeProject(t *testing.T) {
	need(t, "root", "docker")
	image, project := dockertest.Image(t), dockertest.Name()
	label := "com.docker.compose.project=" + project
	volume := dockertest.Volume(t, project+"_data", "--label", label, "--label", "com.docker.compose.volume=data")
	app := dockertest.Container(t, image, []string{"--label", label, "--label", "com.docker.compose.service=web",
		"--volume", volume + ":/data"}, "sleep")
	write := func(text string) { dockertest.Docker(t, "exec", app, "/app", "write", "/data/page", text) }
	write("old")

	s := newStore(t)
	s.refused(t, app, "snapshot", "app", "--compose", project)
	dockertest.Docker(t, "pause", app)
	s.refused(t, app, "snapshot", "app", "--compose", project)
	dockertest.Docker(t, "unpause", app)
	dockertest.Docker(t, "stop", app) // stopped containers stay, and do nothing
	s.snapshot(t, "app", "--compose", project)

	dockertest.Docker(t, "start", app)
	write("new")
	s.refused(t, app, "restore", "app")
	dockertest.Docker(t, "stop", app)
	s.restore(t, "app")
	dockertest.Docker(t, "start", app)
	if got := dockertest.Docker(t, "exec", app, "/app", "cat", "/data/page"); got != "old" {
		t.Errorf("the app reads %q, want %q", got, "old")
	}
}

// TestExternalVolume names a volume that no label ties to an app, and refuses
// for a container that mounts it by name and for one that does by path.
func TestExternalVolume(t *testing.T) {
	need(t, "root", "docker")
	image := dockertest.Image(t)
	volume := dockertest.Volume(t, dockertest.Name())
	dockertest.Volume(t, volume+"b") // the engine's filter for names would find it, too
	path := dockertest.Docker(t, "volume", "inspect", "--format", "{{.Mountpoint}}", volume)
	try(t, os.WriteFile(path+"/page", []byte("old"), 0o644))
	s := newStore(t)
	for _, source := range []string{volume, path} {
		app := dockertest.Container(t, image, []string{"--volume", source + ":/data"}, "sleep")
		s.refused(t, app, "snapshot", "app", "--volume", volume)
		dockertest.Docker(t, "rm", "--force", app)
	}
	if rep := s.snapshot(t, "app", "--volume", volume); len(rep.Volumes) != 1 || rep.Volumes[0].Name != volume {
		t.Errorf("the snapshot is of %+v, want %s", rep.Volumes, volume)
	}
	before := inode(t, path)
	try(t, os.WriteFile(path+"/page", []byte("new"), 0o644))
	s.restore(t, "app")
	if got, err := os.ReadFile(path + "/page"); string(got) != "old" || inode(t, path) != before {
		t.Errorf("restored %q (%v) into directory %d, was %d", got, err, inode(t, path), before)
	}
	dockertest.Docker(t, "volume", "rm", volume)
	s.refuses(t, volume, "restore", "app") // there is no such volume
	s.run(t, exitDone, "restore", "app", "--create")
	if got, err := os.ReadFile(path + "/page"); string(got) != "old" {
		t.Errorf("restored %q (%v) into a volume made anew", got, err)
	}
}

// refuses runs the command, which must fail and say for what, with whichever
// code. It must not take long to find out.
func (s storeDir) refuses(t *testing.T, what string, args ...string) {
	t.Helper()
	r := s.start(t, args...).wait(t)
	if r.code == exitDone || r.code == exitUsage || !strings.Contains(r.stderr, what) {
		t.Errorf("warmstore %q: exit %d, does not name %s: %s", r.args, r.code, what, r.stderr)
	}
	if r.took > 30*time.Second {
		t.Errorf("warmstore %q: takes %v", r.args, r.took)
	}
}

// TestVolumesThatCannotBeWalked: the files of these are in their directory only
// while a container uses them, so a snapshot would be an empty one.
func TestVolumesThatCannotBeWalked(t *testing.T) {
	need(t, "root", "docker")
	s := newStore(t)
	for _, options := range [][]string{
		{"--opt", "type=nfs", "--opt", "o=addr=192.0.2.1,rw", "--opt", "device=:/export"},
		{"--opt", "type=tmpfs", "--opt", "device=tmpfs"},
	} {
		volume := dockertest.Volume(t, dockertest.Name(), options...)
		s.refuses(t, volume, "snapshot", "app", "--volume", volume)
		s.run(t, exitNone, "has", "app")
	}
}

// TestNoEngine: who cannot be asked has not said that nothing runs.
func TestNoEngine(t *testing.T) {
	need(t, "root")
	t.Setenv("DOCKER_HOST", "unix://"+t.TempDir()+"/none.sock")
	s := newStore(t)
	s.refuses(t, "none.sock", "snapshot", "app", "--stack", "any")
	s.refuses(t, "none.sock", "snapshot", "app", "--volume", "any")
}
