package fsx

import (
	"bytes"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// maxXattr is the kernel's bound for one value and for one inode's list of
// names, bytes: a buffer this large cannot be outgrown between two calls.
const maxXattr = 64 << 10

// An xattrSource is where to read the attributes of one inode.
type xattrSource struct {
	path   string
	follow bool // path is a jump to the inode, as in inode.path
}

// Xattrs returns all extended attributes of the entry name, or of d itself if
// name is empty, sorted by name. A symlink's are its own. A file system without
// extended attributes has none.
func (d *Dir) Xattrs(name string) ([]Xattr, error) {
	source := xattrSource{path: procPath(d.fd), follow: true}
	if name != "" {
		if err := checkName(name); err != nil {
			return nil, describe(err, "read attributes of", name)
		}
		source = xattrSource{path: source.path + "/" + name}
	}
	xattrs, err := source.read()
	return xattrs, describe(err, "read attributes of", name)
}

// xattrs returns the extended attributes of the inode, sorted by name.
func (n *inode) xattrs() ([]Xattr, error) {
	return xattrSource{path: n.path(), follow: true}.read()
}

func (s xattrSource) read() ([]Xattr, error) {
	list, err := s.list()
	if err != nil {
		return nil, err
	}
	var xattrs []Xattr
	for name := range strings.SplitSeq(strings.TrimSuffix(list, "\x00"), "\x00") {
		if name == "" {
			continue
		}
		value, err := s.value(name)
		if err == unix.ENODATA {
			continue // removed since it was listed
		}
		if err != nil {
			return nil, err
		}
		xattrs = append(xattrs, Xattr{Name: name, Value: value})
	}
	slices.SortFunc(xattrs, compareXattrs)
	return withoutShadows(xattrs), nil
}

// shadows are how XFS stores ACLs. It lists both names, and removing one removes
// the other.
func shadows(name string) string {
	switch name {
	case "system.posix_acl_access":
		return "trusted.SGI_ACL_FILE"
	case "system.posix_acl_default":
		return "trusted.SGI_ACL_DEFAULT"
	}
	return ""
}

// withoutShadows returns the attributes without what is listed twice.
func withoutShadows(xattrs []Xattr) []Xattr {
	for _, x := range xattrs {
		shadow := shadows(x.Name)
		isShadow := func(y Xattr) bool { return y.Name == shadow }
		if shadow != "" && slices.ContainsFunc(xattrs, isShadow) {
			xattrs = slices.DeleteFunc(slices.Clone(xattrs), isShadow)
		}
	}
	return xattrs
}

// list returns the names of the attributes, each ended by a NUL.
func (s xattrSource) list() (string, error) {
	var few [1 << 10]byte
	n, err := s.listInto(few[:])
	if err == nil {
		return string(few[:n]), nil
	}
	if err == unix.ENOTSUP {
		return "", nil
	}
	if err != unix.ERANGE {
		return "", err
	}
	many := make([]byte, maxXattr)
	n, err = s.listInto(many)
	if err != nil {
		return "", err
	}
	return string(many[:n]), nil
}

// value returns a copy of one attribute's value, never nil.
func (s xattrSource) value(name string) ([]byte, error) {
	var short [256]byte
	n, err := s.valueInto(name, short[:])
	if err == nil {
		return append([]byte{}, short[:n]...), nil
	}
	if err != unix.ERANGE {
		return nil, err
	}
	long := make([]byte, maxXattr)
	n, err = s.valueInto(name, long)
	if err != nil {
		return nil, err
	}
	return bytes.Clone(long[:n]), nil
}

func (s xattrSource) listInto(buf []byte) (int, error) {
	return retryInt(func() (int, error) {
		if s.follow {
			return unix.Listxattr(s.path, buf)
		}
		return unix.Llistxattr(s.path, buf)
	})
}

func (s xattrSource) valueInto(name string, buf []byte) (int, error) {
	return retryInt(func() (int, error) {
		if s.follow {
			return unix.Getxattr(s.path, name, buf)
		}
		return unix.Lgetxattr(s.path, name, buf)
	})
}

// Label returns the SELinux label among the attributes, or "".
func Label(xattrs []Xattr) string {
	for _, x := range xattrs {
		if x.Name == selinux {
			return string(x.Value)
		}
	}
	return ""
}

// WithoutLabel returns the attributes but for the SELinux label, which belongs to
// where a file is rather than to the file.
func WithoutLabel(xattrs []Xattr) []Xattr {
	at := slices.IndexFunc(xattrs, func(x Xattr) bool { return x.Name == selinux })
	if at < 0 {
		return xattrs
	}
	return slices.Delete(slices.Clone(xattrs), at, at+1)
}

func compareXattrs(a, b Xattr) int { return strings.Compare(a.Name, b.Name) }

func equalXattrs(a, b Xattr) bool { return a.Name == b.Name && bytes.Equal(a.Value, b.Value) }
