package tarball

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/warmstore/warmstore/internal/fsx"
)

// Keys of PAX records. Those of SCHILY are of star, and known to all others.
const (
	keyPath    = "path"
	keyLink    = "linkpath"
	keySize    = "size"
	keyUID     = "uid"
	keyGID     = "gid"
	keyTime    = "mtime"
	keyCharset = "hdrcharset"
	keyXattr   = "SCHILY.xattr."
	keyFlags   = "SCHILY.fflags"

	keySparse      = "GNU.sparse."
	keySparseMap   = "GNU.sparse.map"
	keySparseMajor = "GNU.sparse.major"
	keySparseMinor = "GNU.sparse.minor"
	keySparseName  = "GNU.sparse.name"
	keySparseSize  = "GNU.sparse.realsize"
)

// charsetBytes says that names are bytes, and not UTF-8. Else bsdtar brings them
// into a normal form, in which different names are the same.
const charsetBytes = "BINARY"

// maxField is how long a name may be to be in the header block, where nobody
// takes it for anything but bytes.
const maxField = 100

// maxRecords bounds the records of one entry, bytes; who reads them holds them
// in memory, and refuses more.
const maxRecords = 1 << 20

// records are PAX records, encoded.
type records struct{ strings.Builder }

// add encodes one. Its length counts its own digits.
func (r *records) add(key, value string) {
	rest := len(" =\n") + len(key) + len(value)
	n := rest + len(strconv.Itoa(rest))
	n = rest + len(strconv.Itoa(n))
	fmt.Fprintf(r, "%d %s=%s\n", n, key, value)
}

// describe adds what the header block of h cannot say.
func (r *records) describe(h *header) {
	r.names(h)
	if h.sparse {
		r.add(keySparseMajor, "1")
		r.add(keySparseMinor, "0")
		r.add(keySparseSize, strconv.FormatInt(h.realSize, 10))
	}
	r.number(keyUID, int64(h.uid), maxOctal8)
	r.number(keyGID, int64(h.gid), maxOctal8)
	r.number(keySize, h.size, maxOctal12)
	if h.mtime.Nsec != 0 || h.mtime.Sec < 0 || h.mtime.Sec > maxOctal12 {
		r.add(keyTime, formatTime(h.mtime))
	}
	for _, x := range h.xattrs {
		if text, ok := aclText(x); ok {
			r.add(aclKeys[x.Name], text)
		}
		r.add(keyXattr+escapeKey.Replace(x.Name), string(x.Value))
	}
	if h.flags != 0 {
		r.add(keyFlags, formatFlags(h.flags))
	}
}

// names adds the name and the target that the block does not hold.
func (r *records) names(h *header) {
	name, link := h.sparse || len(h.name) > maxField, len(h.link) > maxField
	if name && !ascii(h.name) || link && !ascii(h.link) {
		r.add(keyCharset, charsetBytes)
	}
	switch {
	case h.sparse:
		r.add(keySparseName, h.name)
	case name:
		r.add(keyPath, h.name)
	}
	if link {
		r.add(keyLink, h.link)
	}
}

// number adds a number that its field does not hold.
func (r *records) number(key string, n, limit int64) {
	if n > limit {
		r.add(key, strconv.FormatInt(n, 10))
	}
}

func ascii(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf })
}

// The names of attributes may have what ends a key. They are escaped as GNU tar
// does it.
var escapeKey = strings.NewReplacer("%", "%25", "=", "%3D")

// flagNames are the names that bsdtar writes and reads for chattr's flags.
var flagNames = []struct {
	name string
	flag uint32
}{
	{"schg", fsx.FlagImmutable}, {"sappnd", fsx.FlagAppend}, {"nodump", fsx.FlagNoDump},
}

func formatFlags(flags uint32) string {
	var names []string
	for _, f := range flagNames {
		if flags&f.flag != 0 {
			names = append(names, f.name)
		}
	}
	return strings.Join(names, ",")
}

// formatTime writes a time as a decimal fraction of seconds.
func formatTime(t fsx.Time) string {
	sign, sec, nsec := "", t.Sec, int64(t.Nsec)
	if sec < 0 {
		sign, sec = "-", -sec
		if nsec > 0 {
			sec, nsec = sec-1, 1e9-nsec
		}
	}
	text := fmt.Sprintf("%s%d.%09d", sign, uint64(sec), nsec)
	return strings.TrimRight(strings.TrimRight(text, "0"), ".")
}
