package source

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/warmstore/warmstore/internal/docker"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/restore"
	"github.com/warmstore/warmstore/store"
)

// ErrInUse means that something runs that could write to the volumes.
var ErrInUse = docker.ErrInUse

// ErrUnreachable means that no Docker engine answers.
var ErrUnreachable = docker.ErrUnreachable

// ErrAbsent means that a volume of the snapshot is not in the source.
var ErrAbsent = errors.New("volume is absent")

// ErrUnknown means that a volume is asked for which the snapshot does not have.
var ErrUnknown = errors.New("the snapshot has no volume")

// ErrMapping means that the engine maps the users of containers to others than
// the one the snapshot was taken on, so that the owners of files would be wrong.
var ErrMapping = docker.ErrMapping

// A Source is an app's volumes as they are now. It is used by one goroutine.
type Source struct {
	Volumes []store.Volume // as they exist
	Origin  store.Source   // for the record
	// Warnings are what should be known of the volumes.
	Warnings []string

	engine *docker.Engine // nil for directories
	host   docker.Host
	app    docker.App
	found  []docker.Volume
}

// Open finds the volumes of spec. With missing, it is no error that some or all
// do not exist: Targets sees to that.
func Open(ctx context.Context, spec Spec, missing bool) (*Source, error) {
	kind, spec, err := spec.kind()
	if err != nil {
		return nil, err
	}
	s := &Source{Origin: store.Source{Kind: kind, Name: spec.Stack + spec.Compose}}
	if kind == kindDirs {
		s.Volumes, err = spec.dirs()
		return s, err
	}
	s.app = docker.App{Stack: spec.Stack, Project: spec.Compose, Volumes: spec.Volumes}
	if s.engine, err = docker.Connect(ctx); err != nil {
		return nil, err
	}
	if err := s.find(ctx, missing); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close ends the connection to the engine.
func (s *Source) Close() {
	if s.engine != nil {
		s.engine.Close()
	}
}

// find asks the engine for itself and the volumes.
func (s *Source) find(ctx context.Context, missing bool) (err error) {
	if s.host, err = s.engine.Host(ctx); err != nil {
		return err
	}
	if s.Origin.Host, err = json.Marshal(s.host); err != nil {
		return err
	}
	s.found, err = s.engine.Volumes(ctx, s.app)
	isMissing := errors.Is(err, docker.ErrNoVolume) || errors.Is(err, docker.ErrNoVolumes)
	switch {
	case missing && isMissing:
	case errors.Is(err, docker.ErrNoVolumes):
		return fmt.Errorf("%w: nothing to snapshot", err)
	case err != nil:
		return err
	}
	if !missing {
		if err := s.warn(ctx); err != nil {
			return err
		}
	}
	for _, v := range s.found {
		object, err := json.Marshal(v)
		if err != nil {
			return err
		}
		s.Volumes = append(s.Volumes, store.Volume{
			Name: v.Name, Path: v.Path, Object: object, Seen: fsx.PlaceAt(v.Path),
		})
	}
	return nil
}

// Unused returns ErrInUse if anything could write to the volumes of the app now.
// Of directories nobody knows.
func (s *Source) Unused(ctx context.Context, app string) error {
	if s.engine == nil {
		return nil
	}
	err := s.engine.InUse(ctx, s.app, s.found)
	var use *docker.InUseError
	if errors.As(err, &use) && use.Volume == "" {
		return &deployedError{app: app, cause: use}
	}
	return err
}

// warn tells of volumes that the app uses but that are not taken.
func (s *Source) warn(ctx context.Context) error {
	external, err := s.engine.External(ctx, s.app)
	for _, name := range external {
		s.Warnings = append(s.Warnings, fmt.Sprintf(
			"volume %s is mounted by %s but not labelled as its own: it is left out; name it with --volume",
			name, s.app))
	}
	return err
}

// A deployedError says in the app's own name that it is deployed.
type deployedError struct {
	app   string
	cause *docker.InUseError
}

func (e *deployedError) Error() string {
	return e.app + " is still deployed (" + e.cause.By + ")"
}

func (e *deployedError) Unwrap() error { return e.cause }

// Targets returns where the volumes of the snapshot are to be restored: all, or
// those named by only. What is absent is created anew if create is set, and
// else ErrAbsent. Volumes of the source that the snapshot does not have are
// left alone.
func (s *Source) Targets(ctx context.Context, r *store.Record, only []string, create bool) ([]restore.Target, error) {
	if err := s.checkHost(r); err != nil {
		return nil, err
	}
	volumes, err := Chosen(r, only)
	if err != nil {
		return nil, err
	}
	if err := s.checkNamed(r); err != nil {
		return nil, err
	}
	var targets []restore.Target
	for _, v := range volumes {
		at, err := s.target(ctx, v, create)
		if err != nil {
			return nil, err
		}
		targets = append(targets, restore.Target{Volume: v.Name, Path: at.Path, Seen: at.Seen})
	}
	return targets, nil
}

// checkNamed refuses a directory for a volume that the snapshot does not have:
// a slip that would leave that directory as it is.
func (s *Source) checkNamed(r *store.Record) error {
	if s.Origin.Kind != kindDirs {
		return nil
	}
	for i, v := range s.Volumes {
		if r.Volume(v.Name) == nil {
			return fmt.Errorf("%w %q", ErrUnknown, v.Name)
		}
		if slices.ContainsFunc(s.Volumes[:i], func(o store.Volume) bool { return o.Name == v.Name }) {
			return fmt.Errorf("%w: two directories are given for volume %s", ErrSpec, v.Name)
		}
	}
	return nil
}

// checkHost compares how the engine maps users with how the recorded one did.
func (s *Source) checkHost(r *store.Record) error {
	if s.engine == nil || len(r.Source.Host) == 0 {
		return nil
	}
	var then docker.Host
	if err := json.Unmarshal(r.Source.Host, &then); err != nil {
		return fmt.Errorf("read the record's host: %w", err)
	}
	return s.host.Compatible(then)
}

// target returns where one volume is, which it creates if need be and may.
func (s *Source) target(ctx context.Context, v *store.VolumeRecord, create bool) (store.Volume, error) {
	at := slices.IndexFunc(s.Volumes, func(o store.Volume) bool { return o.Name == v.Name })
	switch {
	case at >= 0:
		return s.Volumes[at], nil
	case s.engine == nil:
		return store.Volume{}, fmt.Errorf("%w: no directory is given for volume %s", ErrAbsent, v.Name)
	case !create:
		err := fmt.Errorf("%w: %s is in the snapshot, but %s does not have it", ErrAbsent, v.Name, s.app)
		return store.Volume{}, err
	}
	var recorded docker.Volume
	if err := json.Unmarshal(v.Object, &recorded); err != nil {
		return store.Volume{}, fmt.Errorf("volume %s was not recorded as Docker's: %w", v.Name, err)
	}
	created, err := s.engine.Create(ctx, recorded)
	if err != nil {
		return store.Volume{}, err
	}
	s.found = append(s.found, created)
	return store.Volume{Name: v.Name, Path: created.Path, Seen: fsx.PlaceAt(created.Path)}, nil
}
