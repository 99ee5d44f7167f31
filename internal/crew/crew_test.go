package crew

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestNoMoreTasksAtATimeThanWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for workers, most := range []int{1, 1, 2, 3} { // no worker is one
			var now, peak, done atomic.Int64
			c, _ := New(t.Context(), workers)
			for range 20 {
				c.Go(func() error {
					if n := now.Add(1); n > peak.Load() {
						peak.Store(n)
					}
					time.Sleep(time.Second)
					now.Add(-1)
					done.Add(1)
					return nil
				})
			}
			if err := c.Wait(); err != nil || done.Load() != 20 || peak.Load() != int64(most) {
				t.Errorf("%d workers: %d of 20 tasks done, %d at a time (%v)", workers, done.Load(), peak.Load(), err)
			}
		}
	})
}

func TestTryGoTakesIdleWorkersOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := New(t.Context(), 2)
		sleep := func() error { time.Sleep(time.Second); return nil }
		var taken []bool
		for range 3 {
			synctest.Wait() // until they wait for tasks
			taken = append(taken, c.TryGo(sleep))
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		taken = append(taken, c.TryGo(sleep))
		if err := c.Wait(); err != nil || !taken[0] || !taken[1] || taken[2] || !taken[3] {
			t.Errorf("two idle workers, then none, then two: taken are %v (%v)", taken, err)
		}
	})
}

func TestFirstErrorCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := errors.New("first")
		c, ctx := New(t.Context(), 2)
		c.Go(func() error { <-ctx.Done(); return ctx.Err() })
		c.Go(func() error { return first })
		synctest.Wait()
		if cause := context.Cause(ctx); cause != first {
			t.Errorf("canceled for %v", cause)
		}
		done := false
		c.Go(func() error { done = true; return nil }) // whoever gives tasks looks at the context
		if err := c.Wait(); err != first || !done {
			t.Errorf("Wait returns %v; the task afterwards was done: %t", err, done)
		}
	})
}

func TestWaitEndsTheContext(t *testing.T) {
	c, ctx := New(t.Context(), 3)
	if err := c.Wait(); err != nil || ctx.Err() == nil {
		t.Errorf("nothing was to be done: %v, and the context is %v", err, ctx.Err())
	}
}

func TestTasksGiveTasksWhileAllIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := New(t.Context(), 2)
		done := false
		c.Go(func() error {
			time.Sleep(time.Second)
			if !c.TryGo(func() error { time.Sleep(time.Second); done = true; return nil }) {
				t.Error("the other worker is idle, and takes no task")
			}
			return nil
		})
		if err := c.Wait(); err != nil || !done {
			t.Errorf("the task of a task was done: %t (%v)", done, err)
		}
	})
}
