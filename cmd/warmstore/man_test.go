package main

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
)

const manPage = "../../packaging/man/warmstore.8"

// TestManPageIsCurrent: the page is what make man makes of the commands.
func TestManPageIsCurrent(t *testing.T) {
	var want bytes.Buffer
	if code := run([]string{"warmstore", "__man"}, &want, os.Stderr); code != exitDone {
		t.Fatalf("exit %d", code)
	}
	got, err := os.ReadFile(manPage)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is not current: run make man", manPage)
	}
}

// TestManPageIsWellFormed: mandoc finds nothing but that it has no date, which
// would differ in every build.
func TestManPageIsWellFormed(t *testing.T) {
	need(t, "mandoc")
	out, _ := exec.Command("mandoc", "-Tlint", "-Wwarning", manPage).Output() // its status counts the date, too
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "missing date") {
			t.Error(strings.TrimSpace(line))
		}
	}
	page, err := exec.Command("mandoc", "-Tutf8", manPage).Output()
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(overstruck(string(page))), " ")
	for _, want := range []string{
		"warmstore - snapshots of the volumes", "snapshot APP SOURCE | --all", "--metrics FILE",
		"warmstore restore keycloak --to /tmp/look", "8 a restore of the app is unfinished",
		"/var/lib/ci-warm/.warmstore",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

// overstruck returns what a terminal shows of text that is made bold and
// underlined by printing letters over each other.
func overstruck(text string) string {
	var out []rune
	for _, r := range text {
		if r == '\b' && len(out) > 0 {
			out = out[:len(out)-1]
			continue
		}
		out = append(out, r)
	}
	return string(out)
}
