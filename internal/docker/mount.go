package docker

import (
	"context"
	"fmt"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
)

// A binding is one mount of a container or service, as far as it matters here.
type binding struct {
	volume   string // the mounted volume's name; empty for a path
	source   string // the mounted path of this machine; empty for none
	readOnly bool
}

// bindingsOf returns the mounts of a container.
func bindingsOf(mounts []container.MountPoint) []binding {
	var all []binding
	for _, m := range mounts {
		switch m.Type {
		case mount.TypeVolume, mount.TypeCluster:
			all = append(all, binding{volume: m.Name, source: m.Source, readOnly: !m.RW})
		case mount.TypeBind:
			all = append(all, binding{source: m.Source, readOnly: !m.RW})
		}
	}
	return all
}

// bindingsWanted returns the mounts that a service asks for. An anonymous
// volume has no name yet.
func bindingsWanted(mounts []mount.Mount) []binding {
	var all []binding
	for _, m := range mounts {
		switch m.Type {
		case mount.TypeVolume, mount.TypeCluster:
			all = append(all, binding{volume: m.Source, readOnly: m.ReadOnly})
		case mount.TypeBind:
			all = append(all, binding{source: m.Source, readOnly: m.ReadOnly})
		}
	}
	return all
}

// A footprint is what must be left alone for an app to count as undeployed.
type footprint struct {
	app     App
	volumes []Volume
	places  map[string][]place // of each of volumes: its Mountpoint and Path
	paths   map[string]string  // of every volume of the engine: where its files are
}

// footprint returns that of the app and its volumes.
func (e *Engine) footprint(ctx context.Context, app App, volumes []Volume) (*footprint, error) {
	f := &footprint{app, volumes, map[string][]place{}, map[string]string{}}
	for _, v := range volumes {
		for _, path := range []string{v.Mountpoint, v.Path} {
			if path == "" {
				continue
			}
			p, err := e.locate(ctx, path)
			if err != nil {
				return nil, err
			}
			f.places[v.Name] = append(f.places[v.Name], p)
		}
	}
	all, err := e.list(ctx)
	for _, v := range all {
		f.paths[v.Name] = v.Mountpoint
		if v.isMount() && v.isBind() {
			f.paths[v.Name] = v.Options["device"]
		}
	}
	return f, err
}

// touched returns the first of the footprint's volumes that one of the
// bindings reaches, and how: "mounts it", or "mounts /var/lib/docker".
func (e *Engine) touched(ctx context.Context, f *footprint, bindings []binding) (volume, how string, err error) {
	for _, b := range bindings {
		if _, ok := named(f.volumes, b.volume); ok {
			return b.volume, "mounts it", nil
		}
		if path := f.paths[b.volume]; path != "" {
			b.source = path // of a volume that binds a directory, that directory
		}
		if b.source == "" {
			continue
		}
		source, err := e.locate(ctx, b.source)
		if err != nil {
			return "", "", err
		}
		if name := f.reached(source, b.readOnly); name != "" {
			return name, fmt.Sprintf("mounts %q", b.source), nil
		}
	}
	return "", "", nil
}

// reached returns the name of the first volume whose files can be reached
// through a mount of source, or "".
//
// A mount at a volume's place, or below it, is made for this volume and counts
// even if it is read-only, as a mount by name does. A mount above it, such as
// / or /var/lib/docker, counts only if it is writable: monitoring agents mount
// these read-only on many machines, and run for ever. (Engines before 25 leave
// the file systems mounted below a read-only mount writable; that nothing
// writes there all the same is taken on trust.)
func (f *footprint) reached(source place, readOnly bool) string {
	for _, v := range f.volumes {
		for _, p := range f.places[v.Name] {
			if source.within(p) || p.within(source) && !readOnly {
				return v.Name
			}
		}
	}
	return ""
}
