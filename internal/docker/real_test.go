package docker

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/warmstore/warmstore/internal/docker/dockertest"
)

// A real is the engine of this machine, with an image to run on it.
type real struct {
	*Engine
	image string
}

// TestRealEngine runs everything that needs a Docker engine.
func TestRealEngine(t *testing.T) {
	dockertest.Need(t)
	dockertest.Swarm(t)
	engine, err := Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { engine.Close() })
	r := &real{engine, dockertest.Image(t)}
	for name, test := range map[string]func(*testing.T){
		"Host":             r.testHost,
		"Stack":            r.testStack,
		"PendingService":   r.testPendingService,
		"ScaledToZero":     r.testScaledToZero,
		"Project":          r.testProject,
		"ExternalVolume":   r.testExternalVolume,
		"BindOfVolumePath": r.testBindOfVolumePath,
		"BindOfParent":     r.testBindOfParent,
		"NetworkVolume":    r.testNetworkVolume,
		"NamesAreExact":    r.testNamesAreExact,
		"Create":           r.testCreate,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// wantInUse fails the test unless the app is in use and the error says texts.
func (r *real) wantInUse(t *testing.T, app App, volumes []Volume, texts ...string) {
	t.Helper()
	err := r.InUse(t.Context(), app, volumes)
	wantError(t, err, ErrInUse, texts...)
	t.Log(err)
}

// wantFree fails the test if the app is in use.
func (r *real) wantFree(t *testing.T, app App, volumes []Volume) {
	t.Helper()
	if err := r.InUse(t.Context(), app, volumes); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

// awaitFree waits until the app is not in use.
func (r *real) awaitFree(t *testing.T, app App, volumes []Volume) {
	t.Helper()
	dockertest.Await(t, app.String()+" is free", func() bool {
		err := r.InUse(t.Context(), app, volumes)
		if err != nil && !errors.Is(err, ErrInUse) {
			t.Fatal(err)
		}
		return err == nil
	})
}

// volumesOf returns the app's volumes, which must have these names.
func (r *real) volumesOf(t *testing.T, app App, want ...string) []Volume {
	t.Helper()
	volumes, err := r.Volumes(t.Context(), app)
	if err != nil || names(volumes) != strings.Join(want, " ") {
		t.Fatalf("volumes of %s: got %q, %v, want %q", app, names(volumes), err, want)
	}
	return volumes
}

func (r *real) testHost(t *testing.T) {
	host, err := r.Host(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := dockertest.Docker(t, "info", "--format", "{{.ID}} {{.DockerRootDir}}")
	if host.ID+" "+host.RootDir != want {
		t.Errorf("got %+v, want %s", host, want)
	}
	if host.Swarm != "manager" {
		t.Errorf("got swarm role %q", host.Swarm)
	}
}

// testStack follows a stack of two volumes from its deployment to its removal.
func (r *real) testStack(t *testing.T) {
	name := dockertest.Name()
	app := App{Stack: name}
	stack := dockertest.Deploy(t, name, fmt.Sprintf(`
version: "3.8"
services:
  db:
    image: %s
    command: [serve, ":80", /data, /wal]
    environment: {LINGER: 3s}
    volumes: [data:/data, wal:/wal, /scratch]
volumes: {data: {}, wal: {}}
`, r.image))
	id := stack.AwaitRunning(t, 1)[0]
	dockertest.Docker(t, "exec", id, "/app", "write", "/data/x", "hello")
	volumes := r.volumesOf(t, app, name+"_data", name+"_wal")
	r.wantInUse(t, app, volumes, "stack "+name+" is still deployed (container "+name+"_db.1.", "is running")
	r.wantInUse(t, App{Volumes: []string{name + "_wal"}}, volumes[1:], "volume "+name+"_wal is in use")

	stack.Remove(t)
	if left := dockertest.Docker(t, "stack", "services", "--quiet", name); left != "" {
		t.Errorf("services are left: %s", left)
	}
	r.wantInUse(t, app, volumes, "stack "+name+" is still deployed") // it lingers
	r.awaitFree(t, app, volumes)
	stack.AwaitRemoved(t)
	r.wantFree(t, app, r.volumesOf(t, app, name+"_data", name+"_wal"))
	if text, err := os.ReadFile(filepath.Join(volumes[0].Path, "x")); string(text) != "hello" {
		t.Errorf("got %q, %v", text, err)
	}
}

// testPendingService has a service that wants a task no node may run.
func (r *real) testPendingService(t *testing.T) {
	volume, name := dockertest.Volume(t, dockertest.Name()), dockertest.Name()
	dockertest.Deploy(t, name, fmt.Sprintf(`
version: "3.8"
services:
  db:
    image: %s
    command: [sleep]
    volumes: [shared:/data]
    deploy: {placement: {constraints: [node.labels.nowhere == yes]}}
volumes: {shared: {external: true, name: %s}}
`, r.image, volume))
	named := App{Volumes: []string{volume}}
	r.wantInUse(t, App{Stack: name}, nil, "stack "+name+" is still deployed (service "+name+"_db wants 1 task)")
	r.wantInUse(t, named, r.volumesOf(t, named, volume), "(service "+name+"_db wants 1 task and mounts it)")
}

// testScaledToZero has a service that wants no task, and an external volume.
func (r *real) testScaledToZero(t *testing.T) {
	volume, name := dockertest.Volume(t, dockertest.Name()), dockertest.Name()
	dockertest.Deploy(t, name, fmt.Sprintf(`
version: "3.8"
services:
  db:
    image: %s
    volumes: [shared:/data]
    deploy: {replicas: 0}
volumes: {shared: {external: true, name: %s}}
`, r.image, volume))
	app := App{Stack: name}
	r.wantFree(t, app, nil)
	_, err := r.Volumes(t.Context(), app)
	wantError(t, err, ErrNoVolumes)
	external, err := r.External(t.Context(), app)
	if err != nil || len(external) != 1 || external[0] != volume {
		t.Errorf("external: got %v, %v", external, err)
	}
}

// testProject has what Docker Compose would make: labels tell it all.
func (r *real) testProject(t *testing.T) {
	project := dockertest.Name()
	app := App{Project: project}
	label := "--label=" + projectLabel + "=" + project
	volume := dockertest.Volume(t, project+"_data", label)
	dockertest.Volume(t, project+"b_data", label+"b")
	volumes := r.volumesOf(t, app, volume)
	r.wantFree(t, app, volumes)

	flags := []string{label, "--volume", volume + ":/data", "--restart", "always"}
	id := dockertest.Container(t, r.image, flags, "sleep")
	r.wantInUse(t, app, volumes, "project "+project+" is still deployed (container "+id+" is running)")
	dockertest.Docker(t, "pause", id)
	r.wantInUse(t, app, volumes, "is paused")
	dockertest.Docker(t, "unpause", id)
	dockertest.Docker(t, "stop", id)
	r.wantFree(t, app, volumes)
	dockertest.Docker(t, "start", id)
	r.wantInUse(t, app, volumes, "is running")
}

// testExternalVolume has a volume without a label, mounted by its name.
func (r *real) testExternalVolume(t *testing.T) {
	volume := dockertest.Volume(t, dockertest.Name())
	app := App{Volumes: []string{volume}}
	volumes := r.volumesOf(t, app, volume)
	r.wantFree(t, app, volumes)
	id := dockertest.Container(t, r.image, []string{"--volume", volume + ":/data:ro"}, "sleep")
	r.wantInUse(t, app, volumes, "volume "+volume+" is in use (container "+id+" is running and mounts it)")
	dockertest.Docker(t, "kill", id)
	r.wantFree(t, app, volumes)
}

// testBindOfVolumePath has containers that mount what is in a volume by path.
func (r *real) testBindOfVolumePath(t *testing.T) {
	volume := dockertest.Volume(t, dockertest.Name())
	app := App{Volumes: []string{volume}}
	volumes := r.volumesOf(t, app, volume)
	for _, dir := range []string{"", "/sub"} {
		path := volumes[0].Path + dir
		id := dockertest.Container(t, r.image, []string{"--volume", path + ":/data"}, "sleep")
		r.wantInUse(t, app, volumes, "volume "+volume+" is in use (container "+id, `mounts "`+path+`"`)
		dockertest.Docker(t, "kill", id)
		r.wantFree(t, app, volumes)
	}
}

// testBindOfParent has a volume that binds a directory, and containers that
// mount a directory above it.
func (r *real) testBindOfParent(t *testing.T) {
	parent := t.TempDir()
	device := makeDir(t, parent, "app", "data")
	volume := dockertest.Volume(t, dockertest.Name(),
		"--opt", "type=none", "--opt", "o=bind", "--opt", "device="+device)
	app := App{Volumes: []string{volume}}
	volumes := r.volumesOf(t, app, volume)
	if volumes[0].Path != device {
		t.Errorf("got path %s, want %s", volumes[0].Path, device)
	}
	for _, monitored := range []string{parent, "/", "/var/lib/docker"} {
		dockertest.Container(t, r.image, []string{"--volume", monitored + ":/host:ro"}, "sleep")
	}
	r.wantFree(t, app, volumes)
	dockertest.Container(t, r.image, []string{"--volume", parent + ":/host"}, "sleep")
	r.wantInUse(t, app, volumes, "volume "+volume+" is in use", `mounts "`+parent+`"`)
}

// testNetworkVolume has a volume whose files are elsewhere; nothing mounts it.
func (r *real) testNetworkVolume(t *testing.T) {
	volume := dockertest.Volume(t, dockertest.Name(),
		"--opt", "type=nfs", "--opt", "device=:/export", "--opt", "o=addr=192.0.2.1,ro")
	_, err := r.Volumes(t.Context(), App{Volumes: []string{volume}})
	wantError(t, err, ErrNotWalkable,
		"volume "+volume+" is not walkable: it is a mount (driver local, type=nfs, device=:/export)")
}

// testNamesAreExact has two volumes of which one's name, as the engine's
// filter, finds both.
func (r *real) testNamesAreExact(t *testing.T) {
	a := dockertest.Volume(t, dockertest.Name())
	b := dockertest.Volume(t, a+"b")
	if found := dockertest.Docker(t, "volume", "ls", "--quiet", "--filter", "name="+a); found != a+"\n"+b {
		t.Errorf("the filter finds %q: the trap is gone", found)
	}
	r.volumesOf(t, App{Volumes: []string{a}}, a)
	r.volumesOf(t, App{Volumes: []string{b, a}}, a, b)
	_, err := r.Volumes(t.Context(), App{Volumes: []string{a[:len(a)-1] + "."}})
	wantError(t, err, ErrNoVolume)

	dockertest.Container(t, r.image, []string{"--volume", b + ":/data"}, "sleep")
	r.wantFree(t, App{Volumes: []string{a}}, r.volumesOf(t, App{Volumes: []string{a}}, a))
}

// testCreate removes a volume and creates it again.
func (r *real) testCreate(t *testing.T) {
	name := dockertest.Name()
	app, device := App{Stack: name}, t.TempDir()
	volume := dockertest.Volume(t, name+"_data", "--label", stackLabel+"="+name, "--label", "more=1",
		"--opt", "type=none", "--opt", "o=bind", "--opt", "device="+device)
	recorded := r.volumesOf(t, app, volume)[0]
	dockertest.Docker(t, "volume", "rm", volume)
	_, err := r.Volumes(t.Context(), app)
	wantError(t, err, ErrNoVolumes)

	for range 2 { // the second time it exists
		created, err := r.Create(t.Context(), recorded)
		if err != nil || created.Path != device || created.Mountpoint != recorded.Mountpoint {
			t.Fatalf("got %+v, %v", created, err)
		}
	}
	if again := r.volumesOf(t, app, volume)[0]; !maps.Equal(again.Labels, recorded.Labels) || len(again.Labels) != 2 {
		t.Errorf("got labels %v, want %v", again.Labels, recorded.Labels)
	}
	recorded.Labels["more"] = "2"
	_, err = r.Create(t.Context(), recorded)
	wantError(t, err, ErrDiffers, "volume "+volume)
}
