package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
	"github.com/warmstore/warmstore/store"
)

// A given is a Tree of files in the root directory.
type given []givenFile

type givenFile struct {
	name    string
	size    int64
	holes   []fsx.Extent
	content io.ReaderAt
}

// Walk visits the root, the files and the end.
func (g given) Walk(visit func(e *manifest.Entry, content io.ReaderAt) error) error {
	root := &manifest.Entry{Kind: manifest.Inode, Meta: fsx.Meta{Type: fsx.Directory, Mode: 0o755}}
	if err := visit(root, nil); err != nil {
		return err
	}
	for _, f := range g {
		e := &manifest.Entry{Kind: manifest.Inode, Name: f.name, Size: f.size, Holes: f.holes,
			Meta: fsx.Meta{Type: fsx.Regular, Mode: 0o644}}
		if err := visit(e, f.content); err != nil {
			return err
		}
	}
	return visit(&manifest.Entry{Kind: manifest.End}, nil)
}

func file(name string, data []byte) givenFile {
	return givenFile{name: name, size: int64(len(data)), content: bytes.NewReader(data)}
}

func takeGiven(t *testing.T, s *store.Store, g given, opts store.SnapshotOptions) (*store.Result, error) {
	return s.Snapshot(t.Context(), "app", []store.Volume{{Name: "data", Path: "/a.tar", Tree: g}}, opts)
}

// TestGivenTreeIsRestored takes what is no directory, with a change as a delta,
// and the time that is asked for.
func TestGivenTreeIsRestored(t *testing.T) {
	s, _ := newStore(t)
	data := noise(random(1), 4<<20)
	at := time.Date(2001, 2, 3, 4, 5, 6, 7, time.FixedZone("", 3600))
	opts := store.SnapshotOptions{Time: at}
	_, err := takeGiven(t, s, given{file("a", nil), file("b", []byte("b")), file("c", data)}, opts)
	check(t, err)
	data[1<<20] ^= 1
	r, err := takeGiven(t, s, given{file("b", []byte("b")), file("c", data)}, opts)
	check(t, err)
	if r.Stats.ChunksDelta != 1 || r.Stats.ChunksNew > 3 {
		t.Errorf("one byte changed: %+v", r.Stats)
	}
	if want := at.UTC().Truncate(time.Second); !r.Record.Time.Equal(want) {
		t.Errorf("it is of %v, want %v", r.Record.Time, want)
	}
	to := t.TempDir()
	restoreTo(t, s, "app", store.ID{}, to)
	if got, err := os.ReadFile(to + "/c"); err != nil || !bytes.Equal(got, data) {
		t.Errorf("restored as %d other bytes (%v)", len(got), err)
	}
	twin := t.TempDir()
	write(t, twin+"/b", []byte("b"))
	write(t, twin+"/c", data)
	got := take(t, s, "twin", twin, store.SnapshotOptions{})
	if got.Record.Bytes() != r.Record.Bytes() || got.Stats.ChunksNew > 1 {
		t.Errorf("the same files in a directory are other chunks: %+v", got.Stats)
	}
}

// TestGivenTreeThatFails leaves the last-good.
func TestGivenTreeThatFails(t *testing.T) {
	s, root := newStore(t)
	r, err := takeGiven(t, s, given{file("a", []byte("a"))}, store.SnapshotOptions{})
	check(t, err)
	before := litter(t, root)
	short := givenFile{name: "short", size: 3 << 20, content: bytes.NewReader(noise(random(2), 2<<20))}
	for name, g := range map[string]given{
		"content ends": {short},
		"names twice":  {file("b", []byte("b")), file("b", []byte("c"))},
	} {
		if _, err := takeGiven(t, s, g, store.SnapshotOptions{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := takeGiven(t, s, given{short}, store.SnapshotOptions{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("content ends: %v", err)
	}
	wantLitter(t, root, before)
	wantLastGood(t, s, "app", r.ID)
}

// TestHugeHoleIsNoWork takes a file of exabytes: neither time nor memory may
// depend on what is not there.
func TestHugeHoleIsNoWork(t *testing.T) {
	s, _ := newStore(t)
	const size = 7 << 60
	data := noise(random(3), 5000)
	for i, at := range []int64{0, 12345, 1 << 40, size - int64(len(data))} {
		hole := fsx.Subtract([]fsx.Extent{{Length: size}}, []fsx.Extent{{Offset: at, Length: int64(len(data))}})
		f := givenFile{name: "huge", size: size, holes: hole, content: shifted{bytes.NewReader(data), at, size}}
		r, err := takeGiven(t, s, given{f}, store.SnapshotOptions{})
		check(t, err)
		if r.Record.Bytes() != size || r.Stats.BytesRead > 64<<20 {
			t.Errorf("%d: %d bytes, of which %d were read", i, r.Record.Bytes(), r.Stats.BytesRead)
		}
	}
}

// shifted is data at an offset in a file of zeros.
type shifted struct {
	data *bytes.Reader
	at   int64
	size int64
}

// ReadAt reads zeros around the data.
func (s shifted) ReadAt(p []byte, offset int64) (int, error) {
	if offset+int64(len(p)) > s.size {
		return 0, fmt.Errorf("%d bytes at %d of %d", len(p), offset, s.size)
	}
	clear(p)
	from, to := max(offset, s.at), min(offset+int64(len(p)), s.at+s.data.Size())
	if from < to {
		return len(p), readFull(s.data, p[from-offset:to-offset], from-s.at)
	}
	return len(p), nil
}

func readFull(r io.ReaderAt, p []byte, offset int64) error {
	_, err := r.ReadAt(p, offset)
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
