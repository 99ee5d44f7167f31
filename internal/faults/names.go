package faults

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The file systems that are tested keep one journal, so one fsync makes the
// names of others durable too. Nothing promises that. So the tracer remembers
// which names were given and not yet made durable by the program, and after a
// power cut takes them back.

// A given name is one that a rename gave to a file, where there was none.
type given struct{ old, now string }

// names are those given whose directory was not synced since.
type names []given

// see follows the calls that the kernel is about to do.
func (s *names) see(c Call) {
	switch c.Name {
	case "renameat", "renameat2":
		s.rename(c.File, c.To)
	case "fsync":
		*s = slices.DeleteFunc(*s, func(g given) bool { return filepath.Dir(g.now) == c.File })
	case "syncfs":
		*s = nil
	case "unlinkat":
		*s = slices.DeleteFunc(*s, func(g given) bool { return g.now == c.File })
	}
}

func (s *names) rename(old, now string) {
	for i, g := range *s {
		if below, ok := strings.CutPrefix(g.now, old+"/"); ok {
			(*s)[i].now = filepath.Join(now, below)
			(*s)[i].old = "" // its directory has another name now: it is left alone
		}
	}
	if _, err := os.Lstat(now); err != nil {
		*s = append(*s, given{old, now})
	}
}

// takeBack renames those back that choose picks. What is not there any more, or
// not there yet, is none of them.
func (s names) takeBack(choose func() bool) {
	for _, g := range slices.Backward(s) {
		if _, err := os.Lstat(g.old); g.old != "" && err != nil && choose() {
			os.Rename(g.now, g.old) // the rename may not have happened
		}
	}
}
