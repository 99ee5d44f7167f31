package main

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/store"
)

// complete returns what the last of the words of a command line can become, in
// the order to offer it. It is empty where the shell knows as much, as of files.
func complete(app *cli.App, words []string) []string {
	if len(words) == 0 {
		return nil
	}
	current := words[len(words)-1]
	line := readPartial(app, words[:len(words)-1])
	candidates := slices.DeleteFunc(line.candidates(app, current), func(candidate string) bool {
		return !strings.HasPrefix(candidate, current)
	})
	return slices.Compact(candidates)
}

// A partial is a command line that is being typed.
type partial struct {
	command   *cli.Command // nil: none yet
	arguments []string
	flag      string // whose value comes next, empty if none does
	root      string // the value of --root
	ended     bool   // by --: no flags follow
}

// readPartial reads the words before the one at the cursor.
func readPartial(app *cli.App, words []string) (line partial) {
	known := flags(app.Flags)
	for _, word := range words {
		name := strings.TrimLeft(word, "-")
		switch {
		case line.flag != "":
			if line.flag == "root" {
				line.root = word
			}
			line.flag = ""
		case line.ended || !strings.HasPrefix(word, "-"):
			line.word(app, word, known)
		case word == "--":
			line.ended = true
		case takesValue(known[name]):
			line.flag = name
		}
	}
	return line
}

// word reads a word that is no flag: the command, whose flags become known, or
// an argument.
func (line *partial) word(app *cli.App, word string, known map[string]cli.Flag) {
	command := app.Command(word)
	if line.command != nil || command == nil {
		line.arguments = append(line.arguments, word)
		return
	}
	line.command = command
	maps.Copy(known, flags(command.Flags))
}

func (line *partial) candidates(app *cli.App, current string) []string {
	switch {
	case line.flag != "":
		return line.values()
	case strings.HasPrefix(current, "-") && !line.ended:
		return line.flagNames(app)
	case len(line.arguments) > 0:
		return nil
	case line.command == nil:
		return commandNames(app)
	case line.command.Name == "completion":
		return shells()
	case strings.HasPrefix(strings.TrimPrefix(line.command.ArgsUsage, "["), "APP"):
		return line.apps()
	}
	return nil
}

func commandNames(app *cli.App) (names []string) {
	for _, command := range app.VisibleCommands() {
		names = append(names, command.Name)
	}
	return names
}

// flagNames returns the long names of the flags that may come next.
func (line *partial) flagNames(app *cli.App) (names []string) {
	list := app.VisibleFlags()
	if line.command != nil {
		list = slices.Concat(line.command.VisibleFlags(), list)
	}
	for _, flag := range list {
		names = append(names, "--"+flag.Names()[0])
	}
	slices.Sort(names)
	return names
}

// apps returns the apps of the store.
func (line *partial) apps() (names []string) {
	s, err := line.open()
	if err != nil {
		return nil
	}
	apps, _ := s.Apps() // those that can be read
	for _, app := range apps {
		names = append(names, app.Name)
	}
	return names
}

// values returns what the store knows as values of the flag.
func (line *partial) values() (values []string) {
	s, err := line.open()
	if err != nil || len(line.arguments) == 0 {
		return nil
	}
	switch line.flag {
	case "snapshot":
		ids, _ := s.Snapshots(line.arguments[0])
		for _, id := range slices.Backward(ids) { // the newest first
			values = append(values, id.Short())
		}
	case "only":
		if _, record, err := s.LastGood(line.arguments[0]); err == nil {
			for _, v := range record.Volumes {
				values = append(values, v.Name)
			}
		}
	}
	return values
}

func (line *partial) open() (*store.Store, error) {
	return store.Open(cmp.Or(line.root, rootFromEnvironment()), store.Options{})
}
