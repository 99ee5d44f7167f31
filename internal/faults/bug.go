package faults

// plantedVariable is what package planted reads.
const plantedVariable = "WARMSTORE_PLANTED"

// A Bug is one that can be planted in the command, and a sweep that must see it.
type Bug struct {
	Name     string // as package planted knows it
	Step     string // which step of which protocol it breaks
	Scenario string
	Fault    Fault
	Subsets  int // of a power cut
}

// Bugs are all that can be planted. `go build -tags planted` plants what the
// environment names.
var Bugs = []Bug{
	{"pack fsync", "commit 2: the pack's bytes are not made durable", "snapshot", Power, 1},
	{"directory fsync: blobs", "commit 4: the pack's name is not", "snapshot", Power, 4},
	{"file fsync", "commit 5: the record's bytes are not", "snapshot", Power, 4},
	{"directory fsync: snapshots", "commit 5: the record's name is not", "snapshot", Power, 4},
	{"index fsync", "commit 6: the transaction is not made durable", "forget", Power, 4},
	{"commit before the record", "commit 5 and 6 are swapped", "snapshot", Kill, 1},
	{"old record unlinked before the commit", "commit 6 and 7 are swapped", "snapshot", Kill, 1},
	{"delta without its base", "commit 1: a delta whose base gc dropped is taken for its chunk",
		"snapshot of what comes back", None, 1},
	{"pack fsync error", "commit 2: its error is passed over", "snapshot", EIO, 1},
	{"pack write error", "commit 1: its error is passed over", "snapshot", ENOSPC, 1},
	{"directory fsync: " + storeName, "create: the store's name is not made durable", "first snapshot", Power, 4},
	{"file fsync", "restore 2: the mark's bytes are not made durable", "restore", Power, 4},
	{"directory fsync: restoring", "restore 2: the mark's name is not", "restore", Power, 4},
	{"mark after the first change", "restore 2 and 3 are swapped", "restore", Kill, 1},
	{"volume syncfs", "restore 4: what was restored is not made durable", "restore", Power, 1},
	{"mark removed before the sync", "restore 4 and 5 are swapped", "restore", Power, 4},
	{"delta base not live", "gc 1: the base of a live delta is taken for garbage", "gc", None, 1},
	{"base dropped, delta kept", "gc 2: what only a delta needs goes, though that is not stored whole", "gc", None, 1},
	{"pack fsync", "gc 2: the bytes of the copies are not made durable", "gc", Power, 1},
	{"directory fsync: blobs", "gc 2: the names of the copies are not", "gc", Power, 4},
	{"stale plan carried out", "gc 3: a snapshot since the mark is passed over", "gc", Meanwhile, 1},
	{"others not kept out", "gc 3: a snapshot goes on while packs are condemned", "gc", Meanwhile, 1},
	{"packs unlinked before the commit", "gc 4 and 5 are swapped", "gc", Kill, 1},
	{"directory fsync: .warmstore", "repair: the new index's name is not", "repair", Power, 4},
	{"damaged packs moved before the index", "repair: before the new index is there", "repair of a pack", Kill, 1},
}

// A Catch is a planted bug and the violation that shows it.
type Catch struct {
	Bug    string     `json:"bug"`
	Step   string     `json:"step"`
	Sweep  string     `json:"sweep"`
	Disk   string     `json:"disk"`
	Points int        `json:"points"` // until it was caught
	Caught *Violation `json:"caught"` // nil: it was not
}

// Catch sweeps with a program that has the bug planted, until it is caught.
func (b Bug) Catch(program, disk string, seeds []uint64, rigs ...*Rig) (Catch, error) {
	c := Catch{Bug: b.Name, Step: b.Step, Sweep: b.Scenario + ", " + b.Fault.Name, Disk: disk}
	s, err := Find(b.Scenario)
	if err != nil {
		return c, err
	}
	for _, r := range rigs {
		r.under, r.env = program, []string{plantedVariable + "=" + b.Name}
		defer func() { r.under = "" }()
	}
	sweep := Sweep{Scenario: s, Fault: b.Fault, Disk: disk, Seeds: seeds, Subsets: b.Subsets}
	sweep.Coarse, sweep.First = true, true
	f, err := sweep.Run(rigs...)
	if err != nil {
		return c, err
	}
	c.Points = f.Points
	if len(f.Violations) > 0 {
		c.Caught = &f.Violations[0]
	}
	return c, nil
}
