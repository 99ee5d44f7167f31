package docker

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/api/types/volume"
)

// A fake is an engine whose objects a test makes up. It answers with err if
// that is set, and never if hangs.
type fake struct {
	info       system.Info
	volumes    []*volume.Volume
	warnings   []string
	containers []container.Summary
	services   []swarm.Service
	tasks      []swarm.Task
	err        error
	hangs      bool
	created    []volume.CreateOptions
	ignores    bool // VolumeCreate drops labels and options
	root       string
}

func newFake(t *testing.T) *fake {
	f := &fake{root: t.TempDir()}
	f.info.Swarm = swarm.Info{LocalNodeState: swarm.LocalNodeStateActive, ControlAvailable: true}
	return f
}

// engine returns an Engine that asks f.
func (f *fake) engine() *Engine { return &Engine{api: f, patience: 10 * time.Second, etc: f.root} }

// answer waits if f hangs, and returns f's error.
func (f *fake) answer(ctx context.Context) error {
	if f.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return f.err
}

func (f *fake) Close() error       { return nil }
func (f *fake) DaemonHost() string { return "unix:///fake.sock" }

func (f *fake) Info(ctx context.Context) (system.Info, error) { return f.info, f.answer(ctx) }

func (f *fake) VolumeList(ctx context.Context, _ volume.ListOptions) (volume.ListResponse, error) {
	return volume.ListResponse{Volumes: f.volumes, Warnings: f.warnings}, f.answer(ctx)
}

func (f *fake) VolumeCreate(ctx context.Context, o volume.CreateOptions) (volume.Volume, error) {
	f.created = append(f.created, o)
	v := volume.Volume{
		Name: o.Name, Driver: o.Driver, Scope: "local", Labels: o.Labels, Options: o.DriverOpts,
		Mountpoint: f.root,
	}
	if f.ignores {
		v.Labels, v.Options = nil, nil
	}
	return v, f.answer(ctx)
}

func (f *fake) ContainerList(ctx context.Context, o container.ListOptions) ([]container.Summary, error) {
	if !o.All {
		panic("asked for running containers only")
	}
	return f.containers, f.answer(ctx)
}

func (f *fake) ServiceList(ctx context.Context, o swarm.ServiceListOptions) ([]swarm.Service, error) {
	if !o.Status {
		panic("asked for services without their status")
	}
	return f.services, f.answer(ctx)
}

func (f *fake) TaskList(ctx context.Context, _ swarm.TaskListOptions) ([]swarm.Task, error) {
	return f.tasks, f.answer(ctx)
}

// addVolume adds a plain local volume of the stack, if that is not empty, and
// makes its directory.
func (f *fake) addVolume(t *testing.T, name, stack string) *volume.Volume {
	t.Helper()
	v := &volume.Volume{Name: name, Driver: "local", Scope: "local", Mountpoint: makeDir(t, f.root, name, "_data")}
	if stack != "" {
		v.Labels = map[string]string{stackLabel: stack}
	}
	f.volumes = append(f.volumes, v)
	return v
}

// addContainer adds a running container.
func (f *fake) addContainer(name string, labels map[string]string, mounts ...container.MountPoint) *container.Summary {
	f.containers = append(f.containers, container.Summary{
		ID: "id-" + name, Names: []string{"/" + name}, State: container.StateRunning, Labels: labels, Mounts: mounts,
	})
	return &f.containers[len(f.containers)-1]
}

// bind is a writable bind mount of source.
func bind(source string) container.MountPoint {
	return container.MountPoint{Type: mount.TypeBind, Source: source, Destination: "/x", RW: true}
}

// byName is a writable mount of a volume.
func byName(name, source string) container.MountPoint {
	return container.MountPoint{Type: mount.TypeVolume, Name: name, Source: source, Destination: "/x", RW: true}
}

// makeDir makes a directory and returns its path.
func makeDir(t *testing.T, elem ...string) string {
	t.Helper()
	dir := filepath.Join(elem...)
	mkdirAll(t, dir)
	return dir
}
