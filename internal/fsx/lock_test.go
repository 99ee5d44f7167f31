package fsx

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// holderVar makes the test binary hold the lock that it names.
const holderVar = "FSX_TEST_HOLD_LOCK"

// TestLockHolderProcess is no test but the other process of the one below.
func TestLockHolderProcess(t *testing.T) {
	path := os.Getenv(holderVar)
	if path == "" {
		return
	}
	_, err := LockFile(t.Context(), path, Shared, 0)
	fmt.Println("locked", err)
	bufio.NewReader(os.Stdin).ReadByte() // until the parent closes it
}

func TestLockExcludesOtherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	holder := exec.Command(os.Args[0], "-test.run=^TestLockHolderProcess$")
	holder.Env = append(os.Environ(), holderVar+"="+path)
	stdin, err := holder.StdinPipe()
	check(t, err)
	stdout, err := holder.StdoutPipe()
	check(t, err)
	check(t, holder.Start())
	line, err := bufio.NewReader(stdout).ReadString('\n')
	check(t, err)
	if line != "locked <nil>\n" {
		t.Fatalf("holder said %q", line)
	}

	_, err = LockFile(t.Context(), path, Exclusive, 0)
	wantError(t, err, ErrLocked)
	if want := fmt.Sprintf("by process %d", holder.Process.Pid); !strings.Contains(err.Error(), want) {
		t.Errorf("error is %q, want %q in it", err, want)
	}
	shared, err := LockFile(t.Context(), path, Shared, 0)
	check(t, err)
	wantError(t, shared.TryMode(Exclusive), ErrLocked)

	check(t, holder.Process.Kill())
	holder.Wait()
	stdin.Close()
	check(t, shared.TryMode(Exclusive))
	check(t, shared.Unlock())
}

func TestLockModes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	lock := func(mode LockMode) (*Lock, error) { return LockFile(t.Context(), path, mode, 0) }
	a, err := lock(Shared)
	check(t, err)
	b, err := lock(Shared)
	check(t, err)
	wantError(t, a.TryMode(Exclusive), ErrLocked)
	check(t, b.Unlock())
	check(t, a.TryMode(Exclusive))
	_, err = lock(Shared)
	wantError(t, err, ErrLocked)
	check(t, a.TryMode(Shared))
	b, err = lock(Shared)
	check(t, err)
	wantError(t, a.TryMode(Exclusive), ErrLocked)
	check(t, a.Unlock())
	check(t, b.TryMode(Exclusive))
	check(t, b.Unlock())
	if err := b.Unlock(); err == nil {
		t.Error("unlocked twice")
	}
	info, err := os.Stat(path)
	check(t, err)
	if info.Mode() != 0o600 || info.Size() != 0 {
		t.Errorf("lock file has mode %v and %d bytes", info.Mode(), info.Size())
	}
}

func TestLockWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	a, err := LockFile(t.Context(), path, Exclusive, 0)
	check(t, err)

	start := time.Now()
	_, err = LockFile(t.Context(), path, Shared, 50*time.Millisecond)
	wantError(t, err, ErrLocked)
	if waited := time.Since(start); waited < 50*time.Millisecond {
		t.Errorf("waited %v", waited)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = LockFile(ctx, path, Shared, time.Hour)
	wantError(t, err, context.DeadlineExceeded)

	time.AfterFunc(50*time.Millisecond, func() { a.Unlock() })
	b, err := LockFile(t.Context(), path, Exclusive, time.Minute)
	check(t, err)
	check(t, b.Unlock())
}

// The lock pretends to have been exclusive, as if another had come in between.
func TestLockLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	a, err := LockFile(t.Context(), path, Shared, 0)
	check(t, err)
	b, err := LockFile(t.Context(), path, Shared, 0)
	check(t, err)
	a.mode = Exclusive
	wantError(t, a.TryMode(Exclusive), ErrLockLost)
	check(t, b.TryMode(Exclusive))
	check(t, a.Unlock())
	check(t, b.Unlock())
}
