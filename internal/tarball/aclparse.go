package tarball

import (
	"cmp"
	"encoding/binary"
	"os/user"
	"slices"
	"strconv"
	"strings"
)

// aclNoID is the ID of an entry that is of nobody in particular.
const aclNoID = 1<<32 - 1

// parseACL returns the attribute that an ACL in text is. Entries are parted by
// commas or lines; a fourth field is the ID, which bsdtar adds to names.
func parseACL(text string) ([]byte, error) {
	var entries []aclRule
	fields := func(r rune) bool { return r == ',' || r == '\n' }
	for part := range strings.FieldsFuncSeq(text, fields) {
		e, err := parseACLEntry(part)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b aclRule) int {
		return cmp.Or(cmp.Compare(a.order, b.order), cmp.Compare(a.id, b.id))
	})
	value := binary.LittleEndian.AppendUint32(nil, aclVersion)
	for _, e := range entries {
		value = binary.LittleEndian.AppendUint16(value, aclTags[e.order].number)
		value = binary.LittleEndian.AppendUint16(value, e.perm)
		value = binary.LittleEndian.AppendUint32(value, e.id)
	}
	return value, nil
}

// An aclRule is one entry of an ACL: what some may do.
type aclRule struct {
	order int // of its tag in aclTags
	id    uint32
	perm  uint16
}

func parseACLEntry(text string) (e aclRule, err error) {
	text, _, _ = strings.Cut(text, "#") // what acl_to_text says of effective rights
	part := strings.Split(strings.TrimSpace(text), ":")
	if len(part) < 3 || len(part) > 4 {
		return e, invalid("ACL entry %.100q", text)
	}
	ofOneID := part[1] != ""
	e.order = slices.IndexFunc(aclTags, func(t aclTag) bool { return t.name == part[0] && t.ofOneID == ofOneID })
	if e.order < 0 {
		return e, invalid("ACL entry %.100q", text)
	}
	for i, c := range "rwx" {
		if strings.ContainsRune(part[2], c) {
			e.perm |= 4 >> i
		}
	}
	if strings.Trim(part[2], "rwx-") != "" {
		return e, invalid("ACL entry %.100q", text)
	}
	e.id = aclNoID
	if ofOneID {
		e.id, err = aclID(part)
	}
	return e, err
}

// aclID returns the ID of an entry of one user or group: the number that it
// has, or that its name has here.
func aclID(part []string) (uint32, error) {
	for _, text := range slices.Backward(part) {
		if id, err := strconv.ParseUint(text, 10, 32); err == nil && id != aclNoID {
			return uint32(id), nil
		}
	}
	text := ""
	if part[0] == "user" {
		if u, err := user.Lookup(part[1]); err == nil {
			text = u.Uid
		}
	} else if g, err := user.LookupGroup(part[1]); err == nil {
		text = g.Gid
	}
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, invalid("ACL of the %s %.100q, which is not known here", part[0], part[1])
	}
	return uint32(id), nil
}
