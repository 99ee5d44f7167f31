// Package need says what a test cannot run without. A test that silently does not
// run is worse than none: what is missing is told, and in CI it is a failure.
package need

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// Tools skips a test that lacks one of the programs, and fails it where $CI is
// true.
func Tools(t *testing.T, tools ...string) {
	t.Helper()
	var missing []string
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			missing = append(missing, tool)
		}
	}
	if missing != nil {
		Lacks(t, strings.Join(missing, ", ")+"; scripts/setup gets it")
	}
}

// Lacks skips a test that cannot run without what is named, and fails it where $CI
// is true.
func Lacks(t *testing.T, what string) {
	t.Helper()
	message := fmt.Sprintf("NOT RUN: %s lacks %s", t.Name(), what)
	fmt.Fprintln(os.Stderr, message)
	if os.Getenv("CI") == "true" {
		t.Fatal(message)
	}
	t.Skip(message)
}
