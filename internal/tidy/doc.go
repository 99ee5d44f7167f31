// Package tidy holds the rules of this repository that no compiler checks: who
// may import whom, how long a function, a file and a line may be, how twisted a
// function may be, and what must carry a comment. They are an ordinary test, so
// that `go test ./...` is all that it takes to know that they hold.
//
// rules_test.go is the rules as tables and numbers, to be edited when the
// architecture changes; checks_test.go applies them; tidy_test.go runs them
// over this module, and over a bad one to show that they see.
package tidy
