package faults

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/pack"
)

// prepare makes the stage of this name of a disk with nothing but empty
// directories on it.
func (r *Rig) prepare(name string, st *Stage, seed uint64) error {
	gc, snapshot := []string{"gc", "--min-garbage", "1"}, append([]string{"snapshot", app}, r.dirs()...)
	switch name {
	case "volumes":
		return r.version(st, seed, 1) // of them, and no store
	case "stored":
		return r.stored(st, seed)
	case "garbage":
		return r.garbage(st, seed)
	case "base gone":
		return r.baseGone(st, seed)
	case "damaged":
		return r.damaged(st, seed)
	case "pack damaged":
		return r.packDamaged(st, seed)
	case "snapshot killed":
		return errors.Join(r.from("stored", st, seed), r.killed("renameat", "/snapshots/", snapshot...))
	case "restore killed":
		return errors.Join(r.from("stored", st, seed), r.killed("", "/data/renamed", "restore", app))
	case "gc killed":
		return errors.Join(r.from("garbage", st, seed), r.killed("unlinkat", "/blobs/", gc...))
	case "repair killed":
		return errors.Join(r.from("damaged", st, seed), r.killed("renameat", "", "repair"))
	}
	return fmt.Errorf("no stage %q", name)
}

// from begins with another stage.
func (r *Rig) from(name string, st *Stage, seed uint64) error {
	base, err := r.Stage(name, seed)
	if err != nil {
		return err
	}
	st.versions, st.bystand = maps.Clone(base.versions), base.bystand
	return r.Load(base.image)
}

// stored is a store with two states of the app and one of the other app; the
// volumes have changed again since.
func (r *Rig) stored(st *Stage, seed uint64) error {
	snapshot := append([]string{"snapshot", app, "--keep", "2"}, r.dirs()...)
	err := os.WriteFile(r.Path(otherName, "file"), fmt.Appendf(nil, "of the other app, seed %d", seed), 0o644)
	for n := 1; n <= 2 && err == nil; n++ {
		if err = r.version(st, seed, n); err == nil {
			err = r.must(snapshot...)
		}
	}
	if err != nil {
		return err
	}
	if err := r.must("snapshot", other, "--dir", otherName+"="+r.Path(otherName)); err != nil {
		return err
	}
	if st.bystand, err = List(r.Root, otherName); err != nil {
		return err
	}
	return r.version(st, seed, 3)
}

// garbage is a store whose app keeps one snapshot only of three, the last of
// which was taken of version 2 again.
func (r *Rig) garbage(st *Stage, seed uint64) error {
	if err := r.from("stored", st, seed); err != nil {
		return err
	}
	if err := r.keep(revivedName, "data/blob", "data/fresh/file"); err != nil {
		return err
	}
	for _, args := range [][]string{
		append([]string{"snapshot", "third", "--no-gc"}, r.dirs()...),
		{"restore", app},
		append([]string{"snapshot", app, "--no-gc"}, r.dirs()...),
		{"forget", "third", "--no-gc"},
	} {
		if err := r.must(args...); err != nil {
			return err
		}
	}
	return nil
}

// baseGone is a store with a delta that nothing needs, and whose base gc has dropped:
// what it encodes is in the volumes again.
func (r *Rig) baseGone(st *Stage, seed uint64) error {
	const dir = "comes-back"
	b := &builder{dir: r.Path(dir), dice: rand.New(rand.NewPCG(seed, 0))}
	pages := b.noise(64 << 10)
	changed := bytes.Clone(pages)
	copy(changed[1000:], b.noise(100))
	take := func() {
		b.try(r.must("snapshot", "third", "--no-gc", "--dir", dir+"="+r.Path(dir)))
	}
	b.try(r.from("stored", st, seed), os.Mkdir(r.Path(dir), 0o755))
	b.file("pages", pages)
	take()
	b.file("pages", changed)
	b.file("stays", b.noise(200_000)) // in one pack with the delta, so that it is hardly garbage
	take()
	b.file("pages", b.noise(64<<10))
	take()
	b.try(r.must("gc", "--min-garbage", "50"))
	b.try(os.WriteFile(r.Path(volumesName, "data", "pages"), changed, 0o644))
	listed, err := r.volumes()
	st.versions[3] = listed
	return errors.Join(b.err, err)
}

// damaged is a store whose index holds nothing but zeros.
func (r *Rig) damaged(st *Stage, seed uint64) error {
	if err := r.from("stored", st, seed); err != nil {
		return err
	}
	return os.WriteFile(r.Path(storeName, ".warmstore", "index.db"), make([]byte, 32<<10), 0o600)
}

// packDamaged is a store in which one bit of one blob is not what it was. The
// volumes still have what it held, and the other app needs other blobs of that
// pack.
func (r *Rig) packDamaged(st *Stage, seed uint64) error {
	err := r.from("stored", st, seed)
	if err == nil {
		err = r.must("restore", app)
	}
	if err == nil {
		err = r.keep(otherName, "data/notes")
	}
	if err == nil {
		err = r.must("snapshot", other, "--no-gc", "--dir", otherName+"="+r.Path(otherName))
	}
	if err == nil {
		st.bystand, err = List(r.Root, otherName)
	}
	if err == nil {
		err = r.flip("conf/app.toml")
	}
	return err
}

// flip changes one bit of the blob that a file of the volumes is stored as.
func (r *Rig) flip(name string) error {
	content, err := os.ReadFile(r.Path(volumesName, name))
	if err != nil {
		return err
	}
	dir := pack.Dir(r.Path(storeName, ".warmstore", "blobs"))
	for f, err := range dir.List() {
		if err != nil {
			return err
		}
		reader, err := dir.Open(f.ID)
		if err != nil {
			return err
		}
		tail, err := reader.Tail()
		if err = errors.Join(err, reader.Close()); err != nil {
			return err
		}
		for i := range tail.Len() {
			if e := tail.Entry(i); e.ID == blob.Sum(content) {
				return flipBit(f.Path, int64(e.Offset)+int64(e.Stored/2))
			}
		}
	}
	return fmt.Errorf("no pack holds %s", name)
}

func flipBit(path string, offset int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	b := make([]byte, 1)
	_, err = f.ReadAt(b, offset)
	if err == nil {
		b[0] ^= 1
		_, err = f.WriteAt(b, offset)
	}
	return errors.Join(err, f.Close())
}

// keep copies files of the volumes into a directory on the disk.
func (r *Rig) keep(dir string, names ...string) error {
	err := os.MkdirAll(r.Path(dir), 0o755)
	for _, name := range names {
		b, failed := os.ReadFile(r.Path(volumesName, name))
		if err = errors.Join(err, failed); err == nil {
			err = os.WriteFile(r.Path(dir, filepath.Base(name)), b, 0o644)
		}
	}
	return err
}

// version makes version n of the volumes and lists it.
func (r *Rig) version(st *Stage, seed uint64, n int) (err error) {
	if err := build(r.Path(volumesName), seed, n); err != nil {
		return err
	}
	st.versions[n], err = r.volumes()
	return err
}

// killed runs a command that is killed at the first call of a name that is on a
// file whose path contains text.
func (r *Rig) killed(call, text string, args ...string) error {
	o, err := r.traced(&ambush{call: call, text: text}, args...)
	if err == nil && o.Code != -1 {
		err = fmt.Errorf("%q: there was no %s of %s to kill it at: exit %d: %s", args, call, text, o.Code, o.Stderr)
	}
	return err
}
