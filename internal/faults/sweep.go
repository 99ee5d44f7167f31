package faults

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// A Sweep runs a scenario with a fault at every call.
type Sweep struct {
	Scenario Scenario
	Fault    Fault
	Disk     string    // Ext4 or XFS
	Seeds    []uint64  // of what is in the volumes
	Subsets  int       // of a power cut: how often at each call; 0: 1
	Stride   int       // look at every n-th call only; 0: all
	Skip     int       // so many of the last ones
	Coarse   bool      // begin with every eighth, the last one first
	First    bool      // stop at the first violation
	Until    time.Time // when to stop; zero: never
}

// Figures are what a sweep found.
type Figures struct {
	Scenario   string      `json:"scenario"`
	Fault      string      `json:"fault"`
	Disk       string      `json:"disk"`
	Calls      int         `json:"calls"`  // that the command makes when nothing happens
	Points     int         `json:"points"` // at which the fault happened
	Passed     int         `json:"passed"` // points that a run did not come to, or that cannot fail so
	Acked      int         `json:"acked"`  // points after which the command exited 0
	Seeds      []uint64    `json:"seeds"`
	Violations []Violation `json:"violations"`
	Seconds    float64     `json:"seconds"`
}

// String is one line.
func (f *Figures) String() string {
	return fmt.Sprintf("%-22s %-20s %-4s %4d calls %5d points %4d acknowledged %3d violations %6.1f s",
		f.Scenario, f.Fault, f.Disk, f.Calls, f.Points, f.Acked, len(f.Violations), f.Seconds)
}

// Run sweeps with these rigs, each in a goroutine.
func (s Sweep) Run(rigs ...*Rig) (*Figures, error) {
	begun := time.Now()
	f := &Figures{Scenario: s.Scenario.Name, Fault: s.Fault.Name, Disk: s.Disk, Seeds: s.Seeds}
	for _, seed := range s.Seeds {
		calls, err := s.rehearse(rigs[0], seed)
		if err != nil {
			return nil, fmt.Errorf("%s on %s: %w", s.Scenario.Name, s.Disk, err)
		}
		f.Calls = max(f.Calls, calls)
		if err := s.all(f, s.points(calls, seed), rigs); err != nil {
			return nil, fmt.Errorf("%s, %s on %s: %w", s.Scenario.Name, s.Fault.Name, s.Disk, err)
		}
	}
	f.Seconds = time.Since(begun).Seconds()
	return f, nil
}

// rehearse runs the scenario without a fault and without planted bugs, which
// must go well, and returns the number of calls. It does so once.
func (s Sweep) rehearse(r *Rig, seed uint64) (int, error) {
	key := stage{s.Scenario.Name, seed}
	if calls, ok := r.rehearsed[key]; ok {
		return calls, nil
	}
	under := r.under
	r.under = ""
	defer func() { r.under = under }()
	t, err := s.Scenario.try(r, newStrike(None, Point{Call: never, Seed: seed}, r.Disk))
	if err != nil {
		return 0, err
	}
	if t.outcome.Code != exitDone {
		return 0, fmt.Errorf("without a fault it exits %d: %s", t.outcome.Code, t.outcome.Stderr)
	}
	if found := t.judge(); len(found) > 0 {
		return 0, fmt.Errorf("without a fault: %s", found[0])
	}
	r.rehearsed[key] = t.outcome.Calls
	return t.outcome.Calls, nil
}

// coarse is the order of a Coarse sweep.
var coarse = [8]int{0, 4, 2, 6, 1, 5, 3, 7}

// points lists where to strike. A power cut also comes after the end.
func (s Sweep) points(calls int, seed uint64) (points []Point) {
	if s.Fault == None {
		return []Point{{Call: never, Seed: seed}}
	}
	last := calls
	if s.Fault.Power {
		last++
	}
	subsets := 1
	if s.Fault.Power {
		subsets = max(1, s.Subsets)
	}
	for n := last - s.Skip; n >= 1; n -= max(1, s.Stride) {
		for k := range subsets {
			points = append(points, Point{Call: n, Subset: k, Seed: seed})
		}
	}
	if s.Coarse {
		slices.SortStableFunc(points, func(a, b Point) int { return coarse[(last-a.Call)%8] - coarse[(last-b.Call)%8] })
		return points
	}
	slices.Reverse(points)
	return points
}

// all strikes at the points, and adds up what was found.
func (s Sweep) all(f *Figures, points []Point, rigs []*Rig) error {
	queue := make(chan Point, len(points))
	for _, p := range points {
		queue <- p
	}
	close(queue)
	var mu sync.Mutex
	var group sync.WaitGroup
	var failed error
	for _, r := range rigs {
		group.Go(func() {
			for p := range queue {
				mu.Lock()
				stop := failed != nil || s.First && len(f.Violations) > 0 ||
					!s.Until.IsZero() && time.Now().After(s.Until)
				mu.Unlock()
				if stop {
					return
				}
				t, err := s.point(r, p)
				mu.Lock()
				failed = errors.Join(failed, err)
				f.add(t)
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return failed
}

// point strikes at one point and judges, unless nothing happened.
func (s Sweep) point(r *Rig, p Point) (*trial, error) {
	t, err := s.Scenario.try(r, newStrike(s.Fault, p, r.Disk))
	if err == nil && t.happened() {
		t.judge()
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", p, err)
	}
	return t, err
}

// happened reports whether the fault did. Power fails after the end too.
func (t *trial) happened() bool {
	return t.strike.struck || t.strike.fault.Power || t.strike.fault == None
}

// try runs the scenario on a fresh disk under a strike.
func (s Scenario) try(r *Rig, strike *strike) (*trial, error) {
	st, err := r.Stage(s.Stage, strike.point.Seed)
	if err != nil {
		return nil, err
	}
	if err := r.Load(st.image); err != nil {
		return nil, err
	}
	strike.visit = &visit{rig: r}
	o, err := r.traced(strike, s.args(r)...)
	if err != nil {
		return nil, err
	}
	return &trial{rig: r, scenario: s, stage: st, strike: strike, outcome: o}, strike.after(o)
}

// add counts one trial.
func (f *Figures) add(t *trial) {
	switch {
	case t == nil:
	case !t.happened():
		f.Passed++
	default:
		f.Points++
		f.Violations = append(f.Violations, t.found...)
		if t.outcome.Acknowledged() {
			f.Acked++
		}
	}
}
