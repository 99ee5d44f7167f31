// Package e2e tests the command as its users have it: a static binary, run as a
// process, on real databases, real file systems and a real Docker engine. What
// a restore brought back is judged by rsync, which shares no code with us.
//
// The tests need root and the tools that scripts/setup installs. One that lacks
// something says what, and fails in CI.
package e2e
