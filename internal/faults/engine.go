package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/warmstore/warmstore/restore"
	"github.com/warmstore/warmstore/store"
)

// What is judged is looked at with the store's own packages, in this process:
// a command for each look would take ten times as long as the command under
// test. The listings that are compared share no code with them.

// options wait for locks: a process that another goroutine forks has all files
// of this one open until it runs its program, and holds their locks.
//
// One worker does: what is looked at is small, and each costs memory to clear.
var options = store.Options{Workers: 1, Wait: 10 * time.Second}

// open opens the store of this disk. There may be none.
func (r *Rig) open() (*store.Store, error) { return store.Open(r.Path(storeName), options) }

// extract restores an app's last-good into a new directory and lists it. The
// listing is "" if there is no snapshot.
func (r *Rig) extract(name string, volumes ...string) (Listing, error) {
	s, err := r.open()
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	snap, err := s.Checkout(context.Background(), name, store.ID{}, false)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer snap.Close()
	to := r.Path("extracted-" + name)
	defer os.RemoveAll(to)
	var targets []restore.Target
	for _, v := range volumes {
		targets = append(targets, restore.Target{Volume: v, Path: r.Path("extracted-"+name, v)})
		if err := os.MkdirAll(r.Path("extracted-"+name, v), 0o700); err != nil {
			return "", err
		}
	}
	if _, err := restore.Run(context.Background(), snap, targets, restore.Options{Workers: 1}); err != nil {
		return "", err
	}
	return List(to, volumes...)
}

// rollBack restores the app's last-good in place, as the command does.
func (r *Rig) rollBack() error {
	s, err := r.open()
	if err != nil {
		return err
	}
	snap, err := s.Checkout(context.Background(), app, store.ID{}, true)
	if err != nil {
		return err
	}
	defer snap.Close()
	var targets []restore.Target
	for _, v := range volumeNames {
		targets = append(targets, restore.Target{Volume: v, Path: r.Path(volumesName, v)})
	}
	_, err = restore.Run(context.Background(), snap, targets, restore.Options{Journal: snap, Workers: 1})
	return err
}

// snapshot takes a snapshot of the app, as the command does.
func (r *Rig) snapshot() error {
	s, err := store.Create(r.Path(storeName), options)
	if err != nil {
		return err
	}
	var volumes []store.Volume
	for _, v := range volumeNames {
		volumes = append(volumes, store.Volume{Name: v, Path: r.Path(volumesName, v)})
	}
	opts := store.SnapshotOptions{Source: store.Source{Kind: "dirs"}}
	_, err = s.Snapshot(context.Background(), app, volumes, opts)
	return err
}

// check checks the store, and all that is in it, if there is one.
func (r *Rig) check() error {
	s, err := r.open()
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	report, err := s.Check(context.Background(), store.CheckOptions{ReadData: true})
	if err == nil && len(report.Problems) > 0 {
		err = fmt.Errorf("%d problems, last-good of %v affected: %s",
			len(report.Problems), report.Affected(), report.Problems[0])
	}
	return err
}
