package docker

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/swarm"
)

// stopped returns a fake with the stack "sso" undeployed, its one volume
// "sso_db", and the volume as Volumes returns it.
func stopped(t *testing.T) (*fake, []Volume) {
	t.Helper()
	f := newFake(t)
	f.addVolume(t, "sso_db", "sso")
	volumes, err := f.engine().Volumes(t.Context(), App{Stack: "sso"})
	if err != nil {
		t.Fatal(err)
	}
	return f, volumes
}

// service returns a replicated service of the stack.
func service(name, stack string, wanted uint64, volumes ...string) swarm.Service {
	s := swarm.Service{ID: "id-" + name, ServiceStatus: &swarm.ServiceStatus{DesiredTasks: wanted}}
	s.Spec.Name = name
	s.Spec.Labels = map[string]string{stackLabel: stack}
	s.Spec.Mode.Replicated = &swarm.ReplicatedService{Replicas: &wanted}
	s.Spec.TaskTemplate.ContainerSpec = &swarm.ContainerSpec{}
	for _, v := range volumes {
		m := mount.Mount{Type: mount.TypeVolume, Source: v}
		s.Spec.TaskTemplate.ContainerSpec.Mounts = append(s.Spec.TaskTemplate.ContainerSpec.Mounts, m)
	}
	return s
}

// wantInUse fails the test unless InUse names that volume and user.
func wantInUse(t *testing.T, f *fake, volumes []Volume, volume, by string) {
	t.Helper()
	err := f.engine().InUse(t.Context(), App{Stack: "sso"}, volumes)
	var use *InUseError
	if !errors.As(err, &use) || !errors.Is(err, ErrInUse) {
		t.Fatalf("got %v, want in use by %q", err, by)
	}
	if use.Volume != volume || use.By != by {
		t.Errorf("got volume %q by %q, want %q by %q", use.Volume, use.By, volume, by)
	}
}

// wantFree fails the test if InUse finds anything.
func wantFree(t *testing.T, f *fake, volumes []Volume) {
	t.Helper()
	if err := f.engine().InUse(t.Context(), App{Stack: "sso"}, volumes); err != nil {
		t.Errorf("got %v, want nil", err)
	}
}

func TestInUseByContainerInAnyStateThatCanWrite(t *testing.T) {
	for state, active := range map[string]bool{
		"running": true, "paused": true, "restarting": true, "removing": true, "": true, "frobbing": true,
		"created": false, "exited": false, "dead": false,
	} {
		f, volumes := stopped(t)
		f.addContainer("sso_db.1", map[string]string{stackLabel: "sso"}).State = state
		if active {
			wantInUse(t, f, volumes, "", "container sso_db.1 is "+state)
		} else {
			wantFree(t, f, volumes)
		}
	}
}

func TestInUseComparesLabelsAndNamesExactly(t *testing.T) {
	f, volumes := stopped(t)
	other := f.addVolume(t, "sso_db2", "ssob")
	f.addContainer("a", map[string]string{stackLabel: "ssob"}, byName("sso_db2", other.Mountpoint))
	f.addContainer("b", map[string]string{projectLabel: "sso"})
	f.addContainer("c", nil, container.MountPoint{Type: mount.TypeTmpfs, Destination: volumes[0].Path, RW: true})
	wantFree(t, f, volumes)
	f.addContainer("d", nil, byName("sso_db", volumes[0].Mountpoint))
	wantInUse(t, f, volumes, "sso_db", "container d is running and mounts it")
	err := f.engine().InUse(t.Context(), App{Stack: "sso"}, volumes)
	if got := err.Error(); got != "volume sso_db is in use (container d is running and mounts it)" {
		t.Errorf("got %q", got)
	}
}

func TestInUseErrorSpeaksToOperators(t *testing.T) {
	err := &InUseError{App: App{Stack: "sso"}, By: "container sso_db.1 is running"}
	if got := err.Error(); got != "stack sso is still deployed (container sso_db.1 is running)" {
		t.Errorf("got %q", got)
	}
}

