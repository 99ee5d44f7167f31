package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/store"
)

// usage fails the script unless a command of it has enough arguments and, as
// none of them but json does, is not negated.
func usage(ts *testscript.TestScript, neg bool, args []string, least int, text string) {
	if neg || len(args) < least {
		ts.Fatalf("usage: %s", text)
	}
}

// exits runs a command that must exit with the code. Whatever the code, it must
// keep what holds for all: a failure prints nothing on stdout, and on stderr
// what begins with the command's name; a success prints no error there.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, "exits CODE COMMAND [ARG]...")
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code, stdout, stderr := execute(ts, args[1:])
	if code != want {
		ts.Fatalf("exit %d, want %d", code, want)
	}
	if code != exitDone {
		if stdout != "" {
			ts.Fatalf("it fails and prints on stdout")
		}
		if !strings.HasPrefix(stderr, "warmstore: ") {
			ts.Fatalf("it fails without saying so in its name")
		}
		return
	}
	for line := range strings.Lines(stderr) {
		if strings.HasPrefix(line, "warmstore: ") && !strings.HasPrefix(line, "warmstore: warning: ") {
			ts.Fatalf("it succeeds and says that it failed: %s", line)
		}
	}
}

// execute runs a command and returns how it ended. Scripts have hundreds of
// them, and a process takes longer to start than warmstore to work, so that one
// runs in this process; exec, nobody and env start a real one.
func execute(ts *testscript.TestScript, args []string) (code int, stdout, stderr string) {
	if args[0] == "warmstore" {
		var out, err bytes.Buffer
		code = inProcess(ts, args, &out, &err)
		ts.Stdout().Write(out.Bytes())
		ts.Stderr().Write(err.Bytes())
		return code, out.String(), err.String()
	}
	var exit *exec.ExitError
	if err := ts.Exec(args[0], args[1:]...); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	return code, ts.ReadFile("stdout"), ts.ReadFile("stderr")
}

// process guards what is one for all scripts: the working directory and the
// environment.
var process sync.Mutex

// inProcess runs one command line where and as the script would.
func inProcess(ts *testscript.TestScript, args []string, stdout, stderr io.Writer) int {
	process.Lock()
	defer process.Unlock()
	home, err := os.Getwd()
	ts.Check(err)
	ts.Check(os.Chdir(ts.MkAbs(".")))
	defer os.Chdir(home)
	for _, key := range []string{"WARMSTORE_ROOT", "CCCI_WARM_ROOT", "DOCKER_HOST", "WARMSTORE_CONFIG"} {
		if value := ts.Getenv(key); value != "" {
			ts.Check(os.Setenv(key, value))
		} else {
			ts.Check(os.Unsetenv(key))
		}
	}
	return run(args, stdout, stderr)
}

// jsonAt looks into the one JSON object that the last command printed. A path
// is keys and indices with dots between them. A string is compared with the
// value as it is, or as a regular expression behind ~, anything else as compact
// JSON. Negated, the path must not exist.
func jsonAt(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 2 || neg && len(args) > 1 {
		ts.Fatalf("usage: [!] json PATH [VALUE]")
	}
	got, ok := lookUp(ts, args[0])
	switch {
	case ok == neg:
		ts.Fatalf("json has %s: %t", args[0], ok)
	case len(args) < 2:
		return
	}
	want, isPattern := strings.CutPrefix(args[1], "~")
	if isPattern {
		pattern, err := regexp.Compile("^(?:" + want + ")$")
		ts.Check(err)
		if pattern.MatchString(got) {
			return
		}
	} else if got == want {
		return
	}
	ts.Fatalf("json: %s is %s, want %s", args[0], got, args[1])
}

