// Package docker asks the Docker engine which volumes an app has, where their
// files are, and whether anything could write to them.
//
// The engine's answers hold traps that this package exists to avoid: no
// services is not "undeployed", a name filter is a regular expression, and a
// local volume with mount options is an empty directory while nothing uses it.
// DESIGN.md section 8 lists the rules. No other package imports the client.
package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/system"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
)

// patience is how long one question may take. Answers come in milliseconds;
// what takes this long is a volume plugin, or a network mount, that hangs.
const patience = 30 * time.Second

// api is what this package uses of the Docker client.
type api interface {
	Close() error
	DaemonHost() string
	Info(context.Context) (system.Info, error)
	VolumeList(context.Context, volume.ListOptions) (volume.ListResponse, error)
	VolumeCreate(context.Context, volume.CreateOptions) (volume.Volume, error)
	ContainerList(context.Context, container.ListOptions) ([]container.Summary, error)
	ServiceList(context.Context, swarm.ServiceListOptions) ([]swarm.Service, error)
	TaskList(context.Context, swarm.TaskListOptions) ([]swarm.Task, error)
}

// An Engine is a connection to the Docker engine of this machine. It is safe
// for concurrent use. Each of its questions ends within 30 seconds; an engine
// that does not answer is an error, never an answer.
type Engine struct {
	api      api
	self     string        // the container that we run in; empty: none
	patience time.Duration // for one question
	etc      string        // the machine's /etc
}

// Connect finds the engine as the docker command does, by DOCKER_HOST and its
// companions (but not by "docker context"), and agrees on an API version with
// it. It returns ErrUnreachable if none answers, and ErrRemote if the engine
// is reached over a network: its paths are not ours, and a directory here that
// happens to have the same name must not be mistaken for a volume.
func Connect(ctx context.Context) (*Engine, error) {
	c, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return nil, fmt.Errorf("connect to docker engine: %w", err)
	}
	e := &Engine{api: c, self: ownContainer(), patience: patience, etc: "/etc"}
	if !isLocal(c.DaemonHost()) {
		return nil, errors.Join(fmt.Errorf("%w: %s", ErrRemote, c.DaemonHost()), e.Close())
	}
	pong, err := ask(ctx, e, "connect", c.Ping)
	if err != nil {
		return nil, errors.Join(e.unreachable(ctx, err), e.Close())
	}
	c.NegotiateAPIVersionPing(pong)
	return e, nil
}

// Close releases the connection.
func (e *Engine) Close() error {
	if err := e.api.Close(); err != nil {
		return fmt.Errorf("close connection to docker engine: %w", err)
	}
	return nil
}

// isLocal reports whether an engine at host, a URL as in DOCKER_HOST, is on
// this machine: behind a socket, or on the loopback interface.
func isLocal(host string) bool {
	u, err := url.Parse(host)
	if err != nil {
		return false
	}
	if u.Scheme == "unix" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "tcp" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

// ask puts one question to the engine, within e's patience. An error says what
// was asked.
func ask[T any](
	ctx context.Context, e *Engine, what string, question func(context.Context) (T, error),
) (T, error) {
	limited, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	answer, err := question(limited)
	if err == nil {
		return answer, nil
	}
	var none T
	switch {
	case ctx.Err() != nil:
		return none, fmt.Errorf("%s: %w", what, context.Cause(ctx))
	case limited.Err() != nil:
		return none, fmt.Errorf("%s: no answer within %v: %w", what, e.patience, limited.Err())
	case client.IsErrConnectionFailed(err):
		return none, fmt.Errorf("%s: %w", what, e.unreachable(ctx, err))
	}
	return none, fmt.Errorf("%s: %w", what, err)
}

// unreachable makes err an ErrUnreachable that names the engine, unless it is
// one or the caller gave up.
func (e *Engine) unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, ErrUnreachable) {
		return err
	}
	return fmt.Errorf("%w at %s: %w", ErrUnreachable, e.api.DaemonHost(), err)
}

// await returns what look returns, or ctx's error if ctx ends first; then look
// is left behind. It is for questions to the kernel, which know no deadline.
func await[T any](ctx context.Context, look func() (T, error)) (T, error) {
	type result struct {
		answer T
		err    error
	}
	done := make(chan result, 1)
	go func() {
		answer, err := look()
		done <- result{answer, err}
	}()
	select {
	case r := <-done:
		return r.answer, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