func TestInUseByPathAtAboveAndBelow(t *testing.T) {
	f, volumes := stopped(t)
	path := volumes[0].Mountpoint
	below := makeDir(t, path, "pg_wal")
	beside := makeDir(t, path+"2")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Dir(path), link); err != nil {
		t.Fatal(err)
	}
	for source, reach := range map[string]struct{ writable, readOnly bool }{
		path: {true, true}, path + "/": {true, true}, below: {true, true}, path + "/gone/deep": {true, true},
		link + "/_data": {true, true}, filepath.Dir(path): {true, false}, link: {true, false},
		"/": {true, false}, f.root: {true, false},
		beside: {false, false}, path + "3": {false, false}, t.TempDir(): {false, false}, "/nowhere": {false, false},
	} {
		for _, writable := range []bool{true, false} {
			m := bind(source)
			m.RW = writable
			f.containers = nil
			f.addContainer("web", nil, m)
			if writable && reach.writable || !writable && reach.readOnly {
				wantInUse(t, f, volumes, "sso_db", `container web is running and mounts "`+source+`"`)
			} else {
				wantFree(t, f, volumes)
			}
		}
	}
}

func TestInUseFollowsVolumesThatBindADirectory(t *testing.T) {
	f, device := newFake(t), t.TempDir()
	options := map[string]string{"type": "none", "device": device, "o": "bind"}
	f.addVolume(t, "sso_db", "sso").Options = options
	volumes, err := f.engine().Volumes(t.Context(), App{Stack: "sso"})
	if err != nil {
		t.Fatal(err)
	}
	f.addContainer("by-path", nil, bind(device))
	wantInUse(t, f, volumes, "sso_db", `container by-path is running and mounts "`+device+`"`)

	// Another volume that binds the same directory: a container's mount
	// shows that volume's own mountpoint.
	alias := f.addVolume(t, "alias", "")
	alias.Options = options
	f.containers = nil
	f.addContainer("by-alias", nil, byName("alias", alias.Mountpoint))
	wantInUse(t, f, volumes, "sso_db", `container by-alias is running and mounts "`+device+`"`)
	f.containers = nil
	f.services = append(f.services, service("other", "other", 1, "alias"))
	wantInUse(t, f, volumes, "sso_db", `service other wants 1 task and mounts "`+device+`"`)
}

func TestInUseByService(t *testing.T) {
	f, volumes := stopped(t)
	f.services = []swarm.Service{service("other", "ssob", 3, "sso_db2"), service("sso_db", "sso", 0, "sso_db")}
	wantFree(t, f, volumes)
	f.services[1] = service("sso_db", "sso", 1)
	wantInUse(t, f, volumes, "", "service sso_db wants 1 task")
	f.services[1] = service("other_db", "other", 2, "", "sso_db")
	wantInUse(t, f, volumes, "sso_db", "service other_db wants 2 tasks and mounts it")
	byPath := service("by-path", "other", 1)
	byPath.Spec.TaskTemplate.ContainerSpec.Mounts = []mount.Mount{
		{Type: mount.TypeTmpfs, Source: volumes[0].Path}, {Type: mount.TypeBind, Source: f.root, ReadOnly: true},
		{Type: mount.TypeBind, Source: volumes[0].Path, ReadOnly: true},
	}
	f.services[1] = byPath
	wantInUse(t, f, volumes, "sso_db", `service by-path wants 1 task and mounts "`+volumes[0].Path+`"`)
	plugin := service("plugin", "other", 1)
	plugin.Spec.TaskTemplate.ContainerSpec = nil
	f.services = []swarm.Service{plugin}
	wantFree(t, f, volumes)
}

