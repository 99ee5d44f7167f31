package main

import (
	"bytes"
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

// tryExample parses an example, as far as it is one command.
func tryExample(t *testing.T, line string) {
	_, line, _ = strings.Cut(line, "warmstore ")
	line, _, _ = strings.Cut(line, " ||")
	line, _, _ = strings.Cut(line, " >")
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
	if err := app.Run(arrange(app, words)); err != nil || ran != words[1] {
		t.Errorf("%q ran %q: %v\n%s", words, ran, err, out.String())
	}
}
