package tarball

import (
	"archive/tar"
	"math"
	"slices"
	"strings"

	"github.com/warmstore/warmstore/internal/fsx"
)

// unescapeKey undoes escapeKey.
var unescapeKey = strings.NewReplacer("%25", "%", "%3D", "=")

// fileType returns the type of an element that is an inode.
func fileType(h *tar.Header) (fsx.Type, error) {
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse:
		return fsx.Regular, nil
	case tar.TypeDir:
		return fsx.Directory, nil
	case tar.TypeSymlink:
		return fsx.Symlink, nil
	case tar.TypeFifo:
		return fsx.FIFO, nil
	case tar.TypeChar:
		return fsx.CharDevice, nil
	case tar.TypeBlock:
		return fsx.BlockDevice, nil
	}
	return 0, invalid("an entry of type %q, which is no file", h.Typeflag)
}

// meta returns the metadata of an element that is an inode.
func (e *element) meta() (m fsx.Meta, err error) {
	if m.Type, err = fileType(e.Header); err != nil {
		return m, err
	}
	if e.Uid < 0 || e.Uid >= math.MaxUint32 || e.Gid < 0 || e.Gid >= math.MaxUint32 {
		return m, invalid("its owner is %d:%d", e.Uid, e.Gid)
	}
	m.Mode = uint16(e.Mode & 0o7777) // above are bits of the type, which some write
	m.UID, m.GID = uint32(e.Uid), uint32(e.Gid)
	m.ModTime = fsx.Time{Sec: e.ModTime.Unix(), Nsec: uint32(e.ModTime.Nanosecond())}
	switch m.Type {
	case fsx.Symlink:
		m.Target = e.Linkname
	case fsx.CharDevice, fsx.BlockDevice:
		if uint64(e.Devmajor) > math.MaxUint32 || uint64(e.Devminor) > math.MaxUint32 {
			return m, invalid("its device is %d:%d", e.Devmajor, e.Devminor)
		}
		m.Rdev = fsx.NewRdev(uint32(e.Devmajor), uint32(e.Devminor))
	case fsx.Directory, fsx.Regular:
		m.Flags = parseFlags(e.PAXRecords[keyFlags])
	}
	m.Xattrs, err = e.xattrs()
	return m, err
}

// xattrs returns the extended attributes, among them ACLs that are there as
// text only.
func (e *element) xattrs() (xattrs []fsx.Xattr, err error) {
	for key, value := range e.PAXRecords {
		if name, ok := strings.CutPrefix(key, keyXattr); ok {
			xattrs = append(xattrs, fsx.Xattr{Name: unescapeKey.Replace(name), Value: []byte(value)})
		}
	}
	for name, key := range aclKeys {
		text := e.PAXRecords[key]
		has := func(x fsx.Xattr) bool { return x.Name == name }
		if text == "" || slices.ContainsFunc(xattrs, has) {
			continue
		}
		value, err := parseACL(text)
		if err != nil {
			return nil, err
		}
		if key == aclAccess && len(value) <= aclHeader+3*aclEntry {
			continue // it says what the mode says, and the kernel keeps that alone
		}
		xattrs = append(xattrs, fsx.Xattr{Name: name, Value: value})
	}
	slices.SortFunc(xattrs, func(a, b fsx.Xattr) int { return strings.Compare(a.Name, b.Name) })
	return xattrs, nil
}

// parseFlags reads what a tar has for chattr's flags. Others are not kept.
func parseFlags(text string) (flags uint32) {
	names := strings.Split(text, ",")
	for _, f := range flagNames {
		if slices.Contains(names, f.name) {
			flags |= f.flag
		}
	}
	return flags
}
