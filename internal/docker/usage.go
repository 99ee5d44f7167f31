package docker

import (
	"context"
	"strings"

	"github.com/docker/docker/api/types/container"
)

// InUse returns nil if nothing on this engine could write to the app's
// volumes, else an *InUseError that names the first thing found. Volumes are
// the app's, as [Engine.Volumes] returned them or as a record kept them.
//
// In use means that one of these belongs to the app by label, mounts one of
// the volumes by name, or mounts a path at, below or above its files (above:
// unless it is read-only):
//   - a container in any state but created, exited and dead. An exited one
//     counts as stopped whatever its restart policy, although a restart of the
//     engine may start it. Of the container that this process runs in, mounts
//     above the volumes do not count;
//   - a service that wants tasks, and a task that has not ended, wherever in
//     the swarm it runs. Services scaled to zero are no obstacle. On a node
//     that is no manager there are only containers to go by.
//
// The answer is true for one moment: ask again when the work is done, and
// throw it away if something was started meanwhile.
func (e *Engine) InUse(ctx context.Context, app App, volumes []Volume) error {
	if err := app.check(); err != nil {
		return err
	}
	f, err := e.footprint(ctx, app, volumes)
	if err != nil {
		return err
	}
	// Containers outlive their service, and tell more.
	if err := e.usedByContainer(ctx, f); err != nil {
		return err
	}
	return e.usedBySwarm(ctx, f)
}

// usedByContainer returns an *InUseError if a container uses the footprint.
func (e *Engine) usedByContainer(ctx context.Context, f *footprint) error {
	containers, err := e.containers(ctx)
	if err != nil {
		return err
	}
	for _, c := range containers {
		if !isActive(c.State) {
			continue
		}
		by := "container " + containerName(c) + " is " + c.State
		bindings := bindingsOf(c.Mounts)
		if c.ID == e.self {
			bindings = unwritten(bindings)
		}
		if err := e.uses(ctx, f, c.Labels, bindings, by); err != nil {
			return err
		}
	}
	return nil
}

// uses returns an *InUseError if something with these labels and mounts, which
// by describes, belongs to the app or reaches one of its volumes.
func (e *Engine) uses(
	ctx context.Context, f *footprint, labels map[string]string, bindings []binding, by string,
) error {
	if f.app.owns(labels) {
		return &InUseError{App: f.app, By: by}
	}
	volume, how, err := e.touched(ctx, f, bindings)
	if err != nil {
		return err
	}
	if volume != "" {
		return &InUseError{App: f.app, Volume: volume, By: by + " and " + how}
	}
	return nil
}

// containers returns every container of the engine, in any state.
func (e *Engine) containers(ctx context.Context) ([]container.Summary, error) {
	return ask(ctx, e, "list containers", func(ctx context.Context) ([]container.Summary, error) {
		return e.api.ContainerList(ctx, container.ListOptions{All: true})
	})
}

// isActive reports whether a container in that state could write. A state that
// is not known here, "removing" among those that are, counts as active.
func isActive(state container.ContainerState) bool {
	switch state {
	case container.StateCreated, container.StateExited, container.StateDead:
		return false
	}
	return true
}

// containerName returns the container's name, or its ID if it has none, as
// while it is being removed.
func containerName(c container.Summary) string {
	if len(c.Names) == 0 {
		return c.ID
	}
	return strings.TrimPrefix(c.Names[0], "/")
}
