package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A block is a fenced block of commands of a page, and what it says they print.
type block struct {
	line     int
	commands string
	prints   string // empty if it does not say
}

// fenced returns the blocks of commands of a Markdown file. A block of text right
// behind one is what that prints.
func fenced(t *testing.T, path string) (blocks []block) {
	t.Helper()
	page, err := os.ReadFile(path)
	try(t, err)
	kind, begun := "", 0
	var body strings.Builder
	for i, line := range strings.SplitAfter(string(page), "\n") {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case !isFence:
			body.WriteString(line)
			continue
		case kind == "" && fence != "":
			kind, begun = fence, i+1
			body.Reset()
			continue
		case kind == "sh":
			blocks = append(blocks, block{line: begun, commands: body.String()})
		case kind == "text":
			blocks[len(blocks)-1].prints = body.String()
		}
		kind = ""
	}
	return blocks
}

// varying is what differs between two runs, and how it is compared.
var varying = []struct{ pattern, as string }{
	{`[0-9a-f]{64}`, `<hash>`},
	{`\b[0-9a-f]{12}\b`, `<id>`},
	{`\d+\.\d s\b`, `<time>`},
	{`\d+s ago`, `<age> ago`},
	{`(?m)^(notes +\S+ +)\d+s `, `$1<age> `},
	{`(stored|freed) [0-9.]+ \S*B\b`, `$1 <size>`},
	{`at \d+: pack is`, `at <offset>: pack is`},
	{` +`, ` `},
}

// alike returns text without what varies.
func alike(text string) string {
	for _, v := range varying {
		text = regexp.MustCompile(v.pattern).ReplaceAllString(text, v.as)
	}
	return strings.TrimSpace(text)
}

// matches reports whether a line that was printed is as the page has it, where …
// stands for anything.
func matches(printed, line string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*")
	return regexp.MustCompile("^" + pattern + "$").MatchString(printed)
}

// TestTour runs docs/tour.md in one shell.
func TestTour(t *testing.T) {
	need(t, "root", "bash")
	path, err := binary()
	try(t, err)
	blocks := fenced(t, "../../docs/tour.md")
	const mark = "=== end of block "
	script := "set -e -o pipefail\nexec 2>&1\n"
	for i, b := range blocks {
		script += fmt.Sprintf("%s\necho '%s'%d\n", b.commands, mark, i)
	}
	shell := exec.Command("bash", "-c", script)
	shell.Dir = t.TempDir()
	shell.Env = append(os.Environ(), "PATH="+filepath.Dir(path)+":"+os.Getenv("PATH"))
	out, err := shell.CombinedOutput()
	printed := strings.Split(string(out), mark)
	for i, b := range blocks {
		if i >= len(printed)-1 {
			t.Fatalf("tour.md:%d: %v after\n%s", b.line, err, printed[len(printed)-1])
		}
		_, text, _ := strings.Cut(printed[i], "\n") // behind the number of the mark before
		if i == 0 {
			text = printed[i]
		}
		b.compare(t, text)
	}
}

// compare fails the test unless the block printed what the page says.
func (b block) compare(t *testing.T, printed string) {
	t.Helper()
	got, want := strings.Split(alike(printed), "\n"), strings.Split(alike(b.prints), "\n")
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !matches(got[i], want[i]) {
			t.Errorf("tour.md:%d prints\n%s\nwant\n%s", b.line, printed, b.prints)
			return
		}
	}
}
