package fsx

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Whatever can be applied can be tried, and leaves nothing behind.
func TestTryAgreesWithApply(t *testing.T) {
	needRoot(t)
	onEach(t, func(t *testing.T, d *Dir, path string) {
		before := stat(t, d, dirIn(t, d)).ID
		sub, err := d.OpenDir("dir")
		check(t, err)
		defer sub.Close()
		for name, m := range specimens() {
			if err := sub.Try(Trial{Meta: m, Size: 10 << 30, Holes: true}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if after := stat(t, d, "dir").ID; after != before {
			t.Errorf("the directory is %+v, was %+v", after, before)
		}
		wantNames(t, filepath.Join(path, "dir"))
	})
}

func dirIn(t *testing.T, d *Dir) string {
	t.Helper()
	check(t, d.Mkdir("dir"))
	return "dir"
}

// ramfs is a file system that lacks much.
func ramfs(t *testing.T) *Dir {
	t.Helper()
	path := t.TempDir()
	mount(t, "", path) // for the right to mount, and to be hidden
	check(t, unix.Mount("", path, "ramfs", 0, ""))
	t.Cleanup(func() { check(t, unix.Unmount(path, unix.MNT_DETACH)) })
	return openDir(t, path)
}

func TestTryRefuses(t *testing.T) {
	d := ramfs(t)
	disk, _ := tempDir(t)
	plain := Meta{Type: Regular, Mode: 0o600}
	with := func(change func(*Meta)) Trial {
		m := plain
		change(&m)
		return Trial{Meta: m}
	}
	check(t, d.Try(Trial{Meta: plain}))
	check(t, d.Try(Trial{Meta: specimens()["pipe"]}))
	for name, tt := range map[string]struct {
		on *Dir
		t  Trial
	}{
		"an attribute": {d, with(func(m *Meta) { m.Xattrs = []Xattr{{"user.a", []byte("v")}} })},
		"a flag":       {d, with(func(m *Meta) { m.Flags = FlagAppend })},
		"holes":        {d, Trial{Meta: plain, Size: 1 << 20, Holes: true}},
		"a default ACL": {d, with(func(m *Meta) {
			m.Type, m.Xattrs = Directory, []Xattr{{"system.posix_acl_default", acl(4)}}
		})},
		"a size":                {disk, Trial{Meta: plain, Size: 1 << 62}},
		"a user that is no one": {disk, with(func(m *Meta) { m.UID = 1<<32 - 1 })},
		"a kind of attribute that nobody knows": {disk, with(func(m *Meta) {
			m.Xattrs = []Xattr{{"nonsense.a", nil}}
		})},
	} {
		if err := tt.on.Try(tt.t); !errors.Is(err, ErrIncapable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A file system without nameless files is asked what it has.
func TestAsk(t *testing.T) {
	d := ramfs(t)
	check(t, d.ask(Meta{Type: Regular}))
	if err := d.ask(Meta{Xattrs: []Xattr{{"user.a", nil}}}); err == nil {
		t.Error("ramfs has attributes")
	}
	if err := d.ask(Meta{Flags: FlagImmutable}); err == nil {
		t.Error("ramfs has flags")
	}
	disk, _ := tempDir(t)
	check(t, disk.ask(Meta{Flags: keptFlags, Xattrs: []Xattr{{"user.a", nil}, {"trusted.a", nil}}}))
}

func TestKnownLimits(t *testing.T) {
	fat, exFAT := unix.Statfs_t{Type: unix.MSDOS_SUPER_MAGIC}, unix.Statfs_t{Type: unix.EXFAT_SUPER_MAGIC}
	xfs := unix.Statfs_t{Type: unix.XFS_SUPER_MAGIC}
	long := Trial{Name: strings.Repeat("x", 200)}
	of := func(typ Type) Trial { return Trial{Meta: Meta{Type: typ}} }
	for name, tt := range map[string]struct {
		on   unix.Statfs_t
		t    Trial
		fits bool
	}{
		"a file on FAT":         {fat, of(Regular), true},
		"a directory on FAT":    {fat, of(Directory), true},
		"a symlink on FAT":      {fat, of(Symlink), false},
		"a device on exFAT":     {exFAT, of(CharDevice), false},
		"a name of 200 bytes":   {unix.Statfs_t{Namelen: 255}, long, true},
		"a name that is longer": {unix.Statfs_t{Namelen: 143}, long, false},
		"no device of Linux":    {unix.Statfs_t{}, Trial{Meta: Meta{Rdev: 1 << 32}}, false},
		"a device on XFS":       {xfs, Trial{Meta: Meta{Rdev: unix.Mkdev(4095, 262143)}}, true},
		"too large a minor":     {xfs, Trial{Meta: Meta{Rdev: unix.Mkdev(0, 262144)}}, false},
		"too long a symlink":    {xfs, Trial{Meta: Meta{Target: strings.Repeat("x", 1024)}}, false},
		"a read-only mount":     {unix.Statfs_t{Flags: unix.ST_RDONLY}, of(Regular), false},
	} {
		if err := tt.t.tryKnown(&tt.on); tt.fits != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A full file system may hold all that is tried, once there is space.
func TestFullIsNotIncapable(t *testing.T) {
	path := t.TempDir()
	mount(t, "", path)
	check(t, unix.Mount("", path, "", unix.MS_REMOUNT, "size=1m,nr_inodes=20"))
	d := openDir(t, path)
	for i := range 20 {
		d.Mkdir(strings.Repeat("d", i+1)) // until there are no inodes
	}
	if err := d.Mkdir("one more"); !errors.Is(err, unix.ENOSPC) {
		t.Fatalf("it is not full: %v", err)
	}
	for name, m := range specimens() {
		if err := d.Try(Trial{Meta: m}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantError(t, d.Try(Trial{Meta: Meta{Type: Regular, Xattrs: []Xattr{{"nonsense.a", nil}}}}), ErrIncapable)
}

func TestReadOnlyIsIncapable(t *testing.T) {
	path := t.TempDir()
	mount(t, "", path)
	d := openDir(t, path)
	check(t, d.Try(Trial{Meta: Meta{Type: Regular}}))
	check(t, unix.Mount("", path, "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	wantError(t, d.Try(Trial{Meta: Meta{Type: Regular}}), ErrIncapable)
}

func TestAttributeKinds(t *testing.T) {
	for name, want := range map[string]string{
		"user.a.b": "user", "trusted.x": "trusted", "security.capability": "security.capability",
		"system.posix_acl_access": "system.posix_acl_access", "odd": "odd",
	} {
		if got := AttributeKind(name); got != want {
			t.Errorf("%s is of kind %s, want %s", name, got, want)
		}
	}
}
