package faults

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A notification is struct seccomp_notif of <linux/seccomp.h>: a system call
// that waits for an answer.
type notification struct {
	id     uint64
	pid    uint32 // of the thread
	flags  uint32
	number int32
	arch   uint32
	ip     uint64
	args   [6]uint64
}

// A response is struct seccomp_notif_resp.
type response struct {
	id    uint64
	value int64
	errno int32 // negative
	flags uint32
}

// install puts a filter on the calling thread that reports each call of forms,
// and returns the descriptor to answer at. What the thread forks inherits it.
func install() (listener int, err error) {
	program := filter()
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	// A call that was received is not interrupted by a signal, such as the Go
	// runtime sends to itself, and so is not counted twice.
	const flags = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	fd, _, errno := unix.RawSyscall(
		unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, flags, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return -1, fmt.Errorf("install seccomp filter: %w", errno)
	}
	return int(fd), nil
}

// filter is the program: load the number, jump to the last line if it is one of
// forms, else allow.
func filter() []unix.SockFilter {
	const (
		load   = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		equals = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
		give   = unix.BPF_RET | unix.BPF_K
	)
	program := []unix.SockFilter{{Code: load}} // offset 0: the number
	for i, f := range forms {
		program = append(program, unix.SockFilter{Code: equals, K: f.number, Jt: uint8(len(forms) - i)})
	}
	return append(program,
		unix.SockFilter{Code: give, K: unix.SECCOMP_RET_ALLOW},
		unix.SockFilter{Code: give, K: unix.SECCOMP_RET_USER_NOTIF})
}

// receive waits for the next notification.
func receive(listener int) (n notification, errno unix.Errno) {
	_, _, errno = unix.Syscall(
		unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&n)))
	return n, errno
}

// answer lets the call go on, or fail if errno is not 0. The thread may be gone.
func answer(listener int, n notification, errno unix.Errno) {
	r := response{id: n.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	if errno != 0 {
		r.errno, r.flags = -int32(errno), 0
	}
	unix.Syscall(unix.SYS_IOCTL, uintptr(listener), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&r)))
}
