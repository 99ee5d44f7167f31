// Package config reads warmstore.yaml, which lists the apps of a host: where
// their volumes are, and how many snapshots of each to keep.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/warmstore/warmstore/internal/exclude"
	"github.com/warmstore/warmstore/internal/source"
	"github.com/warmstore/warmstore/store"
)

// ErrConfig means that a configuration cannot be used. The error names the file
// and the line or the app.
var ErrConfig = errors.New("bad configuration")

// A Config lists apps.
type Config struct {
	Apps []App // by ascending name
}

// An App is one app of a Config.
type App struct {
	Name            string
	Source          source.Spec
	Keep            int // snapshots, at least 1
	Version, Commit string
	Labels          map[string]string
	Exclude         []string // patterns of paths that its snapshots leave out
	// Schedule is when a snapshot is wanted, in the operator's own words. It is
	// a hint: nothing here runs by itself.
	Schedule string
}

// Scheduled returns the apps with that schedule.
func (c *Config) Scheduled(schedule string) (apps []App) {
	for _, app := range c.Apps {
		if app.Schedule == schedule {
			apps = append(apps, app)
		}
	}
	return apps
}

// file is a configuration as it is written.
type file struct {
	Keep *int           `yaml:"keep"` // of apps that do not say
	Apps map[string]app `yaml:"apps"`
}

type app struct {
	Domain   string            `yaml:"domain"`
	Stack    string            `yaml:"stack"`
	Compose  string            `yaml:"compose"`
	Volumes  []string          `yaml:"volumes"`
	Dirs     map[string]string `yaml:"dirs"`
	Keep     *int              `yaml:"keep"`
	Version  string            `yaml:"version"`
	Commit   string            `yaml:"commit"`
	Labels   map[string]string `yaml:"labels"`
	Exclude  []string          `yaml:"exclude"`
	Schedule string            `yaml:"schedule"`
}

// Read reads the configuration at path. A file that is not there is an error
// that matches [fs.ErrNotExist], one that says anything unknown or impossible
// is ErrConfig: no app of it is used then.
func Read(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	f, err := parse(path, text)
	if err != nil {
		return nil, err
	}
	c := new(Config)
	for _, name := range slices.Sorted(maps.Keys(f.Apps)) {
		app, err := f.app(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %s: app %q: %w", ErrConfig, path, name, err)
		}
		c.Apps = append(c.Apps, app)
	}
	if len(c.Apps) == 0 {
		return nil, fmt.Errorf("%w: %s lists no apps", ErrConfig, path)
	}
	return c, nil
}

// parse reads the one document of the file.
func parse(path string, text []byte) (*file, error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	f := new(file)
	if err := dec.Decode(f); err != nil && !errors.Is(err, io.EOF) {
		return nil, located(path, err)
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %s has more than one document", ErrConfig, path)
	}
	return f, nil
}

// unknownKey is how the parser tells of a key that the types here do not have.
var unknownKey = regexp.MustCompile(`^field (.*) not found in type \S+$`)

// located says in which lines of the file the parser found its errors.
func located(path string, err error) error {
	faults := []*yaml.LoadError{new(yaml.LoadError)}
	if several := new(yaml.LoadErrors); errors.As(err, &several) {
		faults = several.Errors
	} else if !errors.As(err, &faults[0]) {
		return fmt.Errorf("%w: %s: %w", ErrConfig, path, err)
	}
	var lines []string
	for _, fault := range faults {
		text := strings.TrimPrefix(fault.Error(), fmt.Sprintf("yaml: line %d: ", fault.Mark.Line))
		if key := unknownKey.FindStringSubmatch(text); key != nil {
			text = fmt.Sprintf("unknown key %q", key[1])
		}
		lines = append(lines, fmt.Sprintf("%s:%d: %s", path, fault.Mark.Line, text))
	}
	return fmt.Errorf("%w: %s", ErrConfig, strings.Join(lines, "; "))
}

// app returns the app of that name, checked.
func (f *file) app(name string) (App, error) {
	a := f.Apps[name]
	out := App{
		Name: name, Keep: 1, Version: a.Version, Commit: a.Commit, Labels: a.Labels, Schedule: a.Schedule,
		Exclude: a.Exclude,
		Source:  source.Spec{Domain: a.Domain, Stack: a.Stack, Compose: a.Compose, Volumes: a.Volumes},
	}
	if err := store.CheckName(name); err != nil {
		return App{}, err
	}
	for _, keep := range []*int{f.Keep, a.Keep} {
		if keep != nil {
			out.Keep = *keep
		}
	}
	if err := exclude.Patterns(a.Exclude).Check(); err != nil {
		return App{}, fmt.Errorf("exclude: %w", err)
	}
	if out.Keep < 1 {
		return App{}, fmt.Errorf("keep is %d: at least 1", out.Keep)
	}
	for _, volume := range slices.Sorted(maps.Keys(a.Dirs)) {
		path := a.Dirs[volume]
		if !filepath.IsAbs(path) || strings.Contains(volume, "=") {
			return App{}, fmt.Errorf("dirs: %s: %q: give a volume's name and an absolute path", volume, path)
		}
		out.Source.Dirs = append(out.Source.Dirs, volume+"="+path)
	}
	return out, out.Source.Check()
}
