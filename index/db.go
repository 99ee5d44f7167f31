// Package index keeps the database of a store: which pack holds a chunk, and
// which snapshots an app has. It is a bbolt file whose values are copies of
// pack footers and lists of snapshots, so that it can always be rebuilt; its
// transactions are the commit points of the store. FORMAT.md section 6 is the
// layout.
package index

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/warmstore/warmstore/internal/planted"
)

// lockTimeout bounds the wait for another process's transaction. They take
// milliseconds; one that takes a minute is hanging.
const lockTimeout = time.Minute

// A DB is the path of a database. The file is open for the time of one
// transaction only, since an open bbolt file excludes every other process. A
// DB is safe for concurrent use.
type DB string

// Create makes an empty database. It fails with fs.ErrExist if there is a file.
// The caller makes its name durable.
func (db DB) Create() error {
	if _, err := os.Lstat(string(db)); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("create index %s: %w", string(db), fs.ErrExist)
	}
	return db.transact("create", &bbolt.Options{}, func(bolt *bbolt.DB) error {
		return bolt.Update(makeBuckets)
	})
}

// View calls f with a read-only transaction. What f keeps of it must be copied.
func (db DB) View(f func(*Tx) error) error {
	return db.call("read", &bbolt.Options{ReadOnly: true}, (*bbolt.DB).View, f)
}

// Update calls f with a transaction that is committed, durably, if f returns
// nil. If the commit itself fails, the database holds the old state or the new
// one, and nobody knows which until it is read again.
func (db DB) Update(f func(*Tx) error) error {
	return db.call("update", &bbolt.Options{NoSync: planted.Bug("index fsync")}, (*bbolt.DB).Update, f)
}

// call begins a transaction for f. The error of f comes back as it is.
func (db DB) call(verb string, opts *bbolt.Options,
	begin func(*bbolt.DB, func(*bbolt.Tx) error) error, f func(*Tx) error) error {
	var own error
	err := db.transact(verb, opts, func(bolt *bbolt.DB) error {
		return begin(bolt, func(tx *bbolt.Tx) error {
			own = within(tx, f)
			return own
		})
	})
	if own != nil {
		return own
	}
	return err
}

// transact opens the file, calls f and closes it. bbolt trusts its pages: it
// panics on some damaged ones, and faults on a file cut short. Both are
// ErrCorrupt here, and the file's lock is given back.
func (db DB) transact(verb string, opts *bbolt.Options, f func(*bbolt.DB) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s index: %w", verb, err)
		}
	}()
	if verb != "create" {
		if err := db.stat(); err != nil {
			return err
		}
	}
	opts.Timeout = lockTimeout
	opts.FreelistType = bbolt.FreelistMapType
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: %v", ErrCorrupt, cause)
		}
	}()
	bolt, file, err := open(string(db), opts)
	if err != nil {
		return damaged(err)
	}
	defer func() { err = errors.Join(err, bolt.Close()) }()
	if verb != "create" {
		if err := checkFile(file, bolt.Info().PageSize); err != nil {
			return err
		}
	}
	return f(bolt)
}

// open opens the file. If bbolt panics on it, the lock it took is given back:
// its mapping of the file would keep the lock although the file is closed. The
// file is the database's.
func open(path string, opts *bbolt.Options) (bolt *bbolt.DB, file *os.File, err error) {
	opts.OpenFile = func(name string, flag int, perm os.FileMode) (opened *os.File, err error) {
		file, err = os.OpenFile(name, flag, perm)
		return file, err
	}
	opened := false
	defer func() {
		if !opened && file != nil {
			syscall.Flock(int(file.Fd()), syscall.LOCK_UN)
			file.Close()
		}
	}()
	bolt, err = bbolt.Open(path, 0o600, opts)
	opened = true // or closed by bbolt
	return bolt, file, err
}

// checkFile makes sure that bbolt can be trusted with the pages of the file,
// which is locked.
func checkFile(file *os.File, pageSize int) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	return checkPages(file, info.Size(), pageSize)
}

// stat keeps bbolt from making a new, empty database where one is missing.
func (db DB) stat() error {
	info, err := os.Stat(string(db))
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return fmt.Errorf("%w: %s is missing or empty", ErrCorrupt, string(db))
	}
	return err
}

// damaged says ErrCorrupt for the errors with which bbolt refuses a file: all
// but those of the system, and that of a lock that is held too long.
func damaged(err error) error {
	var path *fs.PathError
	var number syscall.Errno
	if errors.As(err, &path) || errors.As(err, &number) || errors.Is(err, bolterrors.ErrTimeout) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}
