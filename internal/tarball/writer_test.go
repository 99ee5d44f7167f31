package tarball

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"testing"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
)

// TestRoundTrip writes and reads a volume, which must be the same, and a tar
// that must be the same again.
func TestRoundTrip(t *testing.T) {
	v := everything()
	archive, omitted := v.write(t)
	if omitted != nil {
		t.Errorf("left out: %q", omitted)
	}
	again := read(t, archive)
	if !bytes.Equal(again.encode(t), v.encode(t)) {
		t.Error("the manifest is another one")
	}
	for i := range v.entries {
		if got, want := fmt.Sprintf("%.300q", fmt.Sprintf("%+v", again.entries[i])),
			fmt.Sprintf("%.300q", fmt.Sprintf("%+v", v.entries[i])); got != want {
			t.Errorf("read %s\nwant %s", got, want)
		}
	}
	if second, _ := again.write(t); !bytes.Equal(second, archive) {
		t.Error("the tar is another one")
	}
}

// TestGolden pins the bytes, so that a change of them is made knowingly: an
// export is the same whichever version made it.
func TestGolden(t *testing.T) {
	archive, _ := everything().write(t)
	const want = "b92e56c12b7a2cd119d5534685c57253b59c7b4ea91ee0a7409677333ca32b82"
	if got := fmt.Sprintf("%x", sha256.Sum256(archive)); got != want {
		t.Errorf("the tar is %s, want %s", got, want)
	}
}

// TestSocketsAreOmitted leaves out sockets, by all their names, and nothing else.
func TestSocketsAreOmitted(t *testing.T) {
	v := new(volume)
	v.add(inode(fsx.Directory, ""), "")
	v.add(inode(fsx.Socket, "alone"), "")
	e := inode(fsx.Socket, "first")
	e.Group = 1
	v.add(e, "")
	v.add(inode(fsx.Regular, "kept"), "x")
	v.add(manifest.Entry{Kind: manifest.Link, Name: "second", Group: 1}, "")
	v.add(end, "")
	archive, omitted := v.write(t)
	if !slices.Equal(omitted, []string{"alone", "first", "second"}) {
		t.Errorf("left out: %q", omitted)
	}
	if got := len(read(t, archive).entries); got != 3 {
		t.Errorf("%d entries are left", got)
	}
}

// TestLongMap writes a file with more holes than a map may have.
func TestLongMap(t *testing.T) {
	v := new(volume)
	v.add(inode(fsx.Directory, ""), "")
	e := inode(fsx.Regular, "holes")
	const n = 200_000
	for i := range int64(n) {
		e.Holes = append(e.Holes, fsx.Extent{Offset: 100 * i, Length: 99 - i%2})
	}
	e.Holes = append(e.Holes, fsx.Extent{Offset: 100 * n, Length: 1 << 20})
	v.add(e, string(make([]byte, 100*n+1<<20)))
	v.add(end, "")
	archive, _ := v.write(t)
	got := read(t, archive).entries[1]
	want := []fsx.Extent{e.Holes[0], e.Holes[n]} // the others are small, and between data
	if !slices.Equal(got.Holes, want) || got.Size != 100*n+1<<20 {
		t.Errorf("%d holes are left of %d bytes, among them %v", len(got.Holes), got.Size, got.Holes[:2])
	}
}

// TestTooManyAttributes refuses to write what nobody could read.
func TestTooManyAttributes(t *testing.T) {
	v := new(volume)
	e := inode(fsx.Directory, "")
	for i := range 20 {
		x := fsx.Xattr{Name: fmt.Sprintf("user.%c", 'a'+i), Value: make([]byte, 1<<16)}
		e.Meta.Xattrs = append(e.Meta.Xattrs, x)
	}
	v.add(e, "")
	v.add(end, "")
	if _, err := Write(t.Context(), io.Discard, bytes.NewReader(v.encode(t)), v); err == nil {
		t.Error("no error")
	}
}

// TestFormatTime compares decimals with what archive/tar reads of them.
func TestFormatTime(t *testing.T) {
	for text, at := range map[string]fsx.Time{
		"0": {}, "1.5": {Sec: 1, Nsec: 5e8}, "-1": {Sec: -1}, "-0.000000001": {Sec: -1, Nsec: 999_999_999},
		"-1.25": {Sec: -2, Nsec: 75e7}, "100.00000001": {Sec: 100, Nsec: 10},
	} {
		if got := formatTime(at); got != text {
			t.Errorf("%v is %s, want %s", at, got, text)
		}
	}
}
