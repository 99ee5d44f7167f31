// Package planted plants bugs, to show that the fault harness (internal/faults)
// sees them: a step of a protocol that is left out or comes too late. In a build
// without the tag planted there are none, and no code is left of asking.
package planted
