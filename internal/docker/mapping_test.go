package docker

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hosts are engines that map users in different ways, as they describe
// themselves.
func hosts(t *testing.T) map[string]Host {
	t.Helper()
	all := map[string]Host{}
	for name, engine := range map[string]struct {
		option, root string
		uid          int
		subuid       string
	}{
		"plain":              {"name=seccomp,profile=builtin", "docker", 0, ""},
		"remapped":           {"name=userns", "docker/165536.165536", 0, ""},
		"remapped elsewhere": {"name=userns", "docker/231072.231072", 0, ""},
		"rootless":           {"name=rootless", "share/docker", 1234, "1234:100000:65536\nother:1:2\n"},
		"rootless, another":  {"name=rootless", "share/docker", 1235, "1235:100000:65536\n"},
		"rootless, moved":    {"name=rootless", "share/docker", 1234, "1234:300000:65536\n"},
	} {
		f := newFake(t)
		f.info.SecurityOptions = []string{engine.option}
		f.info.DockerRootDir = makeDir(t, f.root, engine.root)
		for _, file := range []string{"subuid", "subgid"} {
			if err := os.WriteFile(filepath.Join(f.root, file), []byte(engine.subuid), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chown(f.info.DockerRootDir, engine.uid, engine.uid); err != nil {
			t.Fatal(err)
		}
		host, err := f.engine().Host(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all[name] = host
	}
	return all
}

// A record's host comes back as JSON, and only the same mapping will do.
func TestOnlyTheSameMappingIsCompatible(t *testing.T) {
	all := hosts(t)
	for name, then := range all {
		var recorded Host
		text, err := json.Marshal(then)
		if err == nil {
			err = json.Unmarshal(text, &recorded)
		}
		if err != nil {
			t.Fatal(err)
		}
		for now, host := range all {
			err := host.Compatible(recorded)
			if now == name && err != nil || now != name && !errors.Is(err, ErrMapping) {
				t.Errorf("%s restored on %s: %v", name, now, err)
			}
		}
	}
	err := all["remapped"].Compatible(all["rootless"])
	want := "then rootless 1234.1234 100000:65536 100000:65536, now userns-remap 165536.165536"
	if err == nil || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("error is %v, want … %s", err, want)
	}
}

// Records of before mappings were kept say only that there was one.
func TestOlderRecordsAreComparedAsFarAsTheyGo(t *testing.T) {
	all := hosts(t)
	older := Host{UserNS: true}
	if err := all["remapped"].Compatible(older); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"plain", "rootless"} {
		if err := all[name].Compatible(older); !errors.Is(err, ErrMapping) {
			t.Errorf("on %s: %v", name, err)
		}
	}
}
