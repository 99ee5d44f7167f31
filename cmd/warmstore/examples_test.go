package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// TestEveryCommandHasExamples, and each of them is a command line that parses.
func TestEveryCommandHasExamples(t *testing.T) {
	for _, command := range newApp(nil, nil).VisibleCommands() {
		_, lines, ok := strings.Cut(command.Description, "Examples:\n")
		if !ok {
			t.Errorf("%s has no examples", command.Name)
		}
		for line := range strings.Lines(lines) {
			tryExample(t, strings.TrimSpace(line))
		}
	}
}

// TestDocumentsUseCommandsThatExist: what stands in the documents' blocks of
// commands parses, too.
func TestDocumentsUseCommandsThatExist(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	tried := 0
	for _, path := range append(pages, "../../README.md") {
		page, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(page, -1) {
			for line := range strings.Lines(string(block[1])) {
				if strings.HasPrefix(line, "warmstore ") {
					tryExample(t, strings.TrimSpace(line))
					tried++
				}
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d commands are in the documents", tried)
	}
}

// tryExample parses an example, as far as it is one command.
func tryExample(t *testing.T, line string) {
	_, line, _ = strings.Cut(line, "warmstore ")
	line, _, _ = strings.Cut(line, " ||")
	line, _, _ = strings.Cut(line, " &&")
	line, _, _ = strings.Cut(line, " >")
	line, _, _ = strings.Cut(line, " #")
	words := strings.Fields("warmstore " + strings.TrimSuffix(line, ")"))
	var out bytes.Buffer
	app := newApp(&out, &out)
	ran := ""
	for _, command := range app.Commands {
		command.Action = func(c *cli.Context) error {
			ran = c.Command.Name
			return nil
		}
	}
	if err := app.Run(arrange(app, words)); err != nil || !slices.Contains(words, ran) {
		t.Errorf("%q ran %q: %v\n%s", words, ran, err, out.String())
	}
}
