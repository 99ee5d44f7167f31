package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/warmstore/warmstore/restore"
	"github.com/warmstore/warmstore/store"
)

// newStore makes a store in a new root.
func newStore(t *testing.T) (s *store.Store, root string) {
	t.Helper()
	root = filepath.Join(t.TempDir(), "warm")
	return open(t, root), root
}

// open opens the store in root, which it makes if need be.
func open(t *testing.T, root string) *store.Store {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("the store keeps the owners of files, so its tests need root")
	}
	s, err := store.Create(root, store.Options{})
	check(t, err)
	return s
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// take takes a snapshot, which must succeed.
func take(t *testing.T, s *store.Store, app, path string, opts store.SnapshotOptions) *store.Result {
	t.Helper()
	r, err := s.Snapshot(t.Context(), app, []store.Volume{{Name: "data", Path: path}}, opts)
	check(t, err)
	return r
}

// restoreTo restores volume data of a snapshot, the last-good if id is zero.
func restoreTo(t *testing.T, s *store.Store, app string, id store.ID, path string) {
	t.Helper()
	c, err := s.Checkout(t.Context(), app, id, true)
	check(t, err)
	defer c.Close()
	_, err = restore.Run(t.Context(), c, []restore.Target{{Volume: "data", Path: path}}, restore.Options{Journal: c})
	check(t, err)
}

// wantRestored fails unless the snapshot restores to want.
func wantRestored(t *testing.T, s *store.Store, app string, id store.ID, want listing) {
	t.Helper()
	dir := t.TempDir()
	restoreTo(t, s, app, id, dir)
	want.same(t, list(t, dir))
}

// A listing says of each path of a tree all that a snapshot keeps. What makes
// it shares no code with the store.
type listing map[string]string

func list(t *testing.T, root string) listing {
	t.Helper()
	l := listing{}
	first := map[uint64]string{} // path by inode
	check(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, root)
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		text := fmt.Sprintf("%o %d:%d %d.%09d", st.Mode, st.Uid, st.Gid, st.Mtim.Sec, st.Mtim.Nsec)
		buf := make([]byte, 100)
		if n, err := unix.Lgetxattr(path, "trusted.warm", buf); err == nil {
			text += " xattr " + string(buf[:n])
		}
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += fmt.Sprintf(" %d %x", len(b), sha256.Sum256(b))
		case unix.S_IFLNK:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			text += " -> " + target
		case unix.S_IFBLK, unix.S_IFCHR:
			text += fmt.Sprintf(" device %d", st.Rdev)
		}
		if st.Mode&unix.S_IFMT != unix.S_IFDIR && st.Nlink > 1 {
			if first[st.Ino] == "" {
				first[st.Ino] = name
			}
			text += " linked as " + first[st.Ino]
		}
		l[name] = text
		return nil
	}))
	return l
}

// same fails for each path that differs.
func (l listing) same(t *testing.T, got listing) {
	t.Helper()
	for path, want := range l {
		if got[path] != want {
			t.Errorf("%q is  %s\n want %s", path, got[path], want)
		}
	}
	for path, is := range got {
		if _, ok := l[path]; !ok {
			t.Errorf("%q is there: %s", path, is)
		}
	}
}

// litter returns the files of a store that come and go with snapshots: packs,
// records and what is unfinished, with their sizes.
func litter(t *testing.T, root string) []string {
	t.Helper()
	var found []string
	for _, dir := range []string{"blobs", "snapshots", "tmp", "restoring"} {
		dir = filepath.Join(root, store.Dir, dir)
		check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err == nil {
				found = append(found, fmt.Sprintf("%s %d", strings.TrimPrefix(path, root), info.Size()))
			}
			return err
		}))
	}
	return found
}

// wantLitter fails unless the store has the files that it had.
func wantLitter(t *testing.T, root string, before []string) {
	t.Helper()
	if now := litter(t, root); !slices.Equal(now, before) {
		t.Errorf("the store has files\n%s\nwant\n%s", strings.Join(now, "\n"), strings.Join(before, "\n"))
	}
}

// wantLastGood fails unless the app's last-good is id, and complete.
func wantLastGood(t *testing.T, s *store.Store, app string, id store.ID) {
	t.Helper()
	got, _, err := s.LastGood(app)
	check(t, err)
	if got != id {
		t.Errorf("last-good is %s, want %s", got.Short(), id.Short())
	}
	if err := s.Has(context.Background(), app); err != nil {
		t.Errorf("last-good is not complete: %v", err)
	}
}

