package fsx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// acl is a POSIX ACL as the kernel takes it: rw for the owner, the permissions
// in user for uid 1234, r for the group, a mask of rw, none for others.
func acl(user uint16) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 2) // version
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{{1, 6, 1<<32 - 1}, {2, user, 1234}, {4, 4, 1<<32 - 1}, {16, 6, 1<<32 - 1}, {32, 0, 1<<32 - 1}} {
		b = binary.LittleEndian.AppendUint16(b, e.tag)
		b = binary.LittleEndian.AppendUint16(b, e.perm)
		b = binary.LittleEndian.AppendUint32(b, e.id)
	}
	return b
}

// capability grants CAP_NET_BIND_SERVICE, as setcap writes it: version 2.
var capability = []byte{1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

// The metadata that every test of Apply goes through, one of each kind.
func specimens() map[string]Meta {
	early := Time{Sec: -1_000_000_000, Nsec: 123_456_789}
	return map[string]Meta{
		"setuid": {Type: Regular, Mode: 0o6755, UID: 70, GID: 71, ModTime: Time{Sec: 1, Nsec: 1}},
		"capable": {Type: Regular, Mode: 0o755, UID: 70, ModTime: Time{Sec: 1e9, Nsec: 999_999_999},
			Xattrs: []Xattr{{"security.capability", capability}}},
		"acl": {Type: Regular, Mode: 0o660, ModTime: early,
			Xattrs: []Xattr{{"system.posix_acl_access", acl(6)}}},
		"future": {Type: Regular, Mode: 0, ModTime: Time{Sec: 8_000_000_000}},
		"fixed":  {Type: Regular, Mode: 0o444, UID: 9, Flags: FlagImmutable | FlagNoDump, ModTime: early},
		"log":    {Type: Regular, Mode: 0o644, Flags: FlagAppend},
		"spool": {Type: Directory, Mode: 0o3777, GID: 8, ModTime: early, Flags: FlagImmutable,
			Xattrs: []Xattr{
				{"security.selinux", []byte("system_u:object_r:container_file_t:s0\x00")},
				{"system.posix_acl_default", acl(4)},
				{"trusted.big", bytes.Repeat([]byte{7}, 3000)},
			}},
		"link": {Type: Symlink, Mode: 0o777, UID: 5, GID: 6, ModTime: early, Target: "/etc/\xff\nshadow",
			Xattrs: []Xattr{{"trusted.note", []byte{}}}},
		"pipe":   {Type: FIFO, Mode: 0o622, UID: 3, ModTime: early},
		"socket": {Type: Socket, Mode: 0o1777, GID: 3, ModTime: early},
		"null":   {Type: CharDevice, Mode: 0o666, Rdev: unix.Mkdev(1, 3), ModTime: early},
		"disk":   {Type: BlockDevice, Mode: 0o640, Rdev: unix.Mkdev(259, 70_000), ModTime: early},
	}
}

func create(t testing.TB, d *Dir, name string, m Meta) {
	t.Helper()
	switch m.Type {
	case Regular:
		write(t, d, name, "content")
	case Directory:
		check(t, d.Mkdir(name))
	case Symlink:
		check(t, d.Symlink(m.Target, name))
	default:
		check(t, d.Mknod(name, m))
	}
}

// unprotect lets the temporary directory be removed.
func unprotect(t testing.TB, d *Dir) {
	t.Cleanup(func() {
		names, err := d.Names()
		check(t, err)
		for _, name := range names {
			check(t, d.Unprotect(name))
		}
	})
}

func TestApplyRoundTrip(t *testing.T) {
	needRoot(t)
	onEach(t, func(t *testing.T, d *Dir, _ string) {
		unprotect(t, d)
		for name, m := range specimens() {
			create(t, d, name, m)
			check(t, d.Apply(name, m))
			if got := capture(t, d, name); !reflect.DeepEqual(got, m) {
				t.Errorf("%s:\n got %+v\nwant %+v", name, got, m)
			}
			before := stat(t, d, name)
			check(t, d.Apply(name, m))
			if after := stat(t, d, name); after.ID != before.ID {
				t.Errorf("%s changed by a second Apply: %+v, was %+v", name, after.ID, before.ID)
			}
		}
	})
}

// Every kind of regular file and directory turns into every other.
func TestApplyTurnsOneIntoOther(t *testing.T) {
	needRoot(t)
	onEach(t, func(t *testing.T, d *Dir, _ string) {
		unprotect(t, d)
		write(t, d, "file", "content")
		for from, a := range specimens() {
			for to, b := range specimens() {
				if a.Type != Regular || b.Type != Regular {
					continue
				}
				check(t, d.Apply("file", a))
				check(t, d.Apply("file", b))
				if got := capture(t, d, "file"); !reflect.DeepEqual(got, b) {
					t.Errorf("%s to %s:\n got %+v\nwant %+v", from, to, got, b)
				}
			}
		}
	})
}

func TestApplyToDirectoryItself(t *testing.T) {
	needRoot(t)
	d, path := tempDir(t)
	check(t, d.Mkdir("root"))
	root := openDir(t, filepath.Join(path, "root"))
	want := specimens()["spool"]
	check(t, root.Apply("", want))
	if got := capture(t, d, "root"); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	own, err := root.Xattrs("")
	check(t, err)
	if !reflect.DeepEqual(own, want.Xattrs) {
		t.Errorf("attributes are %+v", own)
	}
	wantError(t, root.Mkdir("sub"), fs.ErrPermission)
	check(t, root.Unprotect(""))
	check(t, root.Mkdir("sub"))
}

func TestApplyKeepsSELinuxLabel(t *testing.T) {
	needRoot(t)
	d, _ := tempDir(t)
	write(t, d, "file", "")
	m := capture(t, d, "file")
	m.Xattrs = []Xattr{{"security.selinux", []byte("label\x00")}, {"user.old", []byte("1")}}
	check(t, d.Apply("file", m))
	m.Xattrs = nil
	check(t, d.Apply("file", m))
	kept := capture(t, d, "file")
	if !kept.Satisfies(m) || kept.Equal(m) || m.Satisfies(kept) {
		t.Errorf("%+v satisfies %+v: %t, the other way %t", kept, m, kept.Satisfies(m), m.Satisfies(kept))
	}
	got := kept.Xattrs
	if len(got) != 1 || got[0].Name != "security.selinux" {
		t.Errorf("attributes are %+v", got)
	}
	before := stat(t, d, "file").ID
	check(t, d.Apply("file", m))
	if stat(t, d, "file").ID != before {
		t.Error("a kept label changes the file each time")
	}
}

func TestNamesThatXFSListsTwiceCountOnce(t *testing.T) {
	access, shadow := Xattr{"system.posix_acl_access", acl(6)}, Xattr{"trusted.SGI_ACL_FILE", []byte("x")}
	other := Xattr{"trusted.SGI_ACL_DEFAULT", []byte("not a shadow: there is no such ACL")}
	for _, tt := range []struct{ all, want []Xattr }{
		{[]Xattr{access, shadow, other}, []Xattr{access, other}},
		{[]Xattr{access, other}, []Xattr{access, other}},
		{[]Xattr{shadow}, []Xattr{shadow}},
		{nil, nil},
	} {
		if got := withoutShadows(tt.all); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("of %v remain %v, want %v", tt.all, got, tt.want)
		}
	}
}

