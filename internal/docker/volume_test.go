package docker

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/volume"
)

func mkdirAll(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

// names returns the volumes' names, joined.
func names(volumes []Volume) string {
	var all []string
	for _, v := range volumes {
		all = append(all, v.Name)
	}
	return strings.Join(all, " ")
}

// wantError fails the test unless err is the sentinel and says all of texts.
func wantError(t *testing.T, err, sentinel error, texts ...string) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Fatalf("got error %v, want %v", err, sentinel)
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

func TestStackOfDomain(t *testing.T) {
	if got := StackOfDomain("sso.example.com"); got != "sso_example_com" {
		t.Errorf("got %q", got)
	}
}

func TestVolumesOfStackAreThoseWithItsExactLabel(t *testing.T) {
	f := newFake(t)
	f.addVolume(t, "sso_db", "sso")
	f.addVolume(t, "sso_assets", "sso")
	f.addVolume(t, "ssob_db", "ssob")
	f.addVolume(t, "sso_external", "")
	f.addVolume(t, "anonymous", "sso").Labels[anonymousLabel] = ""
	f.volumes[2].Labels[projectLabel] = "sso"

	got, err := f.engine().Volumes(t.Context(), App{Stack: "sso"})
	if err != nil || names(got) != "sso_assets sso_db" {
		t.Errorf("stack: got %s, %v", names(got), err)
	}
	if got[1].Path != f.volumes[0].Mountpoint {
		t.Errorf("got path %s, want %s", got[1].Path, f.volumes[0].Mountpoint)
	}
	got, err = f.engine().Volumes(t.Context(), App{Project: "sso"})
	if err != nil || names(got) != "ssob_db" {
		t.Errorf("project: got %s, %v", names(got), err)
	}
	_, err = f.engine().Volumes(t.Context(), App{Stack: "ss"})
	wantError(t, err, ErrNoVolumes, "stack ss has no volumes")
}

func TestVolumesByNameAreExact(t *testing.T) {
	f := newFake(t)
	f.addVolume(t, "wsft_ab", "")
	f.addVolume(t, "wsft_a", "")

	got, err := f.engine().Volumes(t.Context(), App{Volumes: []string{"wsft_ab", "wsft_a", "wsft_a"}})
	if err != nil || names(got) != "wsft_a wsft_ab" {
		t.Errorf("got %s, %v", names(got), err)
	}
	for _, unknown := range []string{"wsft_", "wsft_.", "WSFT_A", "../containers/x", ""} {
		_, err = f.engine().Volumes(t.Context(), App{Volumes: []string{"wsft_a", unknown}})
		wantError(t, err, ErrNoVolume, `no such volume: "`+unknown+`"`)
	}
}

func TestAppIsExactlyOneThing(t *testing.T) {
	f := newFake(t)
	f.addVolume(t, "v", "")
	for _, app := range []App{
		{}, {Volumes: []string{}}, {Stack: "s", Project: "p"}, {Stack: "s", Volumes: []string{"v"}},
	} {
		if _, err := f.engine().Volumes(t.Context(), app); err == nil {
			t.Errorf("%+v: volumes without error", app)
		}
		if err := f.engine().InUse(t.Context(), app, nil); err == nil || errors.Is(err, ErrInUse) {
			t.Errorf("%+v: in use: got %v", app, err)
		}
	}
}

func TestVolumeListWarningsAreErrors(t *testing.T) {
	f := newFake(t)
	f.addVolume(t, "v", "s")
	f.warnings = []string{"driver rclone: connection refused"}
	_, err := f.engine().Volumes(t.Context(), App{Stack: "s"})
	if err == nil || !strings.Contains(err.Error(), "rclone") {
		t.Errorf("got %v", err)
	}
}

func TestVolumesThatCannotBeWalkedAreRefusedByName(t *testing.T) {
	dir := t.TempDir()
	link, file := filepath.Join(dir, "link"), filepath.Join(dir, "file")
	if err := errors.Join(os.Symlink(dir, link), os.WriteFile(file, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	options := func(kind, device, o string) func(*volume.Volume) {
		return func(v *volume.Volume) {
			v.Options = map[string]string{"type": kind, "device": device, "o": o}
		}
	}
	tests := map[string]struct {
		spoil func(*volume.Volume)
		says  string
	}{
		"nfs":             {options("nfs", ":/x", "addr=10.0.0.1"), "mount (driver local, type=nfs, device=:/x) that"},
		"cifs":            {options("cifs", "//nas/x", "password=hush"), "type=cifs"},
		"tmpfs":           {options("tmpfs", "tmpfs", ""), "type=tmpfs"},
		"disk":            {options("ext4", "/dev/sdb1", "noatime"), "type=ext4"},
		"nfs with bind":   {options("nfs", "/x", "bind"), "type=nfs"},
		"bind of nothing": {options("none", "", "bind"), "no absolute path"},
		"bind of missing": {options("none", filepath.Join(dir, "none"), "bind"), "no such file"},
		"bind of link":    {options("none", link, "ro,bind"), "symbolic link"},
		"bind of file":    {options("none", file, "bind"), "not a directory"},
		"unknown option":  {func(v *volume.Volume) { v.Options = map[string]string{"o": "bind", "new": "1"} }, "mount"},
		"driver":          {func(v *volume.Volume) { v.Driver = "rclone:latest" }, "driver is rclone:latest"},
		"global":          {func(v *volume.Volume) { v.Scope = "global" }, "cluster"},
		"cluster":         {func(v *volume.Volume) { v.ClusterVolume = &volume.ClusterVolume{} }, "cluster"},
		"no mountpoint":   {func(v *volume.Volume) { v.Mountpoint = "" }, `mountpoint is ""`},
		"not here":        {func(v *volume.Volume) { v.Mountpoint = filepath.Join(dir, "none") }, "no such file"},
		"link":            {func(v *volume.Volume) { v.Mountpoint = link }, "symbolic link"},
		"file":            {func(v *volume.Volume) { v.Mountpoint = file }, "not a directory"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			test.spoil(f.addVolume(t, "sso_db", "sso"))
			_, err := f.engine().Volumes(t.Context(), App{Stack: "sso"})
			wantError(t, err, ErrNotWalkable, "volume sso_db is not walkable", test.says)
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("error %q tells a password", err)
			}
		})
	}
}

func TestLocalDirectoriesAreWalkable(t *testing.T) {
	f, device := newFake(t), t.TempDir()
	f.addVolume(t, "bound", "sso").Options = map[string]string{"type": "none", "device": device, "o": "bind,ro"}
	f.addVolume(t, "sized", "sso").Options = map[string]string{"size": "10g"}
	f.addVolume(t, "unset", "sso").Options = map[string]string{"type": "", "device": ""}
	got, err := f.engine().Volumes(t.Context(), App{Stack: "sso"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{device, f.volumes[1].Mountpoint, f.volumes[2].Mountpoint} {
		if got[i].Path != want {
			t.Errorf("volume %s: got path %s, want %s", got[i].Name, got[i].Path, want)
		}
	}
}

func TestExternalVolumesAreNamedWhileTheyCanBe(t *testing.T) {
	f := newFake(t)
	f.addVolume(t, "sso_db", "sso")
	f.addVolume(t, "shared", "")
	f.addVolume(t, "other", "")
	f.addVolume(t, strings.Repeat("0f", 32), "")
	f.addContainer("sso_db.1", map[string]string{stackLabel: "sso"},
		byName("sso_db", ""), byName("shared", ""), byName(strings.Repeat("0f", 32), ""), bind("/x")).State = "exited"
	f.addContainer("another", nil, byName("other", ""))
	got, err := f.engine().External(t.Context(), App{Stack: "sso"})
	if err != nil || !slices.Equal(got, []string{"shared"}) {
		t.Errorf("containers: got %v, %v", got, err)
	}
	f.containers = nil
	f.services = append(f.services, service("sso_db", "sso", 0, "sso_db", "shared"))
	got, err = f.engine().External(t.Context(), App{Stack: "sso"})
	if err != nil || !slices.Equal(got, []string{"shared"}) {
		t.Errorf("services: got %v, %v", got, err)
	}
}

func TestCreateAsksForWhatWasRecorded(t *testing.T) {
	f := newFake(t)
	want := Volume{
		Name: "sso_db", Driver: "local", Scope: "local", Mountpoint: "/elsewhere/_data", Path: "/elsewhere/_data",
		Labels: map[string]string{stackLabel: "sso"}, Options: map[string]string{"size": "1g"},
	}
	got, err := f.engine().Create(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	want.Mountpoint, want.Path = f.root, f.root
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	o := f.created[0]
	if o.Driver != "local" || !maps.Equal(o.Labels, want.Labels) || !maps.Equal(o.DriverOpts, want.Options) {
		t.Errorf("asked for %+v", o)
	}
}

func TestCreateNeverTakesAnotherVolume(t *testing.T) {
	recorded := Volume{Name: "v", Driver: "local", Labels: map[string]string{stackLabel: "sso"}}
	f := newFake(t)
	f.addVolume(t, "v", "sso")
	if _, err := f.engine().Create(t.Context(), recorded); err != nil || len(f.created) != 0 {
		t.Errorf("existing and equal: got %v, created %v", err, f.created)
	}
	f.volumes[0].Labels = map[string]string{stackLabel: "other"}
	_, err := f.engine().Create(t.Context(), recorded)
	wantError(t, err, ErrDiffers, "volume v", "labels")
	f.volumes[0].Labels, f.volumes[0].Driver = recorded.Labels, "rclone"
	_, err = f.engine().Create(t.Context(), recorded)
	wantError(t, err, ErrDiffers, "driver is rclone")

	f.volumes, f.ignores = nil, true
	_, err = f.engine().Create(t.Context(), recorded)
	wantError(t, err, ErrDiffers, "labels")
}

func TestCreateRefusesBeforeItCreates(t *testing.T) {
	f := newFake(t)
	nfs := map[string]string{"type": "nfs", "device": ":/x", "o": "addr=10.0.0.1"}
	gone := map[string]string{"type": "none", "device": filepath.Join(t.TempDir(), "gone"), "o": "bind"}
	for _, v := range []Volume{
		{Name: "v", Driver: "rclone"},
		{Name: "v", Driver: "local", Options: nfs},
		{Name: "v", Driver: "local", Options: gone},
	} {
		_, err := f.engine().Create(t.Context(), v)
		wantError(t, err, ErrNotWalkable, "volume v")
	}
	_, err := f.engine().Create(t.Context(), Volume{Driver: "local"})
	wantError(t, err, ErrNoVolume)
	if len(f.created) != 0 {
		t.Errorf("created %v", f.created)
	}
}

func TestVolumeSurvivesJSON(t *testing.T) {
	want := Volume{
		Name: "n", Driver: "local", Scope: "local", Mountpoint: "/m", Path: "/p",
		Labels: map[string]string{"a": "b"}, Options: map[string]string{"o": "bind"},
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got Volume
	if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v of %s, %v", got, text, err)
	}
	const keys = `{"name":"n","driver":"local","scope":"local","mountpoint":"/m",` +
		`"labels":{"a":"b"},"options":{"o":"bind"},"path":"/p"}`
	if string(text) != keys {
		t.Errorf("got %s, want %s", text, keys)
	}
}
