package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange brings a command line into the order that the flag parser needs:
// global flags, the command, its flags, its arguments. People and scripts put
// flags behind APP. Further values after one of a flag that takes several, as
// in --volume a b, become flags of their own.
func arrange(app *cli.App, args []string) []string {
	a := arrangement{global: flags(app.Flags)}
	rest := args[1:]
	for len(rest) > 0 {
		rest = a.take(app, rest)
	}
	a.settle()
	out := slices.Concat(args[:1], a.globals)
	if a.command != nil {
		out = append(out, a.name)
	}
	out = append(out, a.options...)
	if len(a.arguments) > 0 {
		out = append(append(out, "--"), a.arguments...)
	}
	return out
}

// An arrangement is a command line being sorted.
type arrangement struct {
	global  map[string]cli.Flag
	command map[string]cli.Flag // nil before the command
	name    string

	globals, options, arguments []string
	several                     string // the flag whose further values may follow
	last                        int    // in options, behind the last such value; 0: none
}

// take sorts the first word of rest, with its value, and returns the others.
func (a *arrangement) take(app *cli.App, rest []string) []string {
	word := rest[0]
	name, _, hasValue := strings.Cut(word, "=")
	name = strings.TrimLeft(name, "-")
	switch {
	case word == "--":
		a.arguments = append(a.arguments, rest[1:]...)
		return nil
	case !strings.HasPrefix(word, "-") || word == "-":
		a.word(app, word)
		return rest[1:]
	}
	n := 1
	known, isGlobal := a.global[name]
	if flag, ok := a.command[name]; ok {
		known, isGlobal = flag, false
	}
	if takesValue(known) && !hasValue {
		n = min(2, len(rest))
	}
	if isGlobal {
		a.globals = append(a.globals, rest[:n]...)
	} else {
		a.options = append(a.options, rest[:n]...)
	}
	if a.several = ""; isSlice(known) {
		a.several = "--" + name
	}
	return rest[n:]
}

// word sorts a word that is no flag.
func (a *arrangement) word(app *cli.App, word string) {
	switch {
	case a.command == nil:
		a.command, a.name = map[string]cli.Flag{}, word
		if c := app.Command(word); c != nil {
			a.command = flags(c.Flags)
		}
	case a.several != "":
		a.options = append(a.options, a.several, word)
		a.last = len(a.options)
	default:
		a.arguments = append(a.arguments, word)
	}
}

// settle makes the last further value of a flag the command's argument if there
// is no other: in --volume a b app, app is no volume.
func (a *arrangement) settle() {
	if len(a.arguments) > 0 || a.last == 0 {
		return
	}
	a.arguments = []string{a.options[a.last-1]}
	a.options = slices.Delete(a.options, a.last-2, a.last)
}

func flags(list []cli.Flag) map[string]cli.Flag {
	byName := make(map[string]cli.Flag)
	for _, f := range list {
		for _, name := range f.Names() {
			byName[name] = f
		}
	}
	return byName
}

func takesValue(f cli.Flag) bool {
	with, ok := f.(cli.DocGenerationFlag)
	return ok && with.TakesValue()
}

func isSlice(f cli.Flag) bool {
	_, ok := f.(*cli.StringSliceFlag)
	return ok
}