func TestApplyNeverFollows(t *testing.T) {
	needRoot(t)
	d, path := tempDir(t)
	victim := filepath.Join(t.TempDir(), "victim")
	check(t, os.WriteFile(victim, nil, 0o600))
	check(t, os.Symlink(victim, filepath.Join(path, "planted")))
	before, err := os.Stat(victim)
	check(t, err)
	wantError(t, d.Apply("planted", Meta{Type: Regular, Mode: 0o777}), ErrType)
	check(t, d.Apply("planted", Meta{Type: Symlink, Mode: 0o4755, UID: 7,
		Xattrs: []Xattr{{"trusted.x", []byte("y")}}}))
	after, err := os.Stat(victim)
	check(t, err)
	if !reflect.DeepEqual(before.Sys(), after.Sys()) {
		t.Errorf("victim is %+v, was %+v", after.Sys(), before.Sys())
	}
}

func TestApplySingleSparesOtherNames(t *testing.T) {
	onEach(t, func(t *testing.T, d *Dir, _ string) {
		write(t, d, "name", "content")
		check(t, d.Link(d, "name", "other"))
		before := stat(t, d, "other")
		m := Meta{Type: Regular, Mode: 0o711, ModTime: Time{Sec: 1}}
		wantError(t, d.ApplySingle("name", m), ErrLinked)
		if after := stat(t, d, "other"); after.ID != before.ID || after.Mode != before.Mode {
			t.Errorf("it changes to %+v", after)
		}
		check(t, d.Remove("other"))
		check(t, d.ApplySingle("name", m))
		if got := capture(t, d, "name"); got.Mode != m.Mode || got.ModTime != m.ModTime {
			t.Errorf("it is %+v", got)
		}
	})
}

