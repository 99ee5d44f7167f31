package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/mutate"
)

// records are those that the tests and the fuzzer begin with.
func records() []*Record {
	return []*Record{
		{Format: 1, App: "app", Seq: 1, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		{
			Format: 1, App: "sso", Seq: 1 << 63, Time: time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC),
			Domain: "sso.example.org", Version: "<24 & more>", Commit: "c0ffee\u2028\x00",
			Labels: map[string]string{"b": "2", "a": "", "": "\n"},
			Source: Source{Kind: "stack", Name: "sso", Host: json.RawMessage(`{"id":"x","n":[1,2.50,{}]}`)},
			Volumes: []VolumeRecord{
				{
					Name: "data", Path: "/var/lib/a\"b", Object: json.RawMessage(`{"labels":{"z":"1","a":"2"}}`),
					Files: 1, Dirs: 2, Bytes: 1 << 62,
					Manifest: ManifestRef{Bytes: 3, Chunks: []blob.ID{blob.Sum([]byte("x"))}},
				},
				{Name: "empty"},
			},
		},
	}
}

func TestRecordDecodesToWhatWasEncoded(t *testing.T) {
	for _, r := range records() {
		b, id, err := encodeRecord(r)
		if err != nil {
			t.Fatal(err)
		}
		if id != blob.Sum(b) {
			t.Errorf("%s: the ID is not the hash of the record", r.App)
		}
		got, err := decodeRecord(b)
		if err != nil {
			t.Fatal(err)
		}
		// What the caller keeps is the same JSON, but indented as the rest.
		for _, raw := range []*json.RawMessage{&got.Source.Host, &r.Source.Host} {
			*raw = compact(t, *raw)
		}
		for i := range got.Volumes {
			got.Volumes[i].Object = compact(t, got.Volumes[i].Object)
		}
		if !reflect.DeepEqual(got, r) {
			t.Errorf("encoded\n%+v\ndecoded\n%+v", r, got)
		}
	}
}

func compact(t *testing.T, raw json.RawMessage) json.RawMessage {
	t.Helper()
	if raw == nil {
		return nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRecordHasOneEncoding(t *testing.T) {
	b, _, err := encodeRecord(records()[1])
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	for name, other := range map[string]string{
		"nothing":         "",
		"cut":             text[:len(text)-2],
		"no last newline": strings.TrimSuffix(text, "\n"),
		"more space":      text + "\n",
		"a second object": text + text,
		"another order":   `{"app": "sso", "format": 1}`,
		"unknown field":   strings.Replace(text, `"app"`, `"more": 1, "app"`, 1),
		"other case":      strings.Replace(text, `"app"`, `"App"`, 1),
		"field twice":     strings.Replace(text, `"app": "sso",`, "\"app\": \"sso\",\n  \"app\": \"sso\",", 1),
		"format 0":        strings.Replace(text, `"format": 1`, `"format": 0`, 1),
		"format -1":       strings.Replace(text, `"format": 1`, `"format": -1`, 1),
		"format 1.0":      strings.Replace(text, `"format": 1`, `"format": 1.0`, 1),
		"null":            "null",
		"escaped":         strings.Replace(text, `"sso"`, `"\u0073so"`, 1),
	} {
		if other == text {
			t.Fatalf("%s: nothing is changed", name)
		}
		if _, err := decodeRecord([]byte(other)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: error is %v, want ErrCorrupt", name, err)
		}
	}
}

// Each record is encoded as it should be, and is one that no snapshot writes.
func TestRecordHoldsToTheRules(t *testing.T) {
	volumes := func(names ...string) func(r *Record) {
		return func(r *Record) {
			r.Volumes = nil
			for _, name := range names {
				r.Volumes = append(r.Volumes, VolumeRecord{Name: name})
			}
		}
	}
	chunks := func(bytes int64, ids ...blob.ID) func(r *Record) {
		return func(r *Record) { r.Volumes[0].Manifest = ManifestRef{Bytes: bytes, Chunks: ids} }
	}
	some := blob.Sum([]byte("x"))
	for name, tamper := range map[string]func(r *Record){
		"app without a name":              func(r *Record) { r.App = "" },
		"app that is a path":              func(r *Record) { r.App = "../app" },
		"number 0":                        func(r *Record) { r.Seq = 0 },
		"volume without a name":           volumes(""),
		"volume .":                        volumes("."),
		"volume ..":                       volumes(".."),
		"volume that is a path":           volumes("a/b"),
		"volume with NUL":                 volumes("a\x00"),
		"volumes not in order":            volumes("b", "a"),
		"volume twice":                    volumes("a", "a"),
		"negative files":                  func(r *Record) { r.Volumes[0].Files = -1 },
		"negative directories":            func(r *Record) { r.Volumes[0].Dirs = -1 },
		"negative bytes":                  func(r *Record) { r.Volumes[0].Bytes = -1 },
		"bytes without chunks":            chunks(1),
		"chunks without bytes":            chunks(0, some),
		"negative manifest":               chunks(-1),
		"more bytes than chunks can have": chunks(blob.MaxRaw+1, some),
		"chunk without an ID":             chunks(10, some, blob.ID{}),
	} {
		r := records()[1]
		tamper(r)
		b, _, err := encodeRecord(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decodeRecord(b); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: error is %v, want ErrCorrupt", name, err)
		}
	}
}

// Each mark has the right sum, and is one that no restore writes.
func TestMarkHoldsToTheRules(t *testing.T) {
	tree := func(volume, path string) MarkedTree { return MarkedTree{Volume: volume, Path: path} }
	for name, trees := range map[string][]MarkedTree{
		"nothing":               nil,
		"volume without a name": {tree("", "/a")},
		"volume ..":             {tree("..", "/a")},
		"volume that is a path": {tree("a/b", "/a")},
		"volume with NUL":       {tree("a\x00", "/a")},
		"not in order":          {tree("a", "/b"), tree("b", "/a")},
		"twice":                 {tree("a", "/a"), tree("a", "/a")},
	} {
		m := &Mark{App: "app", Volumes: trees}
		if err := m.check("app"); err == nil {
			t.Errorf("%s passes", name)
		}
	}
	m := &Mark{App: "app", Volumes: []MarkedTree{tree("a", "/"), tree("b", "/a"), tree("c", "/a")}}
	if err := m.check("app"); err != nil {
		t.Error(err)
	}
	if err := m.check("other"); err == nil {
		t.Error("a mark of another app passes")
	}
}

func TestRecordOfANewerFormatIsErrVersion(t *testing.T) {
	for _, text := range []string{`{"format": 2}`, `{"format": 3, "app": 7, "volumes": "elsewhere"}`} {
		_, err := decodeRecord([]byte(text))
		if !errors.Is(err, ErrVersion) || errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: error is %v, want ErrVersion", text, err)
		}
	}
}

// FuzzRecord shows that what decodes is what encodes to the same bytes.
func FuzzRecord(f *testing.F) {
	for _, r := range records() {
		b, _, err := encodeRecord(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Add([]byte(`{"format": 2}`))
	f.Fuzz(mutate.Often(func(t *testing.T, b []byte) {
		r, err := decodeRecord(b)
		if err != nil {
			if !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrVersion) {
				t.Errorf("error is %v, want ErrCorrupt or ErrVersion", err)
			}
			return
		}
		again, _, err := encodeRecord(r)
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%q decodes and encodes to %q, %v", b, again, err)
		}
	}))
}
