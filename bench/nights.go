package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// A Pruner is a peer that drops old snapshots. Peers that do not take no part in
// nights.
type Pruner interface {
	Peer
	// Prune drops all snapshots but the newest s.Keep and frees their space.
	Prune(s Site) []Command
}

// A checker is a peer that can read its whole store to see whether it is sound.
type checker interface {
	Check(s Site) []Command
}

// nights are a workload that goes on changing, night after night, while every
// peer takes snapshots of it and keeps the newest. There is one live volume,
// which all peers read in turn.
type nights struct {
	trial  *trial
	volume string
	peers  []Pruner // those that have not failed
	sites  map[string]*Site
}

// allNights runs all nights of a workload, if any are asked for.
func (t *trial) allNights(ctx context.Context) error {
	if t.bench.opts.nights == 0 {
		return nil
	}
	n, err := newNights(ctx, t)
	if err != nil {
		return err
	}
	for night := 1; night <= t.bench.opts.nights; night++ {
		if err := n.night(ctx, night); err != nil {
			return err
		}
	}
	return nil
}

// newNights makes the volume as it was built, and empty stores. The sites of the
// steps make room for it.
func newNights(ctx context.Context, t *trial) (*nights, error) {
	dir := filepath.Join(t.dir, "nights")
	n := &nights{trial: t, volume: filepath.Join(dir, "volume"), sites: map[string]*Site{}}
	if err := errors.Join(t.clear(), os.MkdirAll(dir, 0o755)); err != nil {
		return nil, err
	}
	if _, err := output(ctx, "cp", "-a", t.before(), n.volume); err != nil {
		return nil, err
	}
	for _, p := range t.bench.peers {
		pruner, ok := p.(Pruner)
		if !ok {
			continue
		}
		s := newSite(filepath.Join(dir, "peers", p.Name()), n.volume, t.bench.opts.retain)
		if err := s.begin(ctx, p); err != nil {
			return nil, err
		}
		n.peers = append(n.peers, pruner)
		n.sites[p.Name()] = s
	}
	return n, nil
}

// clear removes what the steps have left, unless it is to be kept.
func (t *trial) clear() error {
	if t.bench.opts.keep {
		return nil
	}
	return os.RemoveAll(t.peers())
}

// night changes the volume and has every peer take its snapshot. Each night
// another one begins.
func (n *nights) night(ctx context.Context, number int) error {
	t := n.trial
	t.bench.say("%s: night %d: changing", t.workload.Name(), number)
	if err := t.workload.Change(ctx, n.volume, number); err != nil {
		return fmt.Errorf("change %s in night %d: %w", t.workload.Name(), number, err)
	}
	var well []Pruner
	for _, p := range n.peers {
		t.bench.say("%s: night %d: %s", t.workload.Name(), number, p.Name())
		night, err := n.measure(ctx, p, number)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			night.Void = err.Error()
		}
		if night.Void != "" {
			t.bench.say("  void: %s", night.Void)
		} else {
			well = append(well, p)
		}
		t.bench.result.Nights = append(t.bench.result.Nights, night)
	}
	if n.peers = well; len(well) > 0 {
		n.peers = append(well[1:], well[0])
	}
	return nil
}

// measure measures one night of one peer. After the last one it looks at what the
// peer has kept. An error is the peer's.
func (n *nights) measure(ctx context.Context, p Pruner, number int) (night Night, err error) {
	night = Night{Workload: n.trial.workload.Name(), Peer: p.Name(), Night: number}
	s := n.sites[p.Name()]
	s.Taken = number
	if err := n.trial.bench.calm(s, false); err != nil {
		return night, err
	}
	if night.Snapshot, err = runAll(ctx, p.Snapshot(*s)); err != nil {
		return night, err
	}
	if night.Prune, err = runAll(ctx, p.Prune(*s)); err != nil {
		return night, err
	}
	begun := time.Now()
	if err := settle(s); err != nil {
		return night, err
	}
	night.SyncSeconds = time.Since(begun).Seconds()
	if night.Store, err = usage(ctx, s.Store); err != nil || number < n.trial.bench.opts.nights {
		return night, err
	}
	night.Void, night.Note, err = n.proof(ctx, p, s)
	return night, err
}

// proof restores the newest snapshot and compares it with the volume, and has the
// peer check its store if it can.
func (n *nights) proof(ctx context.Context, p Pruner, s *Site) (wrong, note string, err error) {
	if _, err := runAll(ctx, p.Extract(*s)); err != nil {
		return "", "", err
	}
	if wrong, note, err = verify(ctx, n.volume, s.Out); err != nil || wrong != "" {
		return wrong, note, err
	}
	if c, ok := p.(checker); ok {
		if _, err := runAll(ctx, c.Check(*s)); err != nil {
			return "", "", err
		}
	}
	return "", note, os.RemoveAll(s.Out)
}