// lookUp returns what is at the path in the object on stdout.
func lookUp(ts *testscript.TestScript, path string) (text string, ok bool) {
	dec := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	dec.UseNumber()
	object := map[string]any{}
	if err := dec.Decode(&object); err != nil {
		ts.Fatalf("stdout is no JSON object: %v", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		ts.Fatalf("stdout has more than one JSON object")
	}
	var at any = object
	for key := range strings.SplitSeq(path, ".") {
		switch value := at.(type) {
		case map[string]any:
			if at, ok = value[key]; !ok {
				return "", false
			}
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(value) {
				return "", false
			}
			at = value[i]
		default:
			return "", false
		}
	}
	if s, ok := at.(string); ok {
		return s, true
	}
	b, err := json.Marshal(at)
	ts.Check(err)
	return string(b), true
}

// keepAs sets a variable to what is at a path in the object on stdout, or to the
// first so many bytes of it.
func keepAs(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, "keep VARIABLE PATH [LENGTH]")
	value, ok := lookUp(ts, args[1])
	if !ok {
		ts.Fatalf("json has no %s", args[1])
	}
	if len(args) > 2 {
		n, err := strconv.Atoi(args[2])
		ts.Check(err)
		value = value[:n]
	}
	ts.Setenv(args[0], value)
}

// listTree prints a directory to stdout: of each entry its path, type, mode,
// owner, size, time and content. Directories have no time, so that a test may
// make one in another.
func listTree(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 1, "tree DIR")
	root := ts.MkAbs(args[0])
	ts.Check(filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		var content string
		switch {
		case info.Mode().IsRegular():
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content = fmt.Sprintf("%d %x %s", len(b), sha256.Sum256(b), info.ModTime())
		case info.Mode()&fs.ModeSymlink != 0:
			if content, err = os.Readlink(path); err != nil {
				return err
			}
		}
		stat := info.Sys().(*syscall.Stat_t)
		_, err = fmt.Fprintf(ts.Stdout(), "%q %v %d:%d %s\n",
			strings.TrimPrefix(path, root), info.Mode(), stat.Uid, stat.Gid, content)
		return err
	}))
}

// random makes a file that no compression shortens.
func random(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, "random FILE BYTES")
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	b := make([]byte, n)
	source := rand.NewChaCha8(sha256.Sum256([]byte(args[0])))
	_, err = source.Read(b)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o644))
}

// socket makes a socket. The name is as Go quotes it.
func socket(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 1, "socket QUOTED")
	name, err := strconv.Unquote(args[0])
	ts.Check(err)
	ts.Check(syscall.Mknod(ts.MkAbs(name), syscall.S_IFSOCK|0o600, 0))
}

// flip changes one bit where TEXT begins in the file that has it.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, "flip TEXT PATTERN")
	paths, err := filepath.Glob(ts.MkAbs(args[1]))
	ts.Check(err)
	for _, path := range paths {
		b, err := os.ReadFile(path)
		ts.Check(err)
		at := bytes.Index(b, []byte(args[0]))
		if at < 0 {
			continue
		}
		b[at] ^= 1
		ts.Check(os.WriteFile(path, b, 0))
		return
	}
	ts.Fatalf("none of %d files has %q", len(paths), args[0])
}

// lock takes the lock of an app, as another process does, for a time or until
// the end of the script.
func lock(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 1, "lock APP [DURATION]")
	path := filepath.Join(ts.Getenv("WARMSTORE_ROOT"), store.Dir, "lock", "apps", args[0]+".lock")
	held, err := fsx.LockFile(context.Background(), path, fsx.Exclusive, 0)
	ts.Check(err)
	if len(args) == 1 {
		ts.Defer(func() { held.Unlock() })
		return
	}
	d, err := time.ParseDuration(args[1])
	ts.Check(err)
	time.AfterFunc(d, func() { held.Unlock() })
}

// begin leaves a restore of an app unfinished, as a kill does.
func begin(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, "begin APP NAME=PATH...")
	s, err := store.Open(ts.Getenv("WARMSTORE_ROOT"), store.Options{})
	ts.Check(err)
	c, err := s.Checkout(context.Background(), args[0], store.ID{}, true)
	ts.Check(err)
	defer c.Close()
	paths := map[string]string{}
	for _, arg := range args[1:] {
		name, path, _ := strings.Cut(arg, "=")
		paths[name] = ts.MkAbs(path)
	}
	ts.Check(c.Begin(paths))
}

// tmpfs mounts a small file system, which is soon full.
func tmpfs(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, args, 2, "tmpfs DIR BYTES")
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(syscall.Mount("warmstore-test", dir, "tmpfs", 0, "mode=0755,size="+args[1]))
	ts.Defer(func() { syscall.Unmount(dir, syscall.MNT_FORCE|2) }) // 2: MNT_DETACH
}
