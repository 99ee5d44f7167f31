package fsx

import "golang.org/x/sys/unix"

// retry repeats a system call for as long as signals interrupt it; the Go
// runtime preempts goroutines with signals.
func retry(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

// retryInt is retry for system calls with a result.
func retryInt(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != unix.EINTR {
			return n, err
		}
	}
}
