package docker

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A question is one that can be asked of an engine, and what its error says.
type question struct {
	says string
	ask  func(context.Context, *Engine) error
}

// questions are all that can be asked.
func questions() []question {
	app, v := App{Stack: "sso"}, Volume{Name: "v", Driver: "local"}
	return []question{
		{"describe docker engine", func(ctx context.Context, e *Engine) error { _, err := e.Host(ctx); return err }},
		{"list volumes", func(ctx context.Context, e *Engine) error { _, err := e.Volumes(ctx, app); return err }},
		{"list volumes", func(ctx context.Context, e *Engine) error { _, err := e.External(ctx, app); return err }},
		{"list volumes", func(ctx context.Context, e *Engine) error { _, err := e.Create(ctx, v); return err }},
		{"list volumes", func(ctx context.Context, e *Engine) error { return e.InUse(ctx, app, nil) }},
		{"list containers", func(ctx context.Context, e *Engine) error { _, err := e.containers(ctx); return err }},
		{"list tasks", func(ctx context.Context, e *Engine) error { return e.usedByTask(ctx, &footprint{}, nil) }},
		{"create volume v", func(ctx context.Context, e *Engine) error { _, err := e.create(ctx, v); return err }},
	}
}

func TestAnErrorIsNeverAnAnswer(t *testing.T) {
	broken := errors.New("broken")
	for _, q := range questions() {
		f := newFake(t)
		f.err = broken
		wantError(t, q.ask(t.Context(), f.engine()), broken, q.says)
	}
}

func TestAHangingEngineIsGivenUp(t *testing.T) {
	for _, q := range questions() {
		f := newFake(t)
		f.hangs = true
		e := &Engine{api: f, patience: 10 * time.Millisecond}
		wantError(t, q.ask(t.Context(), e), context.DeadlineExceeded, q.says, "no answer within 10ms")

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		wantError(t, q.ask(ctx, f.engine()), context.Canceled, q.says)
	}
}

func TestAHangingFileSystemIsGivenUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	release := make(chan bool)
	defer close(release)
	_, err := await(ctx, func() (bool, error) { return <-release, nil })
	wantError(t, err, context.DeadlineExceeded)
}

func TestConnectNamesTheEngineItCannotReach(t *testing.T) {
	host := "unix://" + filepath.Join(t.TempDir(), "none.sock")
	t.Setenv("DOCKER_HOST", host)
	_, err := Connect(t.Context())
	wantError(t, err, ErrUnreachable, "no docker engine answers at "+host)
}

func TestConnectRefusesEnginesElsewhere(t *testing.T) {
	t.Setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
	_, err := Connect(t.Context())
	wantError(t, err, ErrRemote, "tcp://192.0.2.1:2375")
}

func TestEnginesBehindSocketsAndLoopbackAreLocal(t *testing.T) {
	for host, want := range map[string]bool{
		"unix:///var/run/docker.sock": true, "tcp://localhost:2375": true, "tcp://127.0.0.1:2375": true,
		"tcp://[::1]:2375": true, "tcp://10.0.0.1:2375": false, "tcp://engine.example.com:2376": false,
		"ssh://root@localhost": false, "%": false,
	} {
		if got := isLocal(host); got != want {
			t.Errorf("%s: got %v", host, got)
		}
	}
}

// TestConnectionLostLater has an engine that greets and then hangs up.
func TestConnectionLostLater(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s.sock")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/_ping") {
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Api-Version", "1.41")
	}))
	server.Listener = listener
	server.Start()
	defer server.Close()
	t.Setenv("DOCKER_HOST", "unix://"+socket)
	e, err := Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	wantError(t, e.InUse(t.Context(), App{Stack: "sso"}, nil), ErrUnreachable, "list volumes", socket)
}

func TestHost(t *testing.T) {
	f := newFake(t)
	f.info.ID, f.info.DockerRootDir = "EHPV", "/var/lib/docker/100000.100000"
	f.info.SecurityOptions = []string{"name=seccomp,profile=default", "name=userns", "name=selinux"}
	got, err := f.engine().Host(t.Context())
	want := Host{ID: "EHPV", RootDir: f.info.DockerRootDir, UserNS: true, SELinux: true, Swarm: "manager",
		Mapping: "100000.100000"}
	if err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}
