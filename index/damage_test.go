package index

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/pack"
)

// A victim is a database whose file a test may damage.
type victim struct {
	db    DB
	file  *os.File
	bytes []byte // the whole, undamaged
	apps  []string
	want  []string // what the questions are answered undamaged
	older []string // and what they were before the last commit
}

// newVictim makes a database with enough packs for pages of branches.
func newVictim(t testing.TB, packs int) *victim {
	t.Helper()
	v := &victim{}
	var tails []pack.Tail
	for i := range packs {
		var ids []blob.ID
		for k := range 10 {
			ids = append(ids, numbered("chunk", 10*i+k))
		}
		tails = append(tails, tailOf(t, ids...))
	}
	apps := map[string][]blob.ID{}
	for i := range 5 {
		name := fmt.Sprintf("app%d", i)
		apps[name] = []blob.ID{numbered("snapshot", i), numbered("snapshot", i+1)}
		v.apps = append(v.apps, name)
	}
	v.apps = append(v.apps, "app5") // the last commit's
	v.db = newDB(t, tails, apps)
	v.older, _ = v.ask()
	check(t, v.db.Update(func(tx *Tx) error {
		return errors.Join(tx.PutLive(12345), tx.PutApp("app5", []blob.ID{numbered("snapshot", 9)}))
	}))
	var err error
	v.bytes, err = os.ReadFile(string(v.db))
	check(t, err)
	v.file, err = os.OpenFile(string(v.db), os.O_RDWR, 0)
	check(t, err)
	t.Cleanup(func() { v.file.Close() })
	var errs []error
	v.want, errs = v.ask()
	check(t, errors.Join(errs...))
	return v
}

func (v *victim) write(t testing.TB, at int, b ...byte) {
	t.Helper()
	_, err := v.file.WriteAt(b, int64(at))
	check(t, err)
}

// ask puts the questions that a store has, and returns the answers and the
// errors. After a panic, the questions it had not come to have its error.
func (v *victim) ask() (answers []string, errs []error) {
	questions := []func(tx *Tx) (string, error){askLive, askApps, askChunks}
	for _, app := range v.apps {
		questions = append(questions, func(tx *Tx) (string, error) {
			snapshots, err := tx.App(app)
			return fmt.Sprint(app, snapshots), err
		})
	}
	slices.Reverse(questions)
	err := v.db.View(func(tx *Tx) error {
		for _, question := range questions {
			answer, err := question(tx)
			answers, errs = append(answers, answer), append(errs, err)
		}
		return nil
	})
	for range len(questions) - len(answers) {
		answers, errs = append(answers, ""), append(errs, err)
	}
	return answers, errs
}

func askLive(tx *Tx) (string, error) {
	n, err := tx.Live()
	return fmt.Sprint(n), err
}

func askApps(tx *Tx) (string, error) {
	var b strings.Builder
	for app, err := range tx.Apps() {
		if err != nil {
			return "", err
		}
		fmt.Fprint(&b, app.Name, app.Snapshots)
	}
	return b.String(), nil
}

func askChunks(tx *Tx) (string, error) {
	c, err := tx.Chunks()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for p := range c.Packs() {
		b.WriteString(p.ID.String())
		b.Write(p.Tail.Bytes())
	}
	return b.String(), nil
}

// verdict says what is wrong with the answers of a damaged database, if
// anything is: each must be right, or else an error that says damage.
func (v *victim) verdict() string {
	answers, errs := v.ask()
	return v.judge(answers, errs, v.want)
}

func (v *victim) judge(answers []string, errs []error, want []string) string {
	for i, err := range errs {
		if err != nil && (!errors.Is(err, ErrCorrupt) || errors.Is(err, ErrVersion)) {
			return fmt.Sprintf("question %d: error is %v", i, err)
		}
		if err == nil && answers[i] != want[i] {
			return fmt.Sprintf("question %d: a wrong answer of %d bytes for %d", i, len(answers[i]), len(want[i]))
		}
	}
	return ""
}

func TestMissingOrEmptyFileIsDamage(t *testing.T) {
	db := DB(filepath.Join(t.TempDir(), "index.db"))
	f := func(*Tx) error {
		t.Error("the transaction begins")
		return nil
	}
	for range 2 {
		wantError(t, db.View(f), ErrCorrupt)
		wantError(t, db.Update(f), ErrCorrupt)
		check(t, os.WriteFile(string(db), nil, 0o600))
	}
	info, err := os.Stat(string(db))
	check(t, err)
	if info.Size() != 0 {
		t.Errorf("%d bytes were written", info.Size())
	}
}

