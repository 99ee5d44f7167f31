package faults

// A Plan says how much of everything is done.
type Plan struct {
	Sweeps []Sweep
	Bugs   []Bug
	Disks  []string // on which the bugs must be caught
}

// Small is what every test run does: some of everything.
func Small() Plan {
	p := Plan{Bugs: Bugs, Disks: []string{Ext4}}
	for _, s := range Scenarios {
		p.add(Sweep{Scenario: s, Fault: Kill, Stride: 1}, 1, Ext4)
		p.add(Sweep{Scenario: s, Fault: Power, Stride: 2, Subsets: 2}, 1, Ext4, XFS)
		for _, f := range []Fault{EIO, EIOFrom, ENOSPC, ENOSPCFrom} {
			p.add(Sweep{Scenario: s, Fault: f, Stride: 4}, 1, Ext4)
		}
	}
	for i := range p.Sweeps {
		if p.Sweeps[i].Scenario.Stage == "volumes" {
			p.Sweeps[i].Stride *= 16 // it makes 256 directories
		}
	}
	return p
}

// Full is what the scorecard is made from: every call.
func Full() Plan {
	p := Plan{Bugs: Bugs, Disks: []string{Ext4, XFS}}
	for _, s := range Scenarios {
		p.add(Sweep{Scenario: s, Fault: Kill}, 4, Ext4, XFS)
		p.add(Sweep{Scenario: s, Fault: Power, Subsets: 4}, 2, Ext4, XFS)
		for _, f := range []Fault{EIO, EIOFrom, ENOSPC, ENOSPCFrom} {
			p.add(Sweep{Scenario: s, Fault: f}, 1, Ext4, XFS)
		}
	}
	return p
}

// add plans a sweep with so many seeds on these disks.
func (p *Plan) add(s Sweep, seeds uint64, disks ...string) {
	for seed := range seeds {
		s.Seeds = append(s.Seeds, seed+1)
	}
	for _, disk := range disks {
		s.Disk = disk
		p.Sweeps = append(p.Sweeps, s)
	}
}

// Only returns the sweeps on one disk.
func (p Plan) Only(disk string) (sweeps []Sweep) {
	for _, s := range p.Sweeps {
		if s.Disk == disk {
			sweeps = append(sweeps, s)
		}
	}
	return sweeps
}
