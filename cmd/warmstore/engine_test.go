package main

import (
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// engine answers as a Docker engine at $WORK/docker.sock. What it knows are
// DIR/volumes.json and DIR/containers.json, read anew for each question, in
// which $WORK stands for itself. internal/e2e asks a real one.
func engine(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 1, "engine DIR")
	work := ts.Getenv("WORK")
	socket, err := net.Listen("unix", filepath.Join(work, "docker.sock"))
	ts.Check(err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.45")
		w.Header().Set("Content-Type", "application/json")
		var answer string
		switch asked := strings.TrimPrefix(r.URL.Path, "/v1.45"); asked {
		case "/_ping":
		case "/info":
			answer = `{"ID": "fake", "DockerRootDir": "$WORK", "Swarm": {"LocalNodeState": "inactive"}}`
		case "/volumes", "/containers/json":
			name, _, _ := strings.Cut(path.Clean(asked)[1:], "/")
			b, err := os.ReadFile(filepath.Join(work, args[0], name+".json"))
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			answer = string(b)
		default:
			http.NotFound(w, r)
			return
		}
		w.Write([]byte(strings.ReplaceAll(answer, "$WORK", work)))
	})}
	go server.Serve(socket)
	ts.Defer(func() { server.Close() })
}
