package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// inode returns the inode number of a file.
func inode(t *testing.T, path string) uint64 {
	t.Helper()
	var st unix.Stat_t
	try(t, unix.Lstat(path, &st))
	return st.Ino
}

// TestEveryFileType takes a tree with every kind of file and metadata through
// snapshot and restore: in place after everything was damaged, in place with
// nothing to do, and into an empty directory.
func TestEveryFileType(t *testing.T) {
	need(t, treeTools...)
	volume := freshDir(t, "volume")
	buildTree(t, volume)
	want := refer(t, volume)
	outside := filepath.Join(volume, "../outside") // where a damage makes a directory lead
	tree{t, outside}.file("/precious", []byte("not yours"))

	s := newStore(t)
	s.snapshot(t, "app", dir("data", volume))
	want.same(t, volume) // which a snapshot must not change
	if again := s.snapshot(t, "app", dir("data", volume)); again.ChunksNew > 0 {
		t.Errorf("a second snapshot of an unchanged volume stored %d chunks", again.ChunksNew)
	}

	for _, d := range damages() {
		d.do(t, volume)
	}
	linked := filepath.Join(volume, "../linked") // the name that a damage gave to a file
	before := inode(t, volume)
	s.restore(t, "app", dir("data", volume))
	want.same(t, volume)
	if inode(t, volume) != before {
		t.Error("the volume's directory is another one")
	}
	for path, text := range map[string]string{outside + "/precious": "not yours", linked: "mine"} {
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%s, outside of the volume, is now %q (%v)", path, got, err)
		}
	}

	s.restore(t, "app") // into the recorded directory
	want.same(t, volume)
	to := freshDir(t, "to")
	s.restore(t, "app", "--to", to)
	want.same(t, filepath.Join(to, "data"))
}

// TestEachDamage restores after each kind of damage alone, so that none hides
// behind another.
func TestEachDamage(t *testing.T) {
	need(t, treeTools...)
	volume := freshDir(t, "volume")
	buildTree(t, volume)
	try(t, os.Remove(volume+"/sparse/large"))
	want := refer(t, volume)
	s := newStore(t)
	s.snapshot(t, "app", dir("data", volume))
	for i, d := range damages() {
		if testing.Short() && i%10 != 0 {
			continue
		}
		d.do(t, volume)
		s.run(t, exitDone, "restore", "app")
		if want.differs(t, volume) {
			t.Errorf("restored after: %s", d.name)
			want.same(t, volume)
		}
	}
}

// smallFiles fills a directory with count files of up to 4 KiB, a hundred in a
// directory.
func smallFiles(t *testing.T, root string, count int) {
	t.Helper()
	data := noise(1, 1<<20)
	sizes := rand.New(rand.NewPCG(1, 1))
	for i := range count {
		name := smallName(root, i)
		if i%100 == 0 {
			try(t, os.MkdirAll(filepath.Dir(name), 0o755))
		}
		off := sizes.IntN(len(data) - 4096)
		try(t, os.WriteFile(name, data[off:off+sizes.IntN(4096)], 0o644))
	}
}

// smallName is the name of small file i.
func smallName(root string, i int) string {
	return fmt.Sprintf("%s/d%03d/f%05d", root, i/100, i)
}

// TestManySmallFiles changes 1 % of many files between two snapshots: the second
// must store little, and the restore must bring all of it back.
func TestManySmallFiles(t *testing.T) {
	need(t, "root", "rsync")
	count := 70_000
	if testing.Short() {
		count = 5000
	}
	volume := freshDir(t, "volume")
	smallFiles(t, volume, count)
	s := newStore(t)
	first := s.snapshot(t, "app", dir("data", volume))
	for i := 0; i < count; i += 100 {
		try(t, os.WriteFile(smallName(volume, i), noise(uint64(i), 500), 0o644))
	}
	want := refer(t, volume)
	second := s.snapshot(t, "app", dir("data", volume))
	if second.BytesNew > first.BytesNew/10 {
		t.Errorf("1 %% changed, and %d bytes were new after %d", second.BytesNew, first.BytesNew)
	}

	for i := 0; i < count/100; i += 4 {
		try(t, os.RemoveAll(filepath.Dir(smallName(volume, i*100))))
	}
	for i := 150; i < count; i += 400 {
		try(t, os.WriteFile(smallName(volume, i), []byte("damaged"), 0o600))
		try(t, os.WriteFile(smallName(volume, i)+".extra", nil, 0o644))
	}
	s.restore(t, "app")
	want.same(t, volume)
}