// noise returns n bytes that no compression shortens.
func noise(rng *rand.Rand, n int) []byte {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], rng.Uint64())
	b := make([]byte, n)
	rand.NewChaCha8(seed).Read(b)
	return b
}

func random(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	check(t, os.MkdirAll(filepath.Dir(path), 0o755))
	check(t, os.WriteFile(path, data, 0o644))
}

// A forest grows and changes a tree at random.
type forest struct {
	t     *testing.T
	rng   *rand.Rand
	root  string
	dirs  []string
	files []string // regular ones
	named int
}

func newForest(t *testing.T, seed uint64) *forest {
	root := t.TempDir()
	return &forest{t: t, rng: random(seed), root: root, dirs: []string{root}}
}

// content makes content of each kind that the chunkers tell apart.
func (f *forest) content() []byte {
	switch f.rng.IntN(6) {
	case 0:
		return nil
	case 1:
		return make([]byte, f.rng.IntN(1<<20)) // zeros
	case 2:
		return noise(f.rng, 4096*(256+f.rng.IntN(64))) // pages
	case 3:
		return noise(f.rng, f.rng.IntN(2<<20))
	case 4:
		return []byte(strings.Repeat("the same line\n", f.rng.IntN(50_000)))
	}
	return noise(f.rng, f.rng.IntN(10_000))
}

// grow adds n entries of all kinds.
func (f *forest) grow(n int) {
	f.t.Helper()
	for range n {
		f.named++
		name := fmt.Sprintf("%c%d\xff \n", "aZ.-é"[f.rng.IntN(4)], f.named)
		path := filepath.Join(f.dirs[f.rng.IntN(len(f.dirs))], name)
		switch f.rng.IntN(9) {
		case 0, 1:
			check(f.t, os.Mkdir(path, 0o755))
			f.dirs = append(f.dirs, path)
		case 2:
			check(f.t, os.Symlink(fmt.Sprintf("../%d\n", f.rng.IntN(9)), path))
		case 3:
			check(f.t, unix.Mkfifo(path, 0o640))
		case 4:
			check(f.t, unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))))
		case 5:
			if len(f.files) > 0 {
				check(f.t, os.Link(f.files[f.rng.IntN(len(f.files))], path))
				continue
			}
			fallthrough
		default:
			check(f.t, os.WriteFile(path, f.content(), 0o644))
			f.files = append(f.files, path)
		}
		f.dress(path)
	}
}

// dress gives an entry metadata at random.
func (f *forest) dress(path string) {
	f.t.Helper()
	check(f.t, os.Lchown(path, f.rng.IntN(3)*1000, f.rng.IntN(3)*1000))
	info, err := os.Lstat(path)
	check(f.t, err)
	if info.Mode()&fs.ModeSymlink == 0 {
		check(f.t, unix.Chmod(path, uint32(f.rng.IntN(0o10000))))
		at := time.Unix(f.rng.Int64N(2e9), f.rng.Int64N(1e9))
		check(f.t, os.Chtimes(path, at, at))
	}
	if f.rng.IntN(3) == 0 {
		check(f.t, unix.Lsetxattr(path, "trusted.warm", noise(f.rng, 1+f.rng.IntN(20)), 0))
	}
}

// change changes, removes and adds entries.
func (f *forest) change() {
	f.t.Helper()
	for path := range maps.All(list(f.t, f.root)) {
		full := f.root + path
		if path == "" || f.rng.IntN(4) > 0 {
			continue
		}
		if _, err := os.Lstat(full); err != nil {
			continue // went with its directory
		}
		if f.rng.IntN(2) == 0 {
			check(f.t, os.RemoveAll(full))
		} else if info, err := os.Lstat(full); err == nil && info.Mode().IsRegular() {
			f.scratch(full)
		} else {
			f.dress(full)
		}
	}
	f.dirs, f.files = []string{f.root}, nil
	f.grow(10)
}

// scratch overwrites a part of a file, perhaps beyond its end.
func (f *forest) scratch(path string) {
	f.t.Helper()
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	check(f.t, err)
	_, err = file.WriteAt(noise(f.rng, 1+f.rng.IntN(5000)), f.rng.Int64N(1<<20))
	check(f.t, err)
	check(f.t, file.Close())
}
