// Package store is the engine of warmstore: it takes snapshots of the volumes
// of apps into a store of deduplicated, compressed chunks, and hands them out
// again. FORMAT.md describes what is on disk and why it survives a crash;
// ARCHITECTURE.md follows a snapshot through the packages.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/pack"
)

// Dir is the directory of a store below the root it is created in. Whatever
// else is in the root belongs to others.
const Dir = ".warmstore"

// The first line of file FORMAT, and the whole of it in this version.
const (
	formatName = "warmstore"
	format     = formatName + " 1\nchunks blake3-256\nblobs zstd\n"
)

// Options configure a Store. The zero value works.
type Options struct {
	Wait    time.Duration // for locks that others hold; 0: fail at once
	Workers int           // that read, hash and compress; 0: one a processor
	// Cache is how many bytes a snapshot may read before it keeps what it reads
	// out of the page cache; 0: a quarter of the machine's memory.
	Cache int64
	// Notice is called with a line that an operator should see, if set: the
	// store healed itself.
	Notice func(line string)
}

// A Store is a directory of snapshots. It holds no file open between calls and
// is safe for concurrent use by goroutines and processes.
type Store struct {
	dir   string
	opts  Options
	index index.DB
	packs pack.Dir
	watch func(point) // what a test does at a point; nil: nothing
}

func at(dir string, opts Options) *Store {
	if opts.Workers <= 0 {
		opts.Workers = runtime.GOMAXPROCS(0)
	}
	return &Store{
		dir:   dir,
		opts:  opts,
		index: index.DB(filepath.Join(dir, "index.db")),
		packs: pack.Dir(filepath.Join(dir, "blobs")),
	}
}

// Open opens the store in root. If there is none, the error is ErrNotFound.
func Open(root string, opts Options) (*Store, error) {
	s := at(filepath.Join(root, Dir), opts)
	if err := checkOwner(root); err != nil {
		return nil, err
	}
	if err := checkOwner(s.dir); err != nil {
		return nil, err
	}
	return s, s.checkFormat()
}

// Create makes a store in root, which is made too if need be, and opens it. A
// store that exists is opened.
func Create(root string, opts Options) (*Store, error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("%w: warmstore must run as root to keep the owners of files", ErrUnsafe)
	}
	err := fsx.MkdirAll(root, 0o755)
	if errors.Is(err, fsx.ErrNotDirectory) || errors.Is(err, syscall.ENOTDIR) {
		return nil, fmt.Errorf("create store: %w: %w", ErrInvalid, err)
	}
	if err != nil {
		return nil, fmt.Errorf("create store: %w", full(err))
	}
	s, err := Open(root, opts)
	if !errors.Is(err, ErrNotFound) {
		return s, err
	}
	if err := create(root); err != nil {
		return nil, fmt.Errorf("create store in %s: %w", root, full(err))
	}
	return Open(root, opts)
}

// create fills a directory beside the store's and renames it when it is
// complete and durable: a store exists whole or not at all. Writing FORMAT, the
// last of it, makes the names of the others durable too.
func create(root string) error {
	tmp, err := os.MkdirTemp(root, Dir+"-new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	for _, dir := range []string{"lock", "lock/apps", "snapshots", "restoring", "witness", "state", "tmp"} {
		if err := os.Mkdir(filepath.Join(tmp, dir), 0o700); err != nil {
			return err
		}
	}
	s := at(tmp, Options{})
	for _, name := range []string{"store.lock", "gc.lock"} {
		if err := os.WriteFile(s.path("lock", name), nil, 0o600); err != nil {
			return err
		}
	}
	if err := fsx.SyncDir(s.path("lock")); err != nil {
		return err
	}
	if err := s.packs.Make(); err != nil {
		return err
	}
	if err := s.index.Create(); err != nil {
		return err
	}
	if err := s.keepReserve(); err != nil {
		return err
	}
	if err := fsx.WriteFile(s.path("tmp"), s.path("FORMAT"), []byte(format), 0o400); err != nil {
		return err
	}
	err = fsx.Publish(tmp, filepath.Join(root, Dir))
	if errors.Is(err, syscall.ENOTEMPTY) || errors.Is(err, fs.ErrExist) {
		return nil // another process was first
	}
	return err
}

func (s *Store) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// checkOwner refuses a directory that others than root can write: they could
// replace what root restores.
func checkOwner(dir string) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%w: warmstore must run as root to keep the owners of files", ErrUnsafe)
	}
	info, err := os.Lstat(dir)
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("%w: store %s: %w", ErrInvalid, dir, err)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("store %s %w", dir, ErrNotFound)
	case err != nil:
		return fmt.Errorf("open store: %w", err)
	case info.Mode()&fs.ModeSymlink != 0:
		if info, err = os.Stat(dir); err != nil {
			return fmt.Errorf("open store: %w", err)
		}
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%w: store %s is not a directory", ErrInvalid, dir)
	case !ok || stat.Uid != 0:
		return fmt.Errorf("%w: %s does not belong to root", ErrUnsafe, dir)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%w: %s is writable by others than root", ErrUnsafe, dir)
	}
	return nil
}

func (s *Store) checkFormat() error {
	b, err := os.ReadFile(s.path("FORMAT"))
	if err != nil {
		return fmt.Errorf("open store: %w", missing(err))
	}
	if err := decodeFormat(string(b)); err != nil {
		return fmt.Errorf("open store %s: %w", s.dir, err)
	}
	return nil
}

// decodeFormat returns an error unless text is the FORMAT of this version.
func decodeFormat(text string) error {
	if text == format {
		return nil
	}
	line, _, _ := strings.Cut(text, "\n")
	var version int
	if _, err := fmt.Sscanf(line, formatName+" %d", &version); err != nil || version <= 0 {
		return fmt.Errorf("FORMAT says %.40q: %w", line, ErrCorrupt)
	}
	if version == 1 {
		return fmt.Errorf("FORMAT: %w", ErrCorrupt)
	}
	return fmt.Errorf("store is %w (%d)", ErrVersion, version)
}
