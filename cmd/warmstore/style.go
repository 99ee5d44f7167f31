package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// A style is how a terminal shows text: the number of an ANSI attribute.
type style string

const (
	bold   style = "1"
	red    style = "31"
	yellow style = "33"
	cyan   style = "36"
)

// paint returns text in that style if w is a terminal whose user wants colour.
func paint(w io.Writer, s style, text string) string {
	if !isTerminal(w) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
