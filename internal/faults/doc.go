// Package faults runs the real command under faults and judges what is left: it
// is killed, its system calls fail, or the power is cut, at every system call
// that changes something on disk.
//
// A Tracer sees these calls through a seccomp filter with one counter for the
// whole process, and an Action decides what happens at them. A Rig is a disk of
// its own, a file system on a loop device, with what a Scenario needs on it,
// loaded anew for each point. A Sweep runs one Scenario with one Fault at every
// point, and its Figures are what `make scorecard` publishes. That the harness
// can see is shown with package planted.
package faults
