package faults

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// The two volumes of the app are directories below that of this name.
const volumesName = "volumes"

// volumeNames are the app's.
var volumeNames = []string{"conf", "data"}

// A builder makes the states of the volumes: version 1, and from each the next.
// It does nothing more after the first error.
type builder struct {
	dir  string
	dice *rand.Rand
	err  error
}

// build makes version n of the volumes below dir, of the version before it.
func build(dir string, seed uint64, n int) error {
	b := &builder{dir: dir, dice: rand.New(rand.NewPCG(seed, uint64(n)))}
	switch n {
	case 1:
		b.first()
	case 2:
		b.second()
	default:
		b.third()
	}
	b.age()
	if b.err != nil {
		return fmt.Errorf("build version %d of the volumes: %w", n, b.err)
	}
	return nil
}

func (b *builder) first() {
	b.try(os.MkdirAll(b.at("data/sub/deep"), 0o755), os.MkdirAll(b.at("conf"), 0o750))
	b.file("conf/app.toml", b.noise(300))
	b.file("conf/secret", b.noise(40))
	b.file("data/notes", b.noise(1000+b.dice.IntN(5000)))
	b.file("data/blob", b.noise(150_000+b.dice.IntN(50_000)))
	b.file("data/app.db", append([]byte("SQLite format 3\x00"), bytes.Repeat(b.noise(4096), 16)[16:]...))
	b.file("data/sub/one", b.noise(200))
	b.file("data/sub/two", b.noise(200))
	b.file("data/sub/deep/three", nil)
	b.try(os.Symlink("sub/one", b.at("data/link")), os.Link(b.at("data/sub/two"), b.at("data/two")))
	b.try(unix.Mkfifo(b.at("data/pipe"), 0o640), os.Lchown(b.at("data/notes"), 1000, 1001))
	b.try(unix.Lsetxattr(b.at("data/blob"), "user.kind", []byte("noise"), 0))
	b.try(unix.Chmod(b.at("conf/secret"), 0o4710))
}

func (b *builder) second() {
	b.patch("data/app.db", int64(4096*(1+b.dice.IntN(15))), b.noise(100))
	b.file("data/notes", b.noise(900+b.dice.IntN(5000)))
	b.file("data/sub/four", b.noise(2000))
	b.try(os.Remove(b.at("data/sub/two")), os.Remove(b.at("data/link")), os.Symlink("sub/four", b.at("data/link")))
	b.try(unix.Lsetxattr(b.at("data/sub/one"), "user.kind", []byte("changed"), 0))
	b.file("conf/app.toml", b.noise(310))
}

func (b *builder) third() {
	b.patch("data/app.db", int64(4096*(1+b.dice.IntN(15))), b.noise(5000))
	b.patch("data/blob", int64(b.dice.IntN(100_000)), b.noise(9000))
	b.try(unix.Lremovexattr(b.at("data/blob"), "user.kind"))
	b.try(os.Rename(b.at("data/notes"), b.at("data/renamed")), os.RemoveAll(b.at("data/sub/deep")))
	b.try(os.Mkdir(b.at("data/fresh"), 0o700), os.Link(b.at("data/renamed"), b.at("data/fresh/again")))
	b.file("data/fresh/file", b.noise(3000+b.dice.IntN(90_000)))
	b.try(os.Remove(b.at("data/pipe")), os.Mkdir(b.at("data/pipe"), 0o711))
	b.try(unix.Chmod(b.at("conf/secret"), 0o600), os.Remove(b.at("conf/app.toml")))
}

// age gives all names times of the past that depend on nothing but the seed:
// whatever is not restored is seen.
func (b *builder) age() {
	at := time.Unix(1_600_000_000+int64(b.dice.IntN(1_000_000)), int64(b.dice.IntN(1_000_000_000)))
	var dirs []string
	for _, name := range volumeNames {
		err := filepath.WalkDir(b.at(name), func(path string, _ os.DirEntry, err error) error {
			dirs = append(dirs, path)
			return err
		})
		b.try(err)
	}
	for _, path := range dirs {
		ts := unix.NsecToTimespec(at.UnixNano())
		b.try(unix.UtimesNanoAt(unix.AT_FDCWD, path, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW))
	}
}

func (b *builder) at(name string) string { return filepath.Join(b.dir, name) }

func (b *builder) try(errs ...error) { b.err = errors.Join(append([]error{b.err}, errs...)...) }

func (b *builder) file(name string, data []byte) { b.try(os.WriteFile(b.at(name), data, 0o644)) }

func (b *builder) patch(name string, offset int64, data []byte) {
	f, err := os.OpenFile(b.at(name), os.O_WRONLY, 0)
	if err != nil {
		b.try(err)
		return
	}
	_, err = f.WriteAt(data, offset)
	b.try(err, f.Close())
}

func (b *builder) noise(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(b.dice.Uint32())
	}
	return data
}
