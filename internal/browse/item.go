package browse

import (
	"strings"

	"github.com/warmstore/warmstore/internal/fsx"
)

// An Item is one name in a volume.
type Item struct {
	Path  string   // from the volume's root, which is "."; raw bytes
	First string   // of a further name of an inode: the path of its first one
	Meta  fsx.Meta // of the inode
	Size  int64    // of a regular file, in bytes
}

// Mode returns the type and the permissions as ls -l writes them.
func (i *Item) Mode() string {
	mode := []byte("?rwxrwxrwx")
	mode[0] = "?d-lpscb"[i.Meta.Type]
	for bit := range 9 {
		if i.Meta.Mode&(0o400>>bit) == 0 {
			mode[1+bit] = '-'
		}
	}
	special(mode, 3, i.Meta.Mode&0o4000, 's')
	special(mode, 6, i.Meta.Mode&0o2000, 's')
	special(mode, 9, i.Meta.Mode&0o1000, 't')
	if i.hasACL() {
		mode = append(mode, '+')
	}
	return string(mode)
}

// special shows setuid, setgid or sticky in the place of an x, or in upper case
// where there is none.
func special(mode []byte, at int, set uint16, letter byte) {
	switch {
	case set == 0:
	case mode[at] == 'x':
		mode[at] = letter
	default:
		mode[at] = letter - 'a' + 'A'
	}
}

func (i *Item) hasACL() bool {
	for _, x := range i.Meta.Xattrs {
		if strings.HasPrefix(x.Name, "system.posix_acl_") {
			return true
		}
	}
	return false
}
