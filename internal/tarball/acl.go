package tarball

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"github.com/warmstore/warmstore/internal/fsx"
)

// GNU tar keeps ACLs as text, bsdtar both as text and as attributes, and each
// reads its own. So the text is written beside the attribute, and read where
// there is no attribute.

// aclAccess is the key of the ACL that an access is checked with.
const aclAccess = "SCHILY.acl.access"

// aclKeys are the keys of the records that have ACLs as text.
var aclKeys = map[string]string{
	"system.posix_acl_access":  aclAccess,
	"system.posix_acl_default": "SCHILY.acl.default",
}

// An ACL as the kernel has it: the version, then entries, little-endian.
const (
	aclVersion = 2
	aclHeader  = 4 // bytes
	aclEntry   = 8 // bytes: tag 2, permissions 2, ID 4
)

// aclTag is a kind of entry: its number, its name, whether it is of one user or
// group.
type aclTag struct {
	number  uint16
	name    string
	ofOneID bool
}

// aclTags are in the order that the kernel wants them in.
var aclTags = []aclTag{
	{0x01, "user", false}, {0x02, "user", true}, {0x04, "group", false},
	{0x08, "group", true}, {0x10, "mask", false}, {0x20, "other", false},
}

// aclText returns an attribute that is an ACL as text, with numbers for names.
func aclText(x fsx.Xattr) (text string, ok bool) {
	if aclKeys[x.Name] == "" || len(x.Value) < aclHeader || binary.LittleEndian.Uint32(x.Value) != aclVersion {
		return "", false
	}
	var entries []string
	for e := range slices.Chunk(x.Value[aclHeader:], aclEntry) {
		if len(e) < aclEntry {
			return "", false
		}
		number, perm := binary.LittleEndian.Uint16(e), binary.LittleEndian.Uint16(e[2:])
		at := slices.IndexFunc(aclTags, func(t aclTag) bool { return t.number == number })
		if at < 0 || perm > 7 {
			return "", false
		}
		id := ""
		if aclTags[at].ofOneID {
			id = strconv.FormatUint(uint64(binary.LittleEndian.Uint32(e[4:])), 10)
		}
		entries = append(entries, aclTags[at].name+":"+id+":"+formatPerm(perm))
	}
	return strings.Join(entries, ","), true
}

func formatPerm(perm uint16) string {
	text := []byte("rwx")
	for i := range text {
		if perm&(4>>i) == 0 {
			text[i] = '-'
		}
	}
	return string(text)
}
