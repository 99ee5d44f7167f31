package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A refusal is a tree that the file system of a target cannot hold.
type refusal struct {
	name, from, to string
	build          func(tr tree)
	reason         string
}

func refusals() []refusal {
	late := func(tr tree) { tr.file("late", nil); tr.mtime("late", 1<<33, 0) }
	fine := func(tr tree) { tr.file("fine", nil); tr.mtime("fine", 1, 500_000_000) }
	early := func(tr tree) { tr.file("early", nil); tr.mtime("early", -1<<40, 0) }
	return []refusal{
		{"a large attribute", "tmpfs", "ext4", tree.buildLargeAttribute, "no space left on device"},
		{"a large attribute", "tmpfs", "btrfs", tree.buildLargeAttribute, "no space left on device"},
		{"many attributes", "tmpfs", "ext4", tree.buildManyAttributes, "no space left on device"},
		{"any attribute", "tmpfs", "ramfs", tree.buildManyAttributes, "operation not supported"},
		{"an ACL", "tmpfs", "ramfs", tree.buildACL, "system.posix_acl_access"},
		{"a default ACL", "tmpfs", "ramfs", tree.buildDefaultACL, "system.posix_acl_default"},
		{"flags", "tmpfs", "ramfs", func(tr tree) { tr.file("a", nil); tr.tool("a", "chattr", "+a") }, "set flags"},
		{"holes", "tmpfs", "ramfs", func(tr tree) { tr.sparse("holes", 1<<20) }, "it has no holes"},
		{"a long symlink", "tmpfs", "xfs", tree.buildLongSymlink, "a symlink to 4095 bytes: XFS has at most 1023"},
		{"a large device", "tmpfs", "xfs", tree.buildLargeDevice, "minor number 1048575: XFS"},
		{"a device that overlay uses", "tmpfs", "overlay", tree.buildWhiteout, "character device 0:0"},
		{"a late time", "tmpfs", "ext4-128", late, "becomes"},
		{"an early time", "tmpfs", "ext4", early, "time -1099511627776.000000000 becomes"},
		{"a fine time", "tmpfs", "ext4-128", fine, "becomes"},
		{"anything", "tmpfs", "tmpfs", func(tr tree) { tr.file("a", nil) }, "read-only file system"},
	}
}

func (tr tree) buildACL() {
	tr.file("acl", nil)
	tr.tool("acl", "setfacl", "-m", "u:1000:r")
}

func (tr tree) buildDefaultACL() {
	tr.dir("acl")
	tr.tool("acl", "setfacl", "-d", "-m", "u:1000:r")
}

// TestRefusedBeforeTheFirstWrite restores what a file system cannot hold into a
// full directory of it: the reason is told, and nothing is changed.
func TestRefusedBeforeTheFirstWrite(t *testing.T) {
	need(t, slices.Concat(treeTools, diskTools)...)
	disks := map[string]string{}
	disk := func(kind string) string {
		if disks[kind] == "" {
			disks[kind] = newDisk(t, kind)
		}
		return disks[kind]
	}
	refused := 0
	for _, r := range refusals() {
		t.Run(r.name+" on "+r.to, func(t *testing.T) {
			from, err := os.MkdirTemp(disk(r.from), "from")
			try(t, err)
			target, err := os.MkdirTemp(disk(r.to), "target")
			try(t, err)
			tree{t, target}.file("kept", []byte("as it was"))
			if r.name == "anything" {
				mountAt(t, target, "--bind", "-o", "ro", target)
			}
			r.build(tree{t, from})
			s := newStore(t)
			s.snapshot(t, "app", dir("data", from))
			before := listing(t, target)
			for _, args := range [][]string{{"--dry-run"}, {}} {
				got := s.run(t, 1, append([]string{"restore", "app", dir("data", target)}, args...)...)
				for _, text := range []string{"nothing was changed", r.reason, "hint: restore it to another"} {
					if !strings.Contains(got.stderr, text) {
						t.Errorf("%q does not say %q: %s", got.args, text, got.stderr)
					}
				}
			}
			if after := listing(t, target); after != before {
				t.Error(firstDifference(after, before))
			}
			if _, err := os.Stat(filepath.Join(string(s), ".warmstore/restoring/app.json")); err == nil {
				t.Error("a restore is marked as begun")
			}
			refused++
		})
	}
	t.Logf("%d of %d refused with the reason, before the first write", refused, len(refusals()))
}

// TestLabels shows whose SELinux labels files have after a restore. Without
// SELinux they are attributes like any others.
func TestLabels(t *testing.T) {
	need(t, slices.Concat(treeTools, diskTools)...)
	volume := filepath.Join(newDisk(t, "ext4"), "volume")
	tr := tree{t, volume}
	names := []string{"", "dir", "dir/kept", "dir/gone", "linked", "dir/link"}
	label := func(what string) {
		for _, name := range names {
			tr.xattr(name, "security.selinux", []byte(what+"\x00"))
		}
	}
	labels := func() (all []string) {
		for _, name := range names {
			buf := make([]byte, 100)
			n, err := unix.Lgetxattr(tr.at(name), "security.selinux", buf)
			if err != nil {
				all = append(all, "none")
				continue
			}
			all = append(all, strings.TrimSuffix(string(buf[:n]), "\x00"))
		}
		return all
	}
	for _, name := range []string{"dir/kept", "dir/gone", "linked"} {
		tr.file(name, []byte(name))
	}
	tr.link("linked", "dir/link")
	label("then")
	s := newStore(t)
	s.snapshot(t, "app", dir("data", volume))
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "now now now none now now"},
		{[]string{"--xattr-as-stored"}, "then then then then then then"},
	} {
		label("now")
		tr.file("dir/kept", []byte("spoiled"))
		try(t, os.Remove(tr.at("dir/gone")))
		s.restore(t, "app", c.args...)
		if got := strings.Join(labels(), " "); got != c.want {
			t.Errorf("restore %v: labels are %s, want %s", c.args, got, c.want)
		}
	}
	before := in(t, volume, "find", ".", "-printf", `%p %C@\n`)
	s.restore(t, "app")
	if after := in(t, volume, "find", ".", "-printf", `%p %C@\n`); after != before {
		t.Error("a label that is kept has files changed each time")
	}
	label("later")
	s.restore(t, "app")
	s.snapshot(t, "app", dir("data", volume))
	label("now")
	s.restore(t, "app", "--xattr-as-stored")
	if got, want := strings.Join(labels(), " "), "later later later later later later"; got != want {
		t.Errorf("a snapshot after a restore has the labels %s, want %s", got, want)
	}
}
