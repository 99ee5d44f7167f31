// Package crew has tasks done by a fixed number of workers.
//
// It is what an errgroup with a limit is, but for the goroutines, which stay: the stack
// of one that is made for a task has to grow again for every task. ARCHITECTURE.md says
// what that took.
package crew

import (
	"context"
	"sync"
)

// ahead is how many tasks may wait for a worker. With a few, workers wait for whoever
// makes the tasks; and each may hold a directory open.
const ahead = 256

// A Crew is a number of workers. It is safe for concurrent use, by tasks of its own
// too.
type Crew struct {
	queue   chan func() error
	help    chan func() error
	pending sync.WaitGroup // tasks
	cancel  context.CancelCauseFunc
	failed  sync.Once
	err     error // the first one of a task
}

// New returns a crew of so many workers, at least one, and a context that is canceled
// when a task fails, with its error as the cause, and in any case by Wait, which has to
// be called.
func New(ctx context.Context, workers int) (*Crew, context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	c := &Crew{queue: make(chan func() error, ahead), help: make(chan func() error), cancel: cancel}
	for range max(workers, 1) {
		go c.work()
	}
	return c, ctx
}

func (c *Crew) work() {
	for {
		select {
		case task, ok := <-c.queue:
			if !ok {
				return
			}
			c.do(task)
		case task := <-c.help:
			c.do(task)
		}
	}
}

func (c *Crew) do(task func() error) {
	defer c.pending.Done()
	if err := task(); err != nil {
		c.failed.Do(func() {
			c.err = err
			c.cancel(err)
		})
	}
}

// Go has a worker do the task when all given before have begun, and waits while many do.
// A task must not call it: all workers could wait for one.
func (c *Crew) Go(task func() error) {
	c.pending.Add(1)
	c.queue <- task
}

// TryGo has a worker do the task at once if one has nothing to do, and reports that.
func (c *Crew) TryGo(task func() error) bool {
	c.pending.Add(1)
	select {
	case c.help <- task:
		return true
	default:
		c.pending.Done()
		return false
	}
}

// Wait waits until all tasks are done, also those that they give meanwhile, ends the
// workers, and returns the first error. No task may be given afterwards.
func (c *Crew) Wait() error {
	c.pending.Wait()
	close(c.queue)
	c.cancel(c.err)
	return c.err
}
