package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/warmstore/warmstore/internal/mutate"
	"github.com/warmstore/warmstore/internal/source"
)

// write makes a configuration of that text and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "warmstore.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadReturnsEveryAppByName(t *testing.T) {
	c, err := Read(write(t, `
keep: 2
apps:
  sso:
    domain: sso.example.org
    schedule: nightly
  files:
    dirs: {data: /srv/data, conf: /srv/conf}
    keep: 1
    version: 26.10
    commit: c0ffee
    labels: {team: ci}
  chat:
    compose: chat
  wiki: {volumes: [wiki_a, wiki_b]}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []App{
		{Name: "chat", Source: source.Spec{Compose: "chat"}, Keep: 2},
		{Name: "files", Source: source.Spec{Dirs: []string{"conf=/srv/conf", "data=/srv/data"}}, Keep: 1,
			Version: "26.10", Commit: "c0ffee", Labels: map[string]string{"team": "ci"}},
		{Name: "sso", Source: source.Spec{Domain: "sso.example.org"}, Keep: 2, Schedule: "nightly"},
		{Name: "wiki", Source: source.Spec{Volumes: []string{"wiki_a", "wiki_b"}}, Keep: 2},
	}
	if !reflect.DeepEqual(c.Apps, want) {
		t.Errorf("the apps are\n%+v, want\n%+v", c.Apps, want)
	}
	if got := c.Scheduled("nightly"); len(got) != 1 || got[0].Name != "sso" {
		t.Errorf("scheduled are %+v", got)
	}
}

func TestReadNamesTheLineOfWhatItDoesNotKnow(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"keep: 1\napps:\n  sso:\n    domain: x\n    kep: 2\n    k: 1\n",
			`warmstore.yaml:5: unknown key "kep"; `},
		{"apps:\n  sso:\n    k: 1\n    k2: 1\n", `warmstore.yaml:4: unknown key "k2"`},
		{"aps: {}\n", `warmstore.yaml:1: unknown key "aps"`},
		{"apps:\n  sso: {stack: a, keep: many}\n", "warmstore.yaml:2: cannot construct !!str `many` into int"},
		{"apps:\n  sso: {stack: a, volumes: v}\n", `warmstore.yaml:2: `},
		{"apps:\n  sso: {stack: a}\n  sso: {stack: b}\n", `warmstore.yaml:3: mapping key "sso" already defined`},
		{"apps: [\n", `warmstore.yaml:2: `},
		{"apps:\n\t- x\n", `warmstore.yaml:2: `},
		{"apps:\n  sso: {stack: a}\n---\nkeep: 1\n", `more than one document`},
		{"", `lists no apps`},
		{"keep: 3\n", `lists no apps`},
		{"apps: {sso: {}}\n", `app "sso": bad source: `},
		{"apps: {sso: }\n", `app "sso": bad source: `},
		{"apps: {sso: {stack: a, compose: b}}\n", `app "sso": bad source: `},
		{"apps: {sso: {stack: a, keep: 0}}\n", `app "sso": keep is 0`},
		{"keep: -1\napps: {sso: {stack: a}}\n", `app "sso": keep is -1`},
		{"apps: {../sso: {stack: a}}\n", `app "../sso": invalid name`},
		{"apps: {sso: {dirs: {data: srv}}}\n", `app "sso": dirs: data: "srv"`},
		{"apps: {sso: {dirs: {a=b: /srv}}}\n", `app "sso": dirs: a=b`},
	} {
		_, err := Read(write(t, test.text))
		if !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error is %v, want ErrConfig with %q", test.text, err, test.want)
		}
	}
}

func TestReadTellsAFileThatIsNotThere(t *testing.T) {
	_, err := Read(filepath.Join(t.TempDir(), "none.yaml"))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("error is %v", err)
	}
}

// TestExampleIsRead: the configuration to begin with can be used as it is.
func TestExampleIsRead(t *testing.T) {
	c, err := Read("../../contrib/warmstore.yaml")
	if err != nil || len(c.Apps) != 5 || len(c.Scheduled("weekly")) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
}

// FuzzRead: no text makes it panic, and what it returns is complete.
func FuzzRead(f *testing.F) {
	f.Add("keep: 2\napps:\n  sso: {domain: a.b, labels: {k: v}}\n")
	f.Add("a: &a [*a]")
	f.Fuzz(mutate.Often(func(t *testing.T, text string) {
		c, err := Read(write(t, text))
		if err != nil {
			return
		}
		for _, app := range c.Apps {
			if app.Name == "" || app.Keep < 1 || app.Source.Check() != nil {
				t.Errorf("%q gives %+v", text, app)
			}
		}
	}))
}
