package faults

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A Kind says in which way a promise was broken.
type Kind string

// The kinds of violation.
const (
	Lost    Kind = "lost"    // what was acknowledged, or was there before, cannot be restored
	Wrong   Kind = "wrong"   // a restore brought back something else
	Silent  Kind = "silent"  // exit 0, although it was not done
	Stuck   Kind = "stuck"   // the next run does not work
	Mixture Kind = "mixture" // what is half restored could become last-good
	Code    Kind = "code"    // the wrong exit code
	Litter  Kind = "litter"  // an error left unfinished files
)

// A Violation is a promise that was broken at a point.
type Violation struct {
	Kind     Kind   `json:"kind"`
	Scenario string `json:"scenario"`
	Fault    string `json:"fault"`
	Disk     string `json:"disk"`
	Point    Point  `json:"point"`
	Call     string `json:"call"` // where it happened
	Text     string `json:"text"`
}

// String is one line that says all.
func (v Violation) String() string {
	return fmt.Sprintf("%s: %s, %s on %s at %s (%s): %s", v.Kind, v.Scenario, v.Fault, v.Disk, v.Point, v.Call, v.Text)
}

// A trial is one run that is judged. Its methods look at what is on the disk,
// in an order in which no look spoils the next.
type trial struct {
	rig      *Rig
	scenario Scenario
	stage    *Stage
	strike   *strike
	outcome  *Outcome
	found    []Violation
}

func (t *trial) violate(kind Kind, format string, args ...any) {
	v := Violation{
		Kind: kind, Scenario: t.scenario.Name, Fault: t.strike.fault.Name, Disk: t.rig.kind, Point: t.strike.point,
		Text: fmt.Sprintf(format, args...), Call: "after the end",
	}
	if t.strike.struck {
		v.Call = t.strike.call.String()
	}
	v.Call = strings.ReplaceAll(v.Call, t.rig.Root, "")
	v.Text = strings.ReplaceAll(v.Text, t.rig.Root, "")
	t.found = append(t.found, v)
}

// judge looks at everything. It stops where the rest would only repeat the
// first violation.
func (t *trial) judge() []Violation {
	for _, look := range []func(){
		t.visit, t.code, t.litter, t.check, t.lastGood, t.bystander, t.live, t.again, t.next,
	} {
		look()
		if len(t.found) > 0 {
			break
		}
	}
	return t.found
}

// visit judges that the snapshot that came meanwhile was taken, and that the
// command under test did not fail for it.
func (t *trial) visit() {
	if !t.strike.fault.Meanwhile || !t.strike.struck {
		return
	}
	if o := t.strike.visit.came; !o.Acknowledged() {
		t.violate(Stuck, "the snapshot meanwhile exits %d: %s", o.Code, o.Stderr)
	}
	if !t.outcome.Acknowledged() {
		t.violate(Stuck, "after a snapshot meanwhile it exits %d: %s", t.outcome.Code, t.outcome.Stderr)
	}
}

// code judges the exit code: a disk that is full is called full, if it is the
// store's. What failed first may have been done without.
func (t *trial) code() {
	o := t.outcome
	elsewhere := slices.ContainsFunc(o.Hit, func(c Call) bool { return !inStore(c) })
	if t.strike.fault.Errno != unix.ENOSPC || o.Acknowledged() || elsewhere {
		return
	}
	if o.Code != exitFull {
		t.violate(Code, "the store is full, and it exits %d: %s", o.Code, o.Stderr)
	}
}

// litter judges that an error leaves nothing unfinished behind, unless it could
// not be removed.
func (t *trial) litter() {
	f := t.strike.fault
	if f.Errno == 0 || f.Persistent || t.outcome.Acknowledged() || t.outcome.Hit[0].Name == "unlinkat" {
		return
	}
	left := t.rig.unfinishedFiles()
	for _, name := range left {
		if !slices.Contains(t.stage.unfinished, name) {
			t.violate(Litter, "exit %d leaves tmp/%s", t.outcome.Code, name)
			return
		}
	}
}

