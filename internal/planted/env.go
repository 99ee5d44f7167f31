//go:build planted

package planted

import (
	"os"
	"slices"
	"strings"
)

// variable is the environment variable that names the one bug to plant.
const variable = "WARMSTORE_PLANTED"

// Bug reports whether the bug of this name is planted.
func Bug(name string) bool { return os.Getenv(variable) == name }

// BugIn reports whether the bug of this name is planted for files below a
// directory that is an element of path: the variable is name, ": " and that.
func BugIn(name, path string) bool {
	dir, ok := strings.CutPrefix(os.Getenv(variable), name+": ")
	return ok && slices.Contains(strings.Split(path, "/"), dir)
}
