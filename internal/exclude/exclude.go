// Package exclude says which paths of a volume its snapshots leave out, and its
// restores leave alone: caches, sockets, what can be had again.
package exclude

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// ErrPattern means that a pattern matches nothing, or cannot be read.
var ErrPattern = errors.New("bad pattern")

// Patterns are matched against paths from a volume's root, raw bytes, without a
// slash at the beginning: * is any part of a name, ** any number of directories, ?
// one character, [a-z] one of several, {a,b} either. Below a directory that
// matches, all does.
type Patterns []string

// Check returns ErrPattern unless every pattern can match a path.
func (p Patterns) Check() error {
	for _, pattern := range p {
		rooted := strings.HasPrefix(pattern, "/") || strings.HasPrefix(pattern, "./")
		if pattern == "" || rooted || strings.HasSuffix(pattern, "/") {
			return fmt.Errorf("%w %q: give a path from the volume's root, as data/cache or **/*.tmp",
				ErrPattern, pattern)
		}
		if !doublestar.ValidatePattern(pattern) {
			return fmt.Errorf("%w %q: a bracket is not closed, or nothing is escaped", ErrPattern, pattern)
		}
	}
	return nil
}

// Keep returns those of the names in a directory whose paths do not match. It
// changes names. path returns that of a name.
func (p Patterns) Keep(names []string, path func(name string) string) []string {
	if len(p) == 0 {
		return names
	}
	return slices.DeleteFunc(names, func(name string) bool { return p.Match(path(name)) })
}

// Match reports whether one of the patterns, which are checked, matches the path.
// It is not asked of what is below a path that does.
func (p Patterns) Match(path string) bool {
	for _, pattern := range p {
		if doublestar.MatchUnvalidated(pattern, path) {
			return true
		}
	}
	return false
}