// check judges the store by its own checker. A repair that failed may leave
// what it came to repair.
func (t *trial) check() {
	if t.scenario.Verb == "repair" && !t.outcome.Acknowledged() {
		return
	}
	if err := t.rig.check(); err != nil {
		t.violate(Lost, "check: %v", err)
	}
}

// lastGood judges that the last-good is the old or the new snapshot, and the
// new one if that was acknowledged.
func (t *trial) lastGood() {
	if t.scenario.Verb == "repair" && !t.outcome.Acknowledged() {
		if t.scenario.Spared {
			t.bystander()
		}
		t.finish()
	}
	got, err := t.rig.extract(app, volumeNames...)
	before, after := t.stage.versions[t.scenario.Before], t.stage.versions[t.scenario.After]
	switch {
	case err != nil:
		t.violate(Lost, "%v", err)
	case got == after:
	case t.outcome.Acknowledged() && t.scenario.After == 0:
		t.violate(Silent, "it was acknowledged, but the last-good is still there: %s", got.Differs(after))
	case t.outcome.Acknowledged():
		t.violate(Lost, "it was acknowledged, but the last-good is another: %s", got.Differs(after))
	case got != before:
		t.violate(Wrong, "the last-good is neither the old nor the new: %s", got.Differs(before))
	}
}

// bystander judges that the other app is as it was.
func (t *trial) bystander() {
	if t.stage.bystand == "" {
		return
	}
	got, err := t.rig.extract(other, otherName)
	if err != nil || got != t.stage.bystand {
		t.violate(Lost, "the other app: %v: %s", err, got.Differs(t.stage.bystand))
	}
}

// live judges the volumes as they are: changed by nobody but a restore, and what
// a restore has begun and not finished must not become last-good.
func (t *trial) live() {
	got, err := t.rig.volumes()
	want := t.stage.versions[t.scenario.After]
	switch {
	case err != nil:
		t.violate(Wrong, "%v", err)
	case got == t.stage.live && !t.scenario.Restores:
	case !t.scenario.Restores:
		t.violate(Wrong, "the volumes have changed: %s", got.Differs(t.stage.live))
	case got == want:
	case t.outcome.Acknowledged():
		t.violate(Silent, "it was acknowledged, but the volumes are not restored: %s", got.Differs(want))
	case got != t.stage.live || t.unfinished():
		t.refused()
	}
}

// unfinished reports whether the stage is one of a restore that was killed.
func (t *trial) unfinished() bool { return t.stage.live != t.stage.versions[3] && t.scenario.Restores }

// refused judges that no snapshot is taken of a mixture.
func (t *trial) refused() {
	o := t.rig.plain(append([]string{"snapshot", app}, t.rig.dirs()...)...)
	if o.Code != exitUnfinished {
		t.violate(Mixture, "the volumes are half restored, and snapshot exits %d: %s", o.Code, o.Stderr)
	}
}

// again judges that a restore that was stopped is finished by running it again.
func (t *trial) again() {
	if !t.scenario.Restores {
		return
	}
	if err := t.rig.rollBack(); err != nil {
		t.violate(Stuck, "restored again: %v", err)
		return
	}
	got, err := t.rig.volumes()
	if want := t.stage.versions[t.scenario.After]; err != nil || got != want {
		t.violate(Wrong, "restored again, the volumes differ: %v: %s", err, got.Differs(want))
	}
}

// finish runs the command once more, without a fault.
func (t *trial) finish() {
	if o := t.rig.plain(t.scenario.args(t.rig)...); o.Code != exitDone {
		t.violate(Stuck, "run again, it exits %d: %s", o.Code, o.Stderr)
	}
}

// next judges that the next snapshot works, and has what the volumes have.
func (t *trial) next() {
	want, err := t.rig.volumes()
	if err != nil {
		t.violate(Wrong, "%v", err)
		return
	}
	if err := t.rig.snapshot(); err != nil {
		t.violate(Stuck, "the next snapshot: %v", err)
		return
	}
	if got, err := t.rig.extract(app, volumeNames...); err != nil || got != want {
		t.violate(Wrong, "the next snapshot: %v: %s", err, got.Differs(want))
	}
}
