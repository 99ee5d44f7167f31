package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
)

// A GCNote says how gc ended last. A gc that only planned, that had to wait for
// another, or by itself found that it was not due, is none.
type GCNote struct {
	Time    time.Time `json:"ts"`              // UTC, whole seconds
	Error   string    `json:"error,omitempty"` // why it failed; the numbers are 0 then
	Freed   int64     `json:"bytes_freed"`
	Garbage int64     `json:"bytes_garbage"` // that it found
	Needed  int64     `json:"bytes_needed"`  // of the blobs that something needs
	Busy    bool      `json:"busy"`          // others kept it from doing all
}

// A CheckNote says how the last check of the whole store ended.
type CheckNote struct {
	Time     time.Time  `json:"ts"`              // UTC, whole seconds
	Error    string     `json:"error,omitempty"` // why it could not look
	ReadData string     `json:"read_data"`       // none, all, or N/T: a part of the packs
	Problems int        `json:"problems"`
	Affected []LastGood `json:"affected"` // damaged last-goods, also those that only an earlier check read
}

// A LastGood is the snapshot that was an app's last-good at some time.
type LastGood struct {
	App      string `json:"app"`
	Snapshot ID     `json:"snapshot"`
}

func (n *CheckNote) add(at LastGood) {
	if !slices.Contains(n.Affected, at) {
		n.Affected = append(n.Affected, at)
	}
}

// notes are the names of the notes that are kept, each in a file of state/.
const (
	noteOfGC    = "gc"
	noteOfCheck = "check"
)

// A noteFile is how a note is stored.
type noteFile[T any] struct {
	Note T  `json:"note"`
	Sum  ID `json:"sum"` // of the note's JSON without white space
}

func (s *Store) notePath(name string) string { return s.path("state", name+".json") }

// writeNote replaces a note. A note is a cache: that it cannot be written is told
// and no more.
func writeNote[T any](s *Store, name string, note T) {
	compact, err := json.Marshal(note)
	if err != nil {
		panic("store: note cannot be encoded: " + err.Error())
	}
	b, err := json.MarshalIndent(noteFile[T]{note, blob.Sum(compact)}, "", "  ")
	if err != nil {
		panic("store: note cannot be encoded: " + err.Error())
	}
	err = os.Mkdir(s.path("state"), 0o700) // older stores have none
	if err == nil || errors.Is(err, fs.ErrExist) {
		err = fsx.WriteFile(s.path("tmp"), s.notePath(name), append(b, '\n'), 0o600)
	}
	if err != nil {
		s.notice("status will not know how this %s ended: %v", name, err)
	}
}

// readNote returns a note; nil if there is none, or none that is whole.
func readNote[T any](s *Store, name string) *T {
	b, err := os.ReadFile(s.notePath(name))
	if err != nil {
		return nil
	}
	var file noteFile[T]
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		return nil
	}
	compact, err := json.Marshal(file.Note)
	if err != nil || blob.Sum(compact) != file.Sum {
		return nil
	}
	return &file.Note
}

// now is the time as notes and records have it.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

// worthNoting reports whether a run that ended with err says something about the
// store: not if others or the caller ended it.
func worthNoting(err error) bool {
	return !errors.Is(err, ErrLocked) && !errors.Is(err, context.Canceled) &&
		!errors.Is(err, context.DeadlineExceeded)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return strings.ToValidUTF8(err.Error(), "?")
}

// note keeps how gc ended.
func (c *collection) note(err error) {
	planned := c.result.Plan != nil
	if c.opts.DryRun || !worthNoting(err) || err == nil && !planned {
		return
	}
	n := GCNote{Time: now(), Error: errorText(err)}
	if err == nil {
		n.Freed, n.Busy = c.result.Freed, c.result.Busy
		n.Garbage, n.Needed = c.result.Plan.Dead, c.result.Plan.Live
	}
	writeNote(c.store, noteOfGC, n)
}

// note says, where a check has noted problems, what is left of them: repair has
// read everything, and what it could not save is in no pack any more, so that
// status sees it.
func (r *repair) note() {
	before := readNote[CheckNote](r.store, noteOfCheck)
	if before == nil || before.Problems == 0 && len(before.Affected) == 0 {
		return
	}
	n := CheckNote{Time: now(), ReadData: "all", Affected: []LastGood{}}
	for _, s := range r.report.Snapshots {
		if !s.Whole {
			n.Problems++
		}
	}
	writeNote(r.store, noteOfCheck, n)
}

// note keeps how a check of the whole store ended.
func (c *check) note(err error) {
	if c.opts.App != "" || !worthNoting(err) {
		return
	}
	n := CheckNote{Time: now(), Error: errorText(err), ReadData: "none", Affected: []LastGood{}}
	switch {
	case c.opts.ReadData && c.opts.Parts > 1:
		n.ReadData = fmt.Sprintf("%d/%d", c.opts.Part, c.opts.Parts)
	case c.opts.ReadData:
		n.ReadData = "all"
	}
	n.Problems = len(c.report.Problems)
	for _, p := range c.report.Problems {
		if p.LastGood {
			n.add(LastGood{p.App, p.Snapshot})
		}
	}
	if before := readNote[CheckNote](c.store, noteOfCheck); before != nil && n.ReadData != "all" {
		for _, at := range before.Affected { // which this one did not see, perhaps
			n.add(at)
		}
	}
	writeNote(c.store, noteOfCheck, n)
}
