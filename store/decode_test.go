package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/mutate"
)

// marks are those that the fuzzer begins with.
func marks() []*Mark {
	all := []*Mark{
		{App: "app", Snapshot: blob.Sum([]byte("s")), Begun: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
		{App: "sso", Volumes: []MarkedTree{
			{Volume: "a", Path: "/srv/<a>\n", Dev: 1, Ino: 1 << 63, Born: fsx.Time{Sec: -1, Nsec: 5}},
			{Volume: "b", Path: "/srv/b", Elsewhere: true},
		}},
	}
	for _, m := range all {
		m.Sum = m.checksum()
	}
	return all
}

// What decodes is what encodes to the same bytes. The checksum would keep out
// whatever the fuzzer makes, so it is mended.
func FuzzMark(f *testing.F) {
	for _, m := range marks() {
		b, err := encodeMark(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(append(b, '\n'))
		f.Add(bytes.Replace(b, []byte(`"begun"`), []byte(`"Begun"`), 1))
	}
	f.Fuzz(mutate.Often(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, resum(b)} {
			m, err := decodeMark(b)
			if err != nil {
				continue
			}
			if again, err := encodeMark(m); err != nil || !bytes.Equal(again, b) {
				t.Errorf("%q decodes and encodes to %q, %v", b, again, err)
			}
		}
	}))
}

// resum returns the encoding b of a mark with the right checksum, if it decodes
// as one but for that.
func resum(b []byte) []byte {
	_, rest, ok := bytes.Cut(b, []byte(`"sum": "`))
	if !ok || len(rest) < 64 {
		return b
	}
	at := len(b) - len(rest)
	b = bytes.Clone(b)
	copy(b[at:], blob.ID{}.String())
	m := new(Mark)
	if json.Unmarshal(b, m) != nil {
		return b
	}
	copy(b[at:], m.checksum().String())
	return b
}

// FORMAT has one text a version, and all that is another is refused.
func FuzzFormat(f *testing.F) {
	f.Add(format)
	f.Add("warmstore 2\n")
	f.Add("warmstore 1\nchunks sha256\n")
	f.Add("warmstore 99999999999999999999\n")
	f.Fuzz(mutate.Often(func(t *testing.T, text string) {
		err := decodeFormat(text)
		if known := errors.Is(err, ErrCorrupt) || errors.Is(err, ErrVersion); known == (text == format) {
			t.Errorf("%q: error is %v", text, err)
		}
	}))
}