// Whatever length a file is cut to, what is read is right or an error.
func TestCutFileIsDamage(t *testing.T) {
	v := newVictim(t, 12)
	page := os.Getpagesize()
	lengths := []int{1, 2, 15, 16, 63, 64, 80, 100, 511, 512, 1023, 1024, 1025, 2048}
	for n := page; n < len(v.bytes); n += page {
		lengths = append(lengths, n-1, n, n+1, n+page/2)
	}
	for _, n := range lengths {
		check(t, v.file.Truncate(int64(n)))
		if wrong := v.verdict(); wrong != "" {
			t.Errorf("cut to %d of %d bytes: %s", n, len(v.bytes), wrong)
		}
		v.write(t, 0, v.bytes...)
	}
}

func TestOtherFilesAreDamage(t *testing.T) {
	db := newDB(t, nil, nil)
	for _, content := range []string{
		"x", "WARMPACK", strings.Repeat("\x00", 1<<16), strings.Repeat("\xff", 1<<16), strings.Repeat("text ", 10000),
	} {
		check(t, os.WriteFile(string(db), []byte(content), 0o600))
		wantError(t, db.View(func(*Tx) error { return nil }), ErrCorrupt)
		wantError(t, db.Update(func(*Tx) error { return nil }), ErrCorrupt)
	}
}

// A database whose first transaction never ended has no format.
func TestUnfinishedDatabaseIsDamage(t *testing.T) {
	for _, key := range [][]byte{bucketMeta, bucketPacks, bucketApps, keyFormat} {
		db := newDB(t, nil, nil)
		rewrite(t, db, func(tx *bbolt.Tx) error {
			if slices.Equal(key, keyFormat) {
				return tx.Bucket(bucketMeta).Delete(key)
			}
			return tx.DeleteBucket(key)
		})
		wantError(t, db.View(func(*Tx) error { return nil }), ErrCorrupt)
	}
}

// Records with a correct checksum can be wrong too, if a bad program wrote them.
func TestWrongRecordsAreDamage(t *testing.T) {
	id := numbered("pack", 1)
	for _, tt := range []struct {
		name       string
		bucket     []byte
		key, value []byte
	}{
		{"short pack key", bucketPacks, []byte("short"), nil},
		{"empty tail", bucketPacks, id[:], nil},
		{"no tail", bucketPacks, id[:], make([]byte, 200)},
		{"empty list", bucketApps, []byte("app0"), nil},
		{"half an ID", bucketApps, []byte("app0"), make([]byte, 48)},
	} {
		v := newVictim(t, 3)
		rewrite(t, v.db, func(tx *bbolt.Tx) error { return put(tx.Bucket(tt.bucket), tt.key, tt.value) })
		_, errs := v.ask()
		if !errors.Is(errors.Join(errs...), ErrCorrupt) {
			t.Errorf("%s passes", tt.name)
		}
	}
}

// One damaged record does not hide the others.
func TestPacksGoOnAfterDamage(t *testing.T) {
	v := newVictim(t, 12)
	rewrite(t, v.db, func(tx *bbolt.Tx) error {
		key, _ := tx.Bucket(bucketPacks).Cursor().First()
		return tx.Bucket(bucketPacks).Put(key, []byte("damaged"))
	})
	good, bad := 0, 0
	check(t, v.db.View(func(tx *Tx) error {
		for p, err := range tx.Packs() {
			if err != nil {
				wantError(t, err, ErrCorrupt)
				bad++
			} else if p.ID == p.Tail.ID() {
				good++
			}
		}
		return nil
	}))
	if good != 11 || bad != 1 {
		t.Errorf("%d good packs, %d bad ones", good, bad)
	}
}

// After damage that bbolt panics on, the file must not stay locked: the next
// writer would wait for nobody.
func TestDamageLeavesNoLock(t *testing.T) {
	v := newVictim(t, 12)
	for at := 2 * os.Getpagesize(); at < len(v.bytes); at += os.Getpagesize() {
		v.write(t, at, 0xff) // the page's number
	}
	_, errs := v.ask()
	wantError(t, errors.Join(errs...), ErrCorrupt)
	done := make(chan error)
	go func() { done <- v.db.Update(func(*Tx) error { return nil }) }()
	select {
	case err := <-done:
		wantError(t, err, ErrCorrupt)
	case <-time.After(5 * time.Second):
		t.Error("the database is still locked")
	}
}
