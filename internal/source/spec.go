// Package source finds the directories of an app's volumes: named ones, or
// those that a Docker engine knows of a stack, a project or by name. It says
// whether anything uses them, and finds them again for a restore.
package source

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/warmstore/warmstore/internal/docker"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/store"
)

// ErrSpec means that a Spec does not say, or says in two ways, where the
// volumes are.
var ErrSpec = errors.New("bad source")

// The kinds of source, as records keep them.
const (
	kindStack   = "stack"
	kindCompose = "compose"
	kindVolumes = "volumes"
	kindDirs    = "dirs"
)

// A Spec says where an app's volumes are. Of its fields one is set; Domain,
// which stands for the Stack of its name, may also stand beside another.
type Spec struct {
	Domain  string
	Stack   string
	Compose string
	Volumes []string // names of Docker volumes
	Dirs    []string // NAME=PATH each; needs no Docker
}

// OfDomain returns where the volumes of an app at a domain are, as a record has
// it: in the stack of that name, or without a domain, in volumes of their names.
func OfDomain(domain string) store.Source {
	if domain == "" {
		return store.Source{Kind: kindVolumes}
	}
	return store.Source{Kind: kindStack, Name: docker.StackOfDomain(domain)}
}

// Of returns the Spec that a snapshot was taken by.
func Of(r *store.Record) Spec {
	spec := Spec{Domain: r.Domain}
	switch r.Source.Kind {
	case kindStack:
		spec.Stack = r.Source.Name
	case kindCompose:
		spec.Compose = r.Source.Name
	case kindVolumes:
		for _, v := range r.Volumes {
			spec.Volumes = append(spec.Volumes, v.Name)
		}
	case kindDirs:
		for _, v := range r.Volumes {
			spec.Dirs = append(spec.Dirs, v.Name+"="+v.Path)
		}
	}
	return spec
}

// Check returns ErrSpec unless s says where volumes are, and in one way.
func (s Spec) Check() error {
	_, _, err := s.kind()
	return err
}

// IsZero reports whether s says nothing.
func (s Spec) IsZero() bool { return s.kinds() == nil && s.Domain == "" }

// kinds returns how the volumes are given, Domain aside.
func (s Spec) kinds() (kinds []string) {
	for kind, set := range map[string]bool{
		kindStack:   s.Stack != "",
		kindCompose: s.Compose != "",
		kindVolumes: len(s.Volumes) > 0,
		kindDirs:    len(s.Dirs) > 0,
	} {
		if set {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// kind returns the one kind of source that s is, and s with the stack that its
// domain stands for, if that is all it says.
func (s Spec) kind() (string, Spec, error) {
	kinds := s.kinds()
	switch {
	case len(kinds) == 1:
		return kinds[0], s, nil
	case len(kinds) > 1:
		slices.Sort(kinds)
		return "", s, fmt.Errorf("%w: it is given as %s; give one", ErrSpec, strings.Join(kinds, " and as "))
	case s.Domain == "":
		return "", s, fmt.Errorf("%w: give --domain, --stack, --compose, --volume or --dir", ErrSpec)
	}
	s.Stack = docker.StackOfDomain(s.Domain)
	return kindStack, s, nil
}

// dirs returns the volumes of a Spec of kind dirs.
func (s Spec) dirs() ([]store.Volume, error) {
	var volumes []store.Volume
	for _, dir := range s.Dirs {
		name, path, ok := strings.Cut(dir, "=")
		if !ok || path == "" {
			return nil, fmt.Errorf("%w: --dir %q is not NAME=PATH", ErrSpec, dir)
		}
		abs, err := filepath.Abs(path)
		if err != nil {
			return nil, err
		}
		volumes = append(volumes, store.Volume{Name: name, Path: abs, Seen: fsx.PlaceAt(abs)})
	}
	return volumes, nil
}
