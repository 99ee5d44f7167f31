package witness

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
)

// files are how two files look to stat; the first of them is number 0.
func files() []fsx.Identity {
	at := func(sec int64) fsx.Time { return fsx.Time{Sec: sec, Nsec: 5} }
	return []fsx.Identity{
		{Dev: 7, Mount: 9, Ino: 11, Size: 3, ModTime: at(1), ChangeTime: at(2), BirthTime: at(3)},
		{Dev: 7, Mount: 9, Ino: 12, Size: 4, ModTime: at(1), ChangeTime: at(2), BirthTime: at(3)},
	}
}

// publish writes a witness of the files and returns its path and snapshot.
func publish(t *testing.T) (path string, snapshot blob.ID) {
	t.Helper()
	dir := t.TempDir()
	path, snapshot = filepath.Join(dir, "witness"), blob.Sum([]byte("snapshot"))
	w, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i, id := range files() {
		w.Put(int64(i), &id)
	}
	if err := w.Publish(path, snapshot, fsx.Identity{Dev: 7, Mount: 9}, fsx.Time{Sec: 100}); err != nil {
		t.Fatal(err)
	}
	return path, snapshot
}

// known counts the files that the witness at path knows as they look.
func known(path string, snapshot blob.ID) (n int) {
	r := Open(path, snapshot, fsx.Identity{Dev: 7, Mount: 9})
	defer r.Close()
	for i, id := range files() {
		if r.Same(int64(i), id.Size, id.ModTime, &id) {
			n++
		}
	}
	return n
}

// Damage is never taken for a file that did not change: a file is unknown if any
// byte of its record is another, and all are if a byte of the header is.
func TestDamagedWitnessKnowsLess(t *testing.T) {
	path, snapshot := publish(t)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := known(path, snapshot); n != len(files()) {
		t.Fatalf("%d files are known", n)
	}
	for at := range good[:headerSize+len(files())*recordSize] {
		for _, bit := range []byte{1, 0x80} {
			bad := append([]byte{}, good...)
			bad[at] ^= bit
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			want := len(files()) - 1
			if at < headerSize {
				want = 0
			}
			if n := known(path, snapshot); n != want {
				t.Fatalf("byte %d flipped: %d files are known, want %d", at, n, want)
			}
		}
	}
	for n := range good[:headerSize+len(files())*recordSize] {
		if err := os.WriteFile(path, good[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if got, most := known(path, snapshot), max(0, n-headerSize)/recordSize; got > most {
			t.Fatalf("cut to %d bytes: %d files are known", n, got)
		}
	}
}

func TestWitnessIsOfOneSnapshotAndOneMount(t *testing.T) {
	path, snapshot := publish(t)
	for name, r := range map[string]*Reader{
		"snapshot": Open(path, blob.Sum([]byte("other")), fsx.Identity{Dev: 7, Mount: 9}),
		"device":   Open(path, snapshot, fsx.Identity{Dev: 8, Mount: 9}),
		"mount":    Open(path, snapshot, fsx.Identity{Dev: 7, Mount: 10}),
		"path":     Open(path+" none", snapshot, fsx.Identity{Dev: 7, Mount: 9}),
	} {
		if r != nil {
			t.Errorf("it is taken for that of another %s", name)
		}
	}
	r := Open(path, snapshot, fsx.Identity{Dev: 7, Mount: 9})
	defer r.Close()
	swapped := files()[1]
	if r.Same(0, swapped.Size, swapped.ModTime, &swapped) || r.Same(2, swapped.Size, swapped.ModTime, &swapped) {
		t.Error("a record is taken for another's")
	}
}
