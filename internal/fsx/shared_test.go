package fsx

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// openFiles is how many descriptors the process has.
func openFiles(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	check(t, err)
	return len(fds)
}

// descend walks down levels directories named level, calls at the bottom, and
// walks up again.
func descend(t *testing.T, s *SharedDir, levels int, bottom func(*SharedDir)) {
	t.Helper()
	if levels == 0 {
		bottom(s)
		return
	}
	sub, err := s.Enter("level", nil)
	check(t, err)
	descend(t, sub, levels-1, bottom)
	check(t, sub.Leave())
	if _, err := s.Stat("level"); err != nil {
		t.Fatalf("after coming back to level %d: %v", s.depth, err)
	}
}

func TestDeepWalkNeedsFewDescriptors(t *testing.T) {
	const levels = 3000
	d, path := tempDir(t)
	deepen(t, d, levels)
	before, ended := openFiles(t), 0
	top := Share(openDir(t, path), func(*Dir) error { ended++; return nil })
	descend(t, top, levels, func(s *SharedDir) {
		if n := openFiles(t) - before; n > keepOpen+5 {
			t.Errorf("%d descriptors for %d levels", n, levels)
		}
		if want := strings.Repeat("level/", levels) + "bottom"; s.Path("bottom") != want {
			t.Errorf("the path has %d bytes, want %d", len(s.Path("bottom")), len(want))
		}
		if _, _, err := s.OpenFile("bottom"); err != nil {
			t.Error(err)
		}
	})
	check(t, top.Leave())
	if ended != 1 {
		t.Errorf("the root ended %d times", ended)
	}
	check(t, d.RemoveAll("level"))
}

// A worker keeps its directory open, and usable, while the walk is elsewhere;
// the last one to go ends it.
func TestWorkersOutliveTheWalk(t *testing.T) {
	const levels = keepOpen + 20
	d, path := tempDir(t)
	deepen(t, d, levels)
	var mu sync.Mutex
	ended := map[string]int{}
	var workers sync.WaitGroup
	release := make(chan struct{})
	var down func(s *SharedDir, left int)
	down = func(s *SharedDir, left int) {
		for range 3 {
			s.Use()
			workers.Go(func() {
				<-release
				if _, err := s.Names(); left > 0 && err != nil {
					t.Errorf("%s: %v", s.Path(""), err)
				}
				if err := s.Release(); err != nil {
					t.Error(err)
				}
			})
		}
		if left == 0 {
			close(release)
			return
		}
		name := fmt.Sprint(left)
		sub, err := s.Enter("level", func(d *Dir) error {
			mu.Lock()
			defer mu.Unlock()
			ended[name]++
			_, err := d.Self()
			return err
		})
		check(t, err)
		down(sub, left-1)
		check(t, sub.Leave())
	}
	before := openFiles(t)
	top := Share(openDir(t, path), nil)
	down(top, levels)
	check(t, top.Leave())
	workers.Wait()
	if len(ended) != levels {
		t.Errorf("%d of %d directories ended", len(ended), levels)
	}
	for name, n := range ended {
		if n != 1 {
			t.Errorf("directory %s ended %d times", name, n)
		}
	}
	if n := openFiles(t); n > before {
		t.Errorf("%d descriptors are left open", n-before)
	}
}

// A directory that someone moves while the walk is below it is not mistaken for
// the one it came from.
func TestWalkDoesNotComeBackElsewhere(t *testing.T) {
	const levels = keepOpen + 5
	d, path := tempDir(t)
	deepen(t, d, levels)
	check(t, os.MkdirAll(filepath.Join(path, "elsewhere"), 0o700))
	top := Share(openDir(t, path), nil)
	at := top
	for range levels {
		sub, err := at.Enter("level", nil)
		check(t, err)
		at = sub
	}
	deep := filepath.Join(path, strings.Repeat("level/", levels))
	check(t, os.Rename(deep, filepath.Join(path, "elsewhere/level")))
	wantError(t, at.Leave(), ErrMoved)
	for at = at.parent; at.parent != nil; at = at.parent {
		at.Leave() // what is closed stays closed, what is open is closed
	}
	check(t, top.Leave())
	if n := openFiles(t); n > 60 {
		t.Errorf("%d descriptors are open", n)
	}
	if err := unix.Access(path, unix.F_OK); err != nil {
		t.Error(err)
	}
}
