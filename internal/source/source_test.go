package source

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/warmstore/warmstore/restore"
	"github.com/warmstore/warmstore/store"
)

func TestSpecIsOneKindOfSource(t *testing.T) {
	for _, test := range []struct {
		spec        Spec
		kind, stack string
	}{
		{Spec{Stack: "sso"}, kindStack, "sso"},
		{Spec{Domain: "sso.example.org"}, kindStack, "sso_example_org"},
		{Spec{Domain: "sso.example.org", Stack: "sso"}, kindStack, "sso"},
		{Spec{Domain: "sso.example.org", Dirs: []string{"a=/a"}}, kindDirs, ""},
		{Spec{Compose: "sso"}, kindCompose, ""},
		{Spec{Volumes: []string{"a", "b"}}, kindVolumes, ""},
	} {
		kind, spec, err := test.spec.kind()
		if err != nil || kind != test.kind || spec.Stack != test.stack {
			t.Errorf("%+v is %s of stack %q, %v; want %s of %q",
				test.spec, kind, spec.Stack, err, test.kind, test.stack)
		}
	}
	for _, spec := range []Spec{
		{},
		{Stack: "a", Compose: "a"},
		{Stack: "a", Dirs: []string{"a=/a"}},
		{Volumes: []string{"a"}, Dirs: []string{"a=/a"}, Compose: "a"},
	} {
		if _, _, err := spec.kind(); !errors.Is(err, ErrSpec) {
			t.Errorf("%+v: error is %v, want ErrSpec", spec, err)
		}
		if _, err := Open(t.Context(), spec, true); !errors.Is(err, ErrSpec) {
			t.Errorf("Open %+v: error is %v, want ErrSpec", spec, err)
		}
	}
}

func TestRecordLeadsBackToItsSource(t *testing.T) {
	volumes := []store.VolumeRecord{{Name: "a", Path: "/x/a=b"}, {Name: "b", Path: "/y"}}
	for _, spec := range []Spec{
		{Stack: "sso"},
		{Stack: "sso", Domain: "sso.example.org"},
		{Compose: "sso"},
		{Volumes: []string{"a", "b"}},
		{Dirs: []string{"a=/x/a=b", "b=/y"}},
	} {
		kind, _, err := spec.kind()
		if err != nil {
			t.Fatal(err)
		}
		r := &store.Record{
			Domain: spec.Domain, Volumes: volumes,
			Source: store.Source{Kind: kind, Name: spec.Stack + spec.Compose},
		}
		if got := Of(r); !reflect.DeepEqual(got, spec) {
			t.Errorf("of %+v the record leads to %+v", spec, got)
		}
	}
	if !(Spec{}).IsZero() || (Spec{Domain: "x"}).IsZero() {
		t.Error("IsZero")
	}
}

func TestDirsAreNamesAndAbsolutePaths(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	src, err := Open(t.Context(), Spec{Dirs: []string{"a=x/../y", "b=/z=1,2"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	want := []store.Volume{{Name: "a", Path: filepath.Join(here, "y")}, {Name: "b", Path: "/z=1,2"}}
	if !reflect.DeepEqual(src.Volumes, want) || src.Origin.Kind != kindDirs {
		t.Errorf("the source is %+v, want %+v", src, want)
	}
	if err := src.Unused(t.Context(), "app"); err != nil {
		t.Errorf("nobody knows who uses a directory, but: %v", err)
	}
	for _, dir := range []string{"", "a", "a="} {
		if _, err := Open(t.Context(), Spec{Dirs: []string{dir}}, false); !errors.Is(err, ErrSpec) {
			t.Errorf("%q: error is %v, want ErrSpec", dir, err)
		}
	}
}

func TestTargetsAreAllVolumesOrThoseNamed(t *testing.T) {
	r := &store.Record{Volumes: []store.VolumeRecord{{Name: "a"}, {Name: "b"}}}
	for _, test := range []struct {
		name string
		dirs []string
		only []string
		want []string // of targets
		err  error
	}{
		{"all", []string{"b=/b", "a=/a"}, nil, []string{"a", "b"}, nil},
		{"one of them", []string{"a=/a", "b=/b"}, []string{"b"}, []string{"b"}, nil},
		{"one is enough for that", []string{"b=/b"}, []string{"b"}, []string{"b"}, nil},
		{"named twice", []string{"b=/b"}, []string{"b", "b"}, []string{"b"}, nil},
		{"one is absent", []string{"a=/a"}, nil, nil, ErrAbsent},
		{"not in the snapshot", []string{"a=/a", "b=/b"}, []string{"c"}, nil, ErrUnknown},
		{"a directory too many", []string{"a=/a", "b=/b", "c=/c"}, nil, nil, ErrUnknown},
		{"two of one name", []string{"a=/a", "b=/b", "a=/c"}, nil, nil, ErrSpec},
	} {
		src, err := Open(t.Context(), Spec{Dirs: test.dirs}, true)
		if err != nil {
			t.Fatal(err)
		}
		targets, err := src.Targets(t.Context(), r, test.only, false)
		var got []string
		for _, target := range targets {
			got = append(got, target.Volume)
			if target.Path != "/"+target.Volume {
				t.Errorf("%s: target %+v", test.name, target)
			}
		}
		if !reflect.DeepEqual(got, test.want) || !errors.Is(err, test.err) {
			t.Errorf("%s: targets %v, %v, want %v, %v", test.name, got, err, test.want, test.err)
		}
	}
}

func TestTargetsMakeNoDirectory(t *testing.T) {
	r := &store.Record{Volumes: []store.VolumeRecord{{Name: "a"}}}
	path := filepath.Join(t.TempDir(), "x", "a")
	for _, create := range []bool{false, true} {
		src, err := Open(t.Context(), Spec{Dirs: []string{"a=" + path}}, true)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := src.Targets(t.Context(), r, nil, create); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("with create %t the directory was made before the restore", create)
		}
	}
}

func TestBelowNamesADirectoryForEachVolume(t *testing.T) {
	r := &store.Record{Volumes: []store.VolumeRecord{{Name: "a"}, {Name: "b"}}}
	dir := filepath.Join(t.TempDir(), "out")
	got, err := Below(dir, r, []string{"b"})
	want := []restore.Target{{Volume: "b", Path: dir + "/b"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("targets %+v, %v, want %+v", got, err, want)
	}
	if got, err = Below(dir, r, nil); err != nil || len(got) != 2 {
		t.Errorf("all volumes: %+v, %v", got, err)
	}
	if _, err := Below(dir, r, []string{"c"}); !errors.Is(err, ErrUnknown) {
		t.Errorf("what the snapshot does not have: error is %v, want ErrUnknown", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a directory was made before the restore")
	}
}
