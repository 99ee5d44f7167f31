package docker

import (
	"context"
	"fmt"

	"github.com/docker/docker/api/types/swarm"
)

// usedBySwarm returns an *InUseError if a service or task of the swarm uses
// the footprint. Without a swarm, and on a worker, nothing does.
func (e *Engine) usedBySwarm(ctx context.Context, f *footprint) error {
	services, err := e.services(ctx)
	if err != nil || services == nil {
		return err
	}
	names := map[string]string{}
	for _, s := range services {
		names[s.ID] = s.Spec.Name
		wanted := wantedTasks(s)
		if wanted == 0 {
			continue
		}
		by := fmt.Sprintf("service %s wants %s", s.Spec.Name, count(wanted, "task"))
		if err := e.uses(ctx, f, s.Spec.Labels, serviceBindings(s.Spec.TaskTemplate), by); err != nil {
			return err
		}
	}
	return e.usedByTask(ctx, f, names)
}

// usedByTask returns an *InUseError if a task that has not ended uses the
// footprint. Tasks outlive their service: names has the names of those that
// still exist, by ID.
func (e *Engine) usedByTask(ctx context.Context, f *footprint, names map[string]string) error {
	tasks, err := ask(ctx, e, "list tasks", func(ctx context.Context) ([]swarm.Task, error) {
		return e.api.TaskList(ctx, swarm.TaskListOptions{})
	})
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if hasEnded(t.Status.State) {
			continue
		}
		var labels map[string]string
		if t.Spec.ContainerSpec != nil { // a task has no labels of its service
			labels = t.Spec.ContainerSpec.Labels
		}
		by := fmt.Sprintf("task %s is %s", taskName(t, names), t.Status.State)
		if err := e.uses(ctx, f, labels, serviceBindings(t.Spec), by); err != nil {
			return err
		}
	}
	return nil
}

// services returns the swarm's services with the number of their tasks, or nil
// if this node cannot know them: it is a worker, or in no swarm. A node whose
// role is not settled is an error, for nothing can be said of what it runs.
func (e *Engine) services(ctx context.Context) ([]swarm.Service, error) {
	host, err := e.Host(ctx)
	if err != nil {
		return nil, err
	}
	switch host.Swarm {
	case manager:
	case worker, string(swarm.LocalNodeStateInactive), "":
		return nil, nil
	default: // pending, locked, error
		return nil, fmt.Errorf("list services: the swarm node is %s", host.Swarm)
	}
	services, err := ask(ctx, e, "list services", func(ctx context.Context) ([]swarm.Service, error) {
		return e.api.ServiceList(ctx, swarm.ServiceListOptions{Status: true})
	})
	if services == nil {
		services = []swarm.Service{}
	}
	return services, err
}

// wantedTasks returns how many tasks the service is still to run. A job that
// is complete wants none. An engine without ServiceStatus (before API 1.41)
// does not say how many tasks a global service has: one is assumed.
func wantedTasks(s swarm.Service) uint64 {
	status := s.ServiceStatus
	switch mode := s.Spec.Mode; {
	case mode.ReplicatedJob != nil && status != nil:
		return missing(completions(*mode.ReplicatedJob), status.CompletedTasks)
	case mode.GlobalJob != nil && status != nil:
		return missing(status.DesiredTasks, status.CompletedTasks)
	case status != nil:
		return status.DesiredTasks
	case mode.Replicated != nil && mode.Replicated.Replicas != nil:
		return *mode.Replicated.Replicas
	}
	return 1
}

// completions returns how many tasks the job runs in all.
func completions(job swarm.ReplicatedJob) uint64 {
	switch {
	case job.TotalCompletions != nil:
		return *job.TotalCompletions
	case job.MaxConcurrent != nil:
		return *job.MaxConcurrent
	}
	return 1
}

// missing returns what is left of want after done.
func missing(want, done uint64) uint64 {
	return want - min(want, done)
}

// hasEnded reports whether a task in that state has no container that runs.
func hasEnded(state swarm.TaskState) bool {
	switch state {
	case swarm.TaskStateComplete, swarm.TaskStateShutdown, swarm.TaskStateFailed,
		swarm.TaskStateRejected, swarm.TaskStateRemove, swarm.TaskStateOrphaned:
		return true
	}
	return false
}

// serviceBindings returns the mounts that tasks of this kind get. Those that
// run no container, but a plugin, get none.
func serviceBindings(spec swarm.TaskSpec) []binding {
	if spec.ContainerSpec == nil {
		return nil
	}
	return bindingsWanted(spec.ContainerSpec.Mounts)
}

// taskName returns the name that the docker command shows for the task, such
// as "sso_db.1", or the task's ID if its service is gone.
func taskName(t swarm.Task, services map[string]string) string {
	switch name := services[t.ServiceID]; {
	case name == "":
		return t.ID
	case t.Slot == 0: // of a global service
		return name + "." + t.NodeID
	default:
		return fmt.Sprintf("%s.%d", name, t.Slot)
	}
}

// count returns "1 task", "2 tasks".
func count(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
