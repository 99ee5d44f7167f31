package faults

import (
	"slices"
	"time"
)

// A Plan says how much of everything is done.
type Plan struct {
	Sweeps []Sweep // in this order, as far as the time goes
	Bugs   []Bug
	Disks  []string  // on which the bugs must be caught
	Until  time.Time // when no more sweeps are begun, and those begun stop; zero: never
}

// failing are the faults of single calls.
var failing = []Fault{EIO, EIOFrom, ENOSPC, ENOSPCFrom}

// Small is what every test run does: some of everything.
func Small() Plan {
	p := Plan{Bugs: Bugs, Disks: []string{Ext4}}
	for _, s := range Scenarios {
		p.add(Sweep{Scenario: s, Fault: Kill, Stride: 2}, 1, Ext4)
		p.add(Sweep{Scenario: s, Fault: Power, Stride: 4, Subsets: 2}, 1, Ext4)
		p.add(Sweep{Scenario: s, Fault: Power, Stride: 12, Subsets: 2}, 1, XFS)
		for _, f := range failing {
			p.add(Sweep{Scenario: s, Fault: f, Stride: 8}, 1, Ext4)
		}
		if s.Stage == "garbage" {
			p.add(Sweep{Scenario: s, Fault: Meanwhile, Stride: 4}, 1, Ext4)
		}
	}
	for i := range p.Sweeps {
		if p.Sweeps[i].Scenario.Stage == "volumes" {
			p.Sweeps[i].Stride *= 16 // it makes 256 directories
		}
	}
	return p
}

// How often Full strikes at every call, each time with other contents. So there
// are more than 5,000 kills and 10,000 power cuts.
const (
	killRounds    = 4
	powerRounds   = 3
	failingRounds = 2
	rounds        = max(killRounds, powerRounds, failingRounds)
)

// phases is in how many parts Full does a round: each looks at other calls.
const phases = 8

// Full is what the scorecard is made from: every call, on both file systems. If
// the time does not suffice, it has seen some of everything.
func Full(until time.Time) Plan {
	p := Plan{Bugs: Bugs, Disks: []string{Ext4, XFS}, Until: until}
	for part := range rounds * phases {
		p.part(uint64(part/phases+1), part%phases)
	}
	return p
}

// part plans those calls of a round, numbered as its seed, that are of this phase.
func (p *Plan) part(round uint64, phase int) {
	for _, s := range Scenarios {
		sweep := Sweep{Scenario: s, Stride: phases, Skip: phase}
		plan := func(f Fault, rounds uint64, subsets int, disks ...string) {
			if round <= rounds {
				sweep.Fault, sweep.Subsets = f, subsets
				p.add(sweep, round, disks...)
			}
		}
		plan(Power, powerRounds, 3, Ext4, XFS)
		plan(Kill, killRounds, 1, Ext4, XFS)
		for _, f := range failing {
			plan(f, failingRounds, 1, Ext4)
		}
		if s.Stage == "garbage" {
			plan(Meanwhile, failingRounds, 1, Ext4)
		}
	}
}

// add plans a sweep with a seed on these disks.
func (p *Plan) add(s Sweep, seed uint64, disks ...string) {
	for _, disk := range disks {
		s.Disk, s.Seeds = disk, []uint64{seed}
		p.Sweeps = append(p.Sweeps, s)
	}
}

// Uses returns the file systems that the plan needs.
func (p Plan) Uses() (disks []string) {
	for _, s := range p.Sweeps {
		if !slices.Contains(disks, s.Disk) {
			disks = append(disks, s.Disk)
		}
	}
	return disks
}
