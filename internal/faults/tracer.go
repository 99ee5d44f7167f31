package faults

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Program is a command line.
type Program struct {
	Args []string // the first one is the path of the file to run
	Env  []string
}

// An Answer is what becomes of a call. The zero Answer lets the kernel do it.
type Answer struct {
	Errno unix.Errno // the call fails with it
	Kill  bool       // the process is killed, and the call never done
}

// An Action decides what becomes of each call that changes something on disk.
type Action interface {
	// See is called before the kernel does call number n, from 1. All other
	// such calls wait meanwhile.
	See(n int, c Call) Answer
}

// An Outcome is how a program ended.
type Outcome struct {
	Code           int // exit code; -1 if it was killed
	Stdout, Stderr string
	Calls          int    // that change something on disk
	Hit            []Call // those that got another Answer than the zero one
}

// Acknowledged reports whether the program said that its work is done.
func (o *Outcome) Acknowledged() bool { return o.Code == 0 }

// A tracing is one run of a program.
type tracing struct {
	action   Action
	listener int
	thread   int // that forked the process: its own calls do not count
	pid      int
	ended    *os.File // becomes readable when the process has ended
	outcome  Outcome
}

// Run runs the program and asks the action at each call that changes something
// on disk, one after the other, whichever thread makes it.
//
// The filter is put on a thread that forks the program and then ends, so the
// program is the file as it is built: nothing is preloaded, and nothing of this
// process is in it.
func Run(p Program, action Action) (*Outcome, error) {
	out, err := newOutput()
	if err != nil {
		return nil, err
	}
	defer out.close()
	ended, signal, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer ended.Close()
	t := &tracing{action: action, ended: ended}
	if err := t.start(p, out); err != nil {
		signal.Close()
		return nil, fmt.Errorf("start %s: %w", p.Args[0], err)
	}
	defer unix.Close(t.listener)
	status := make(chan unix.WaitStatus, 1)
	go func() {
		defer signal.Close()
		status <- wait(t.pid)
	}()
	err = t.serve()
	if err != nil {
		unix.Kill(t.pid, unix.SIGKILL)
	}
	t.outcome.Code = (<-status).ExitStatus()
	t.outcome.Stdout, t.outcome.Stderr = out.text()
	return &t.outcome, err
}

// start forks the program from a new thread, under the filter.
func (t *tracing) start(p Program, out *output) error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	attr := &syscall.ProcAttr{Env: p.Env, Files: []uintptr{null.Fd(), out.files[0].Fd(), out.files[1].Fd()}}
	started := make(chan error)
	go func() {
		// Never unlocked: the thread ends with the goroutine, and the filter.
		// Until then it makes no call that the filter reports.
		runtime.LockOSThread()
		t.thread = unix.Gettid()
		err := error(nil)
		if t.listener, err = install(); err == nil {
			t.pid, err = syscall.ForkExec(p.Args[0], p.Args, attr)
		}
		started <- err
	}()
	return <-started
}

// serve answers until the process has ended or was killed.
func (t *tracing) serve() error {
	for {
		fds := []unix.PollFd{
			{Fd: int32(t.listener), Events: unix.POLLIN},
			{Fd: int32(t.ended.Fd()), Events: unix.POLLIN},
		}
		if _, err := unix.Poll(fds, -1); err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait for calls: %w", err)
		}
		if fds[0].Revents&unix.POLLIN == 0 {
			if fds[1].Revents != 0 {
				return nil
			}
			continue
		}
		n, errno := receive(t.listener)
		switch {
		case errno == unix.ENOENT || errno == unix.EINTR: // the thread is gone, or will call again
		case errno != 0:
			return fmt.Errorf("receive call: %w", errno)
		case !t.call(n):
			return nil
		}
	}
}

// call answers one call. It returns false if the process was killed instead.
func (t *tracing) call(n notification) bool {
	c, ok := Call{}, false
	if int(n.pid) != t.thread {
		c, ok = callOf(&n)
	}
	if !ok {
		answer(t.listener, n, 0)
		return true
	}
	t.outcome.Calls++
	a := Answer{}
	if t.action != nil {
		a = t.action.See(t.outcome.Calls, c)
	}
	if a != (Answer{}) {
		t.outcome.Hit = append(t.outcome.Hit, c)
	}
	if a.Kill {
		unix.Kill(t.pid, unix.SIGKILL) // it cannot be gone: one of its threads waits
		return false
	}
	answer(t.listener, n, a.Errno)
	return true
}

// wait waits for the end of a process.
func wait(pid int) (status unix.WaitStatus) {
	for {
		if _, err := unix.Wait4(pid, &status, 0, nil); !errors.Is(err, unix.EINTR) {
			return status
		}
	}
}

// An output collects what a program prints, in memory, so that nobody has to
// read it meanwhile.
type output struct{ files [2]*os.File }

func newOutput() (*output, error) {
	o := new(output)
	for i, name := range []string{"stdout", "stderr"} {
		fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
		if err != nil {
			o.close()
			return nil, fmt.Errorf("make %s: %w", name, err)
		}
		o.files[i] = os.NewFile(uintptr(fd), name)
	}
	return o, nil
}

func (o *output) close() {
	for _, f := range o.files {
		f.Close() // of nil it is an error, of no interest
	}
}

func (o *output) text() (stdout, stderr string) {
	var texts [2]string
	for i, f := range o.files {
		b, _ := io.ReadAll(io.NewSectionReader(f, 0, 1<<20)) // memory: it cannot fail
		texts[i] = string(b)
	}
	return texts[0], texts[1]
}
