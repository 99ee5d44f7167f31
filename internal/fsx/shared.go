package fsx

import (
	"slices"
	"strings"
	"sync"
)

// keepOpen is how many levels of a tree a walk holds open above it. What is
// deeper is closed while the walk is below, so that no tree is too deep for the
// number of files that a process may have open, which may be 1,024.
const keepOpen = 64

// A SharedDir is a directory of a tree that a walk and the workers it leaves work
// to use together: it is open while any of them uses it, and ends when the walk
// has left it and the last worker has released it. Its methods may be called by
// any goroutine that uses it; Enter and Leave are the walk's.
type SharedDir struct {
	*Dir
	parent *SharedDir
	name   string
	depth  int
	last   func(*Dir) error

	mu    sync.Mutex
	users int      // the walk, while it is here, and workers
	below bool     // the walk is below, and comes back
	id    Identity // of when it was closed
}

// Share shares d, the root of a tree, with the walk as its user. When the walk
// and all workers have done with it, last is called, if it is not nil, and d is
// closed.
func Share(d *Dir, last func(*Dir) error) *SharedDir {
	return &SharedDir{Dir: d, last: last, users: 1}
}

// Enter opens the directory name as Dir.OpenDir does. The walk goes on in it, and
// no longer uses s until it leaves it.
func (s *SharedDir) Enter(name string, last func(*Dir) error) (*SharedDir, error) {
	d, err := s.OpenDir(name)
	if err != nil {
		return nil, err
	}
	sub := Share(d, last)
	sub.parent, sub.name, sub.depth = s, name, s.depth+1
	s.mu.Lock()
	defer s.mu.Unlock()
	s.below = true
	s.users--
	s.rest()
	return sub, nil
}

// Leave ends the walk's use of s, and begins that of the directory above, if
// there is one. It returns ErrMoved if that is not the one it came from, and the
// error of last if there are no other users.
func (s *SharedDir) Leave() error {
	var err error
	if s.parent != nil {
		err = s.parent.resume(s.Dir)
	}
	if released := s.Release(); err == nil {
		err = released
	}
	return err
}

// Use adds a user. Only a user may call it.
func (s *SharedDir) Use() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users++
}

// Release removes a user. To the last one it returns the error of last.
func (s *SharedDir) Release() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users--
	if s.users > 0 || s.below {
		s.rest()
		return nil
	}
	defer s.Close()
	if s.last != nil {
		err = s.last(s.Dir)
	}
	return err
}

// rest closes the directory if it is deep and nobody uses it.
func (s *SharedDir) rest() {
	if s.users > 0 || s.depth < keepOpen || s.fd < 0 {
		return
	}
	if stat, err := s.Self(); err == nil {
		s.id = stat.ID
		s.Close()
	}
}

// resume makes the walk a user again, which comes from the directory from.
func (s *SharedDir) resume(from *Dir) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.below = false
	s.users++
	if s.fd >= 0 {
		return nil
	}
	above, err := from.above(s.id)
	if err == nil {
		s.fd = above.fd
	}
	return describe(err, "leave to directory", s.name)
}

// Path returns the path of name from the root of the tree, or that of the
// directory itself if name is empty.
func (s *SharedDir) Path(name string) string {
	var names []string
	if name != "" {
		names = append(names, name)
	}
	for ; s.parent != nil; s = s.parent {
		names = append(names, s.name)
	}
	if len(names) == 0 {
		return "."
	}
	slices.Reverse(names)
	return strings.Join(names, "/")
}
