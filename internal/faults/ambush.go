package faults

import "strings"

// An ambush is the Action that kills at the first call of a name, any if it is
// empty, on a file whose path contains text.
type ambush struct{ call, text string }

// See kills if it is that call.
func (a *ambush) See(_ int, c Call) Answer {
	matches := strings.HasPrefix(c.Name, a.call) && strings.Contains(c.File+" "+c.To, a.text)
	return Answer{Kill: matches}
}