func TestWantedTasks(t *testing.T) {
	two := uint64(2)
	status := &swarm.ServiceStatus{DesiredTasks: 2, CompletedTasks: 2}
	job := swarm.ServiceMode{ReplicatedJob: &swarm.ReplicatedJob{TotalCompletions: &two}}
	twin := swarm.ServiceMode{ReplicatedJob: &swarm.ReplicatedJob{MaxConcurrent: &two}}
	globalJob := swarm.ServiceMode{GlobalJob: &swarm.GlobalJob{}}
	global := swarm.ServiceMode{Global: &swarm.GlobalService{}}
	replicated := swarm.ServiceMode{Replicated: &swarm.ReplicatedService{Replicas: &two}}
	for name, test := range map[string]struct {
		mode   swarm.ServiceMode
		status *swarm.ServiceStatus
		want   uint64
	}{
		"replicated":            {replicated, status, 2},
		"global":                {global, status, 2},
		"job done":              {job, status, 0},
		"job open":              {job, &swarm.ServiceStatus{CompletedTasks: 1}, 1},
		"twin job open":         {twin, &swarm.ServiceStatus{}, 2},
		"single job open":       {swarm.ServiceMode{ReplicatedJob: &swarm.ReplicatedJob{}}, &swarm.ServiceStatus{}, 1},
		"global job done":       {globalJob, status, 0},
		"global job open":       {globalJob, &swarm.ServiceStatus{DesiredTasks: 2}, 2},
		"replicated, no status": {replicated, nil, 2},
		"global, no status":     {global, nil, 1},
		"job, no status":        {job, nil, 1},
	} {
		s := swarm.Service{Spec: swarm.ServiceSpec{Mode: test.mode}, ServiceStatus: test.status}
		if got := wantedTasks(s); got != test.want {
			t.Errorf("%s: got %d, want %d", name, got, test.want)
		}
	}
}

func TestInUseByTaskUntilItHasEnded(t *testing.T) {
	ended := []swarm.TaskState{"complete", "shutdown", "failed", "rejected", "remove", "orphaned"}
	for _, state := range ended {
		f, volumes := stopped(t)
		f.tasks = []swarm.Task{task("t1", "gone", state)}
		wantFree(t, f, volumes)
	}
	for _, state := range []swarm.TaskState{"new", "pending", "preparing", "starting", "running", "frobbing"} {
		f, volumes := stopped(t)
		f.tasks = []swarm.Task{task("t1", "gone", state)}
		wantInUse(t, f, volumes, "", "task t1 is "+string(state))
		f.services = []swarm.Service{service("sso_db", "sso", 0)}
		f.tasks[0].ServiceID, f.tasks[0].Slot = "id-sso_db", 1
		wantInUse(t, f, volumes, "", "task sso_db.1 is "+string(state))
		f.tasks[0].Slot, f.tasks[0].NodeID = 0, "node"
		wantInUse(t, f, volumes, "", "task sso_db.node is "+string(state))
	}
	f, volumes := stopped(t)
	f.tasks = []swarm.Task{{ID: "attachment", Status: swarm.TaskStatus{State: "running"}}}
	wantFree(t, f, volumes)
}

// task returns a task of the stack "sso".
func task(id, service string, state swarm.TaskState) swarm.Task {
	return swarm.Task{
		ID: id, ServiceID: service, Status: swarm.TaskStatus{State: state},
		Spec: swarm.TaskSpec{ContainerSpec: &swarm.ContainerSpec{Labels: map[string]string{stackLabel: "sso"}}},
	}
}

func TestInUseWithoutAManagerGoesByContainers(t *testing.T) {
	for _, info := range []swarm.Info{
		{}, {LocalNodeState: swarm.LocalNodeStateInactive}, {LocalNodeState: swarm.LocalNodeStateActive},
	} {
		f, volumes := stopped(t)
		f.info.Swarm = info
		f.services = []swarm.Service{service("sso_db", "sso", 1)}
		wantFree(t, f, volumes)
		f.addContainer("sso_db.1", map[string]string{stackLabel: "sso"})
		wantInUse(t, f, volumes, "", "container sso_db.1 is running")
	}
}

func TestInUseOnAnUnsettledNodeIsAnError(t *testing.T) {
	for _, state := range []swarm.LocalNodeState{"pending", "error", "locked"} {
		f, volumes := stopped(t)
		f.info.Swarm = swarm.Info{LocalNodeState: state}
		err := f.engine().InUse(t.Context(), App{Stack: "sso"}, volumes)
		if err == nil || errors.Is(err, ErrInUse) {
			t.Errorf("%s: got %v", state, err)
		}
	}
}
