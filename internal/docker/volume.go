package docker

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/volume"
)

// A Volume is the engine's volume object. A snapshot's record keeps it, so
// that a volume that is gone can be created again as it was. Options may hold
// credentials: they are never printed.
type Volume struct {
	Name       string            `json:"name"`
	Driver     string            `json:"driver"`
	Scope      string            `json:"scope,omitempty"`
	Mountpoint string            `json:"mountpoint"`
	Labels     map[string]string `json:"labels,omitempty"`
	Options    map[string]string `json:"options,omitempty"`

	// Path is where the files are: the Mountpoint or, for a local volume
	// that binds a directory (o=bind), that directory.
	Path string `json:"path"`
}

// Volumes returns the app's volumes, sorted by name: for a list of names those
// volumes, else those that carry the app's label and are not anonymous. It
// returns ErrNoVolume if a named one is missing, ErrNoVolumes if no volume
// carries the label, and ErrNotWalkable if the files of one are out of reach.
//
// External volumes belong to no app: they have no label, may be shared, and
// are part of an app only if they are named. See [Engine.External].
func (e *Engine) Volumes(ctx context.Context, app App) ([]Volume, error) {
	if err := app.check(); err != nil {
		return nil, err
	}
	all, err := e.list(ctx)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(all, app)
	if err != nil {
		return nil, err
	}
	for i := range chosen {
		if chosen[i].Path, err = e.find(ctx, chosen[i]); err != nil {
			return nil, err
		}
	}
	return chosen, nil
}

// choose returns those of all that belong to the app, in the order of all.
func choose(all []Volume, app App) ([]Volume, error) {
	if len(app.Volumes) > 0 {
		return chooseNamed(all, app.Volumes)
	}
	var chosen []Volume
	for _, v := range all {
		if app.owns(v.Labels) && !v.isAnonymous() {
			chosen = append(chosen, v)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("%s has %w", app, ErrNoVolumes)
	}
	return chosen, nil
}

// chooseNamed returns the volumes of these names, in the order of all. A name
// given twice counts once.
func chooseNamed(all []Volume, names []string) ([]Volume, error) {
	var chosen []Volume
	for _, v := range all {
		if slices.Contains(names, v.Name) {
			chosen = append(chosen, v)
		}
	}
	for _, name := range names {
		if _, ok := named(chosen, name); !ok {
			return nil, fmt.Errorf("%w: %q", ErrNoVolume, name)
		}
	}
	return chosen, nil
}

// named returns the volume of exactly that name.
func named(volumes []Volume, name string) (Volume, bool) {
	i := slices.IndexFunc(volumes, func(v Volume) bool { return v.Name == name })
	if i < 0 {
		return Volume{}, false
	}
	return volumes[i], true
}

// list returns every volume of the engine, sorted by name, with Path empty. It
// asks for all of them because the engine's name filter is a regular
// expression, and looking one up puts its name, unescaped, into a URL.
func (e *Engine) list(ctx context.Context) ([]Volume, error) {
	response, err := ask(ctx, e, "list volumes", func(ctx context.Context) (volume.ListResponse, error) {
		return e.api.VolumeList(ctx, volume.ListOptions{})
	})
	if err != nil {
		return nil, err
	}
	if len(response.Warnings) > 0 { // a driver did not list its volumes
		return nil, fmt.Errorf("list volumes: incomplete: %s", strings.Join(response.Warnings, "; "))
	}
	var all []Volume
	for _, v := range response.Volumes {
		if v != nil {
			all = append(all, fromEngine(*v))
		}
	}
	slices.SortFunc(all, func(a, b Volume) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// fromEngine takes what we keep from the engine's volume object.
func fromEngine(v volume.Volume) Volume {
	scope := v.Scope
	if v.ClusterVolume != nil {
		scope = "global"
	}
	return Volume{
		Name: v.Name, Driver: v.Driver, Scope: scope, Mountpoint: v.Mountpoint,
		Labels: v.Labels, Options: v.Options,
	}
}

// isAnonymous reports whether the engine made up the volume's name: it says so
// by a label or, before API 1.42, by nothing but the name's 64 digits.
func (v Volume) isAnonymous() bool {
	_, labelled := v.Labels[anonymousLabel]
	return labelled || len(v.Name) == 64 && strings.Trim(v.Name, "0123456789abcdef") == ""
}

// Create makes sure that volume v exists, with v's labels, driver and options.
// It returns the volume as the engine now knows it: Mountpoint and Path may
// have changed. If a volume of that name exists it is returned as it is, or
// ErrDiffers if it is not as v says: the engine itself would ignore what is
// asked of an existing volume. ErrNotWalkable is returned before anything is
// created, also when the directory that v binds is missing.
func (e *Engine) Create(ctx context.Context, v Volume) (Volume, error) {
	if v.Name == "" { // which would create an anonymous volume
		return Volume{}, fmt.Errorf("%w: %q", ErrNoVolume, v.Name)
	}
	if err := e.creatable(ctx, v); err != nil {
		return Volume{}, err
	}
	all, err := e.list(ctx)
	if err != nil {
		return Volume{}, err
	}
	created, ok := named(all, v.Name)
	if !ok {
		if created, err = e.create(ctx, v); err != nil {
			return Volume{}, err
		}
	}
	if err := compare(v, created); err != nil {
		return Volume{}, err
	}
	created.Path, err = e.find(ctx, created)
	return created, err
}

// create asks the engine for volume v.
func (e *Engine) create(ctx context.Context, v Volume) (Volume, error) {
	options := volume.CreateOptions{Name: v.Name, Driver: v.Driver, DriverOpts: v.Options, Labels: v.Labels}
	created, err := ask(ctx, e, "create volume "+v.Name, func(ctx context.Context) (volume.Volume, error) {
		return e.api.VolumeCreate(ctx, options)
	})
	return fromEngine(created), err
}

// compare returns ErrDiffers if volume v is not what was recorded of it.
func compare(recorded, v Volume) error {
	switch {
	case v.Name != recorded.Name:
		return fmt.Errorf("volume %s is %w: its name is %q", recorded.Name, ErrDiffers, v.Name)
	case v.Driver != recorded.Driver:
		return fmt.Errorf("volume %s is %w: its driver is %s, not %s", v.Name, ErrDiffers, v.Driver, recorded.Driver)
	case !maps.Equal(v.Labels, recorded.Labels):
		return fmt.Errorf("volume %s is %w: its labels are others", v.Name, ErrDiffers)
	case !maps.Equal(v.Options, recorded.Options):
		return fmt.Errorf("volume %s is %w: its driver options are others", v.Name, ErrDiffers)
	}
	return nil
}
