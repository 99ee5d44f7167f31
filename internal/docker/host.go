package docker

import (
	"context"
	"fmt"

	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
)

// A Host is what a snapshot's record keeps of the engine. A volume's numeric
// owners mean the same only under the same mapping of users.
type Host struct {
	ID       string `json:"id"`       // of the engine; it survives restarts
	RootDir  string `json:"root_dir"` // where the engine keeps its volumes
	UserNS   bool   `json:"userns,omitempty"`
	Rootless bool   `json:"rootless,omitempty"`
	SELinux  bool   `json:"selinux,omitempty"`
	// Mapping is where the users of containers begin on this machine, in words
	// of the engine's own; empty if they are the machine's users.
	Mapping string `json:"mapping,omitempty"`

	// Swarm is the node's role, "manager" or "worker", or else its state,
	// mostly "inactive". On a worker the engine knows no services, and
	// InUse judges by containers alone.
	Swarm string `json:"swarm,omitempty"`
}

// The roles of a node that takes part in a swarm.
const (
	manager = "manager"
	worker  = "worker"
)

// Host describes the engine.
func (e *Engine) Host(ctx context.Context) (Host, error) {
	info, err := ask(ctx, e, "describe docker engine", e.api.Info)
	if err != nil {
		return Host{}, err
	}
	options, err := system.DecodeSecurityOptions(info.SecurityOptions)
	if err != nil {
		return Host{}, fmt.Errorf("describe docker engine: %w", err)
	}
	h := Host{ID: info.ID, RootDir: info.DockerRootDir, Swarm: role(info.Swarm)}
	for _, option := range options {
		switch option.Name {
		case "userns":
			h.UserNS = true
		case "rootless":
			h.Rootless = true
		case "selinux":
			h.SELinux = true
		}
	}
	h.Mapping, err = e.mapping(ctx, h)
	return h, err
}

// role returns the node's role if it takes part in a swarm, else its state.
func role(info swarm.Info) string {
	switch {
	case info.LocalNodeState != swarm.LocalNodeStateActive:
		return string(info.LocalNodeState)
	case info.ControlAvailable:
		return manager
	}
	return worker
}