func TestApplyRefusesImpossibleMetadata(t *testing.T) {
	d, _ := tempDir(t)
	write(t, d, "file", "")
	now := Time{Nsec: unix.UTIME_NOW}
	for _, m := range []Meta{{UID: 1<<32 - 1}, {GID: 1<<32 - 1}, {ModTime: now}} {
		m.Type = Regular
		wantError(t, d.Apply("file", m), ErrMeta)
	}
	wantError(t, d.Mknod("node", Meta{Type: CharDevice, Rdev: 1<<32 | 0x103}), ErrMeta)
	wantError(t, d.Apply("none", Meta{Type: Regular}), fs.ErrNotExist)
	err := d.Apply("file", Meta{Type: Regular, Xattrs: []Xattr{{"nonsense.x", nil}}})
	wantError(t, err, errors.ErrUnsupported)
}

// On tmpfs: ext4 keeps only 4 KiB of attributes an inode.
func TestXattrsOfEverySize(t *testing.T) {
	d, _ := memDir(t)
	write(t, d, "file", "")
	m := stat(t, d, "file").Meta
	for i, size := range []int{0, 1, 255, 256, 257, 40_000} {
		name := "user." + strings.Repeat(string(rune('a'+i)), 240)
		m.Xattrs = append(m.Xattrs, Xattr{name, bytes.Repeat([]byte{byte(i)}, size)})
	}
	check(t, d.Apply("file", m))
	if got := capture(t, d, "file"); !reflect.DeepEqual(got, m) {
		t.Error("attributes differ")
	}
	m.Xattrs = nil
	check(t, d.Apply("file", m))
	if got := capture(t, d, "file"); got.Xattrs != nil {
		t.Errorf("attributes are %q", got.Xattrs)
	}
}

func TestXattrsWhereThereAreNone(t *testing.T) {
	d, err := OpenDir("/proc")
	check(t, err)
	defer d.Close()
	xattrs, err := d.Xattrs("uptime")
	check(t, err)
	xattrs = slices.DeleteFunc(xattrs, func(x Xattr) bool { return x.Name == selinux })
	if len(xattrs) > 0 {
		t.Errorf("attributes are %q", xattrs)
	}
	_, err = d.Xattrs("none")
	wantError(t, err, fs.ErrNotExist)
}

func TestLinksShareOneInode(t *testing.T) {
	d, path := tempDir(t)
	check(t, d.Mkdir("sub"))
	sub := openDir(t, filepath.Join(path, "sub"))
	write(t, d, "file", "")
	check(t, d.Symlink("nowhere", "link"))
	check(t, sub.Link(d, "file", "again"))
	check(t, sub.Link(d, "link", "again too"))
	if a, b := stat(t, d, "file"), stat(t, sub, "again"); a.ID != b.ID || a.Links != 2 {
		t.Errorf("%+v is not %+v", b, a)
	}
	if stat(t, sub, "again too").Type != Symlink {
		t.Error("the link was followed")
	}
	wantError(t, sub.Link(d, "file", "again"), fs.ErrExist)
	check(t, sub.Rename("again", "moved"))
	wantError(t, sub.Remove("again"), fs.ErrNotExist)
}
