package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/warmstore/warmstore/internal/browse"
	"github.com/warmstore/warmstore/internal/config"
	"github.com/warmstore/warmstore/internal/source"
	"github.com/warmstore/warmstore/internal/webpage"
	"github.com/warmstore/warmstore/restore"
	"github.com/warmstore/warmstore/store"
)

var (
	// errUsage means that the command line is wrong.
	errUsage = errors.New("usage")
	// errLost means that repair could not save a snapshot.
	errLost = errors.New("cannot be saved")
	// errAttention means that something is not as it should be, though nothing
	// failed.
	errAttention = errors.New("needs attention")
)

// The exit codes, which scripts rely on.
const (
	exitDone       = 0
	exitFailure    = 1
	exitUsage      = 2
	exitInUse      = 3
	exitNotFound   = 4
	exitCorrupt    = 5
	exitLocked     = 6
	exitFull       = 7
	exitUnfinished = 8
	exitAttention  = 9
)

// A verdict says what an error means for the caller. The first one that
// matches counts.
type verdict struct {
	cause error
	code  int
	hint  string // the way out, if there is one
}

func verdicts() []verdict {
	return []verdict{
		{context.Canceled, exitFailure, "it was interrupted; running it again does all of it"},
		{errLost, exitCorrupt, "take a new snapshot, or forget this one to fall back on an older one"},
		{errAttention, exitAttention, ""},
		{store.ErrFull, exitFull, "free space: warmstore gc --min-garbage 1, or forget snapshots that nobody needs"},
		{source.ErrInUse, exitInUse, "its containers outlive it by seconds; try again when they are gone"},
		{store.ErrUnfinished, exitUnfinished, "finish it by running warmstore restore again"},
		{store.ErrUnsafe, exitFailure, "run as root; what it names must be root's alone: chown root, chmod go-w"},
		{store.ErrLocked, exitLocked, "wait for the other process: --wait 10m"},
		{store.ErrVersion, exitFailure, "use the newer warmstore that wrote it"},
		{store.ErrCorrupt, exitCorrupt, "warmstore check names the damage, warmstore repair saves what it can"},
		{store.ErrNotFound, exitNotFound, ""},
		{source.ErrAbsent, exitFailure, "--create makes it, --only VOLUME leaves it out"},
		{source.ErrUnknown, exitUsage, "warmstore show APP lists the snapshot's volumes"},
		{browse.ErrAbsent, exitUsage, "warmstore ls APP VOLUME lists what the snapshot has"},
		{restore.ErrMissing, exitUsage, "--create makes it"},
		{restore.ErrIncapable, exitFailure, "restore it to another file system: --to DIR"},
		{restore.ErrReplaced, exitFailure, "mount again what was there, or unmount what covers it; then run it again"},
		{restore.ErrMount, exitFailure, "unmount it; to keep its files too, take them as a volume of their own"},
		{webpage.ErrExists, exitUsage, "--force replaces it"},
		{source.ErrMapping, exitFailure, "restore it on an engine with the same mapping, or with --to DIR"},
		{source.ErrUnreachable, exitFailure, "start the engine, or set DOCKER_HOST; --dir needs none"},
		{config.ErrConfig, exitUsage, ""},
		{source.ErrSpec, exitUsage, ""},
		{store.ErrInvalid, exitUsage, ""},
		{restore.ErrInvalid, exitUsage, ""},
		{errUsage, exitUsage, "see warmstore --help"},
	}
}

// verdictOn returns what err means for the caller.
func verdictOn(err error) verdict {
	for _, v := range verdicts() {
		if errors.Is(err, v.cause) {
			return v
		}
	}
	return verdict{code: exitFailure}
}

// exitCode returns the code that the command exits with after err.
func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	return verdictOn(err).code
}

// report prints err and returns its exit code.
func report(w io.Writer, err error) int {
	v := verdictOn(err)
	complain(w, err)
	if unfinished := new(store.UnfinishedError); errors.As(err, &unfinished) {
		v.hint = finishing(unfinished.Mark)
	}
	if v.hint != "" {
		fmt.Fprintln(w, paint(w, cyan, "hint:"), v.hint)
	}
	return v.code
}

// complain prints err.
func complain(w io.Writer, err error) {
	text := strings.TrimPrefix(err.Error(), errUsage.Error()+": ")
	if errors.Is(err, source.ErrInUse) {
		text += "; undeploy it first"
	}
	fmt.Fprintln(w, paint(w, red, "warmstore:"), text)
}

// finishing returns the command that finishes a restore.
func finishing(m *store.Mark) string {
	hint := fmt.Sprintf("finish it: warmstore restore %s --snapshot %s", m.App, m.Snapshot.Short())
	for _, t := range m.Volumes {
		if t.Elsewhere {
			hint += " --dir " + shellWord(t.Volume+"="+t.Path)
		}
	}
	return hint
}

// shellWord returns text as a shell reads one word.
func shellWord(text string) string {
	plain := func(r rune) bool {
		return strings.ContainsRune("/._=+:,@%-", r) || r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r))
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !plain(r) }) {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return text
}

func exitCodes() string {
	return `0  done
1  any other failure
2  the command line, or what it names, cannot be used
3  the app is deployed, or its volumes are in use
4  no such app, or no complete snapshot of it
5  the store is damaged
6  another process holds a lock
7  no space is left for the store
8  a restore of the app is unfinished
9  something else needs attention (status)`
}
