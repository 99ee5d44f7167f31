package main

import "strings"

// examplesHeading begins the examples of a command's description.
const examplesHeading = "Examples:\n"

// examples returns command lines as the end of a command's description.
func examples(lines ...string) string {
	return examplesHeading + "   " + strings.Join(lines, "\n   ")
}
