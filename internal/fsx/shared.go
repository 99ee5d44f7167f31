package fsx

import (
	"path"
	"sync/atomic"
)

// A SharedDir is a directory of a tree that a walk and the workers it leaves work
// to use together: it stays open until the last of them releases it. Its
// methods may be called by any goroutine that uses it.
type SharedDir struct {
	*Dir
	parent *SharedDir
	name   string
	last   func(*Dir) error
	users  atomic.Int64
}

// Share shares d, whose name in parent is name; it has one user. At the
// root of a tree parent is nil. Once it has no users, last is called, if it is
// not nil, and d is closed.
func Share(d *Dir, parent *SharedDir, name string, last func(*Dir) error) *SharedDir {
	s := &SharedDir{Dir: d, parent: parent, name: name, last: last}
	return s.Use()
}

// Use adds a user. Only a user may call it.
func (s *SharedDir) Use() *SharedDir {
	s.users.Add(1)
	return s
}

// Release removes a user. To the last one it returns the error of last.
func (s *SharedDir) Release() (err error) {
	if s.users.Add(-1) > 0 {
		return nil
	}
	defer s.Close()
	if s.last != nil {
		err = s.last(s.Dir)
	}
	return err
}

// Path returns the path of name from the root of the tree, or that of the
// directory itself if name is empty.
func (s *SharedDir) Path(name string) string {
	for ; s.parent != nil; s = s.parent {
		name = path.Join(s.name, name)
	}
	return path.Join(".", name)
}
