package tarball

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
	"github.com/warmstore/warmstore/internal/mutate"
)

// entry is an entry of a tar that archive/tar writes.
func entry(kind byte, name, link string) *tar.Header {
	return &tar.Header{Typeflag: kind, Name: name, Linkname: link, Mode: 0o644, ModTime: time.Unix(1e9, 0)}
}

// tarOf returns a tar of a root directory and these entries.
func tarOf(t testing.TB, entries ...*tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range append([]*tar.Header{entry(tar.TypeDir, "./", "")}, entries...) {
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(make([]byte, h.Size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// raw returns a tar of a root directory and one entry that no writer writes.
func raw(records *records, h *header, content string) []byte {
	var b bytes.Buffer
	b.Write((&header{name: "./", kind: typeDirectory, mode: 0o755}).block()[:])
	if records != nil {
		b.Write((&header{name: "x", kind: typePAX, size: int64(records.Len())}).block()[:])
		b.WriteString(records.String())
		b.Write(make([]byte, padding(int64(records.Len()))))
	}
	b.Write(h.block()[:])
	b.WriteString(content)
	b.Write(make([]byte, padding(int64(len(content)))))
	b.Write(make([]byte, 2*blockSize))
	return b.Bytes()
}

// sparse returns a tar of one file of a size, with a map in format 1.0 and data.
func sparse(size, text, data string) []byte {
	r := new(records)
	r.add(keySparseMajor, "1")
	r.add(keySparseMinor, "0")
	r.add(keySparseName, "s")
	r.add(keySparseSize, size)
	content := text + strings.Repeat("\x00", int(padding(int64(len(text))))) + data
	return raw(r, &header{name: "s", kind: typeRegular, size: int64(len(content))}, content)
}

// TestRefuses opens what must not be taken. The error must say why.
func TestRefuses(t *testing.T) {
	file := func(name string) *tar.Header { return entry(tar.TypeReg, name, "") }
	dir := func(name string) *tar.Header { return entry(tar.TypeDir, name, "") }
	good := tarOf(t, file("f"))
	full := tarOf(t, &tar.Header{Typeflag: tar.TypeReg, Name: "full", Size: 5000})
	record := func(key, value string) *records {
		r := new(records)
		r.add(key, value)
		return r
	}
	plain := &header{name: "f", kind: typeRegular}
	for name, test := range map[string]struct {
		tar  []byte
		want string
	}{
		"nothing":         {nil, "cut off at byte 0"},
		"empty":           {make([]byte, 1024), "it is empty"},
		"no tar":          {bytes.Repeat([]byte("no tar "), 1000), "headers at byte 0"},
		"no root":         {tarOf(t)[blockSize:], "it is empty"},
		"root is a file":  {tarOf(t, file("."))[blockSize:], "does not begin with its root"},
		"two roots":       {tarOf(t, dir("./")), "second root"},
		"up":              {tarOf(t, file("../f")), `"../f"`},
		"up inside":       {tarOf(t, dir("a"), file("a/../../f")), "has .."},
		"absolute":        {tarOf(t, file("/etc/passwd")), "absolute"},
		"twice":           {tarOf(t, file("f"), file("./f")), `"f": not a tar of a volume: it is there twice`},
		"two types":       {tarOf(t, file("f"), dir("f")), "twice"},
		"in nothing":      {tarOf(t, file("a/f")), `"a" has not come before`},
		"in a file":       {tarOf(t, file("a"), file("a/f")), "has not come before as a directory"},
		"in a symlink":    {tarOf(t, entry(tar.TypeSymlink, "a", "/etc"), file("a/passwd")), "has not come before"},
		"link up":         {tarOf(t, entry(tar.TypeLink, "f", "../f")), `link to "../f"`},
		"link out":        {tarOf(t, entry(tar.TypeLink, "f", "/etc/shadow")), "absolute"},
		"link to nothing": {tarOf(t, entry(tar.TypeLink, "f", "g")), "has not come before"},
		"link to itself":  {tarOf(t, entry(tar.TypeLink, "f", "f")), "has not come before"},
		"link forward":    {tarOf(t, entry(tar.TypeLink, "f", "g"), file("g")), "has not come before"},
		"link to root":    {tarOf(t, entry(tar.TypeLink, "f", ".")), "cannot be linked"},
		"link to dir":     {tarOf(t, dir("d"), entry(tar.TypeLink, "f", "d")), "cannot be linked"},
		"link in symlink": {tarOf(t, entry(tar.TypeSymlink, "a", "/"), entry(tar.TypeLink, "f", "a/x")), "before"},
		"type":            {raw(nil, &header{name: "f", kind: 'D'}, ""), "type 'D'"},
		"contiguous":      {raw(nil, &header{name: "f", kind: '7'}, ""), "type '7'"},
		"global":          {raw(nil, &header{name: "g", kind: 'g'}, ""), "type 'g'"},
		"no target":       {raw(nil, &header{name: "f", kind: typeSymlink}, ""), "target"},
		"owner":           {raw(record(keyUID, "4294967295"), plain, ""), "owner"},
		"owner below 0":   {raw(record(keyGID, "-2"), plain, ""), "owner"},
		"long name":       {raw(record(keyPath, strings.Repeat("n", 256)), plain, ""), "name"},
		"size":            {raw(record(keySize, "99999999999999"), plain, ""), "cut off"},
		"size overflows":  {raw(record(keySize, "9223372036854775807"), plain, ""), "cut off"},
		"size below 0":    {raw(record(keySize, "-5"), plain, ""), "headers at byte"},
		"ACL":             {raw(record("SCHILY.acl.access", "user::rwx,wrong"), plain, ""), "ACL"},
		"ACL of nobody":   {raw(record("SCHILY.acl.access", "user:no such user:rwx"), plain, ""), "not known here"},
		"unknown sparse":  {raw(record("GNU.sparse.major", "2"), plain, ""), "sparse in a way not known"},
		"checksum":        {flip(good, 148), "headers at byte 0"},
		"cut in header":   {good[:700], "cut off"},
		"cut after entry": {good[:1024], "cut off at byte 1024"},
		"one end block":   {good[:1536], "cut off"},
		"cut in content":  {full[:3000], "cut off: of 5000 bytes"},
		"goes on":         {append(slices.Clone(good), good...), "something follows its end"},
		"map too far":     {sparse("100", "1\n50\n51\n", ""), "headers at byte"},
		"map backwards":   {sparse("100", "2\n50\n1\n20\n1\n", ""), "headers at byte"},
		"map overflows":   {sparse("9223372036854775807", "1\n9223372036854775807\n9\n", ""), "headers at byte"},
		"map too long":    {sparse("100", "99999999\n1\n1\n", ""), "headers at byte"},
		"map of more":     {sparse("100000", "1\n0\n99999\n", ""), "bytes of data, and a map of 99999"},
		"map of less":     {sparse("100", "1\n0\n5\n", "longer"), "and a map of 5"},
		"no map":          {sparse("100", "no map", ""), "headers at byte"},
	} {
		_, err := Open(bytes.NewReader(test.tar), int64(len(test.tar)))
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want: %s", name, err, test.want)
		}
	}
}

// flip returns a copy with one bit changed.
func flip(b []byte, at int) []byte {
	b = slices.Clone(b)
	b[at] ^= 1
	return b
}

// TestHugeHole opens a file of exabytes that takes a few blocks.
func TestHugeHole(t *testing.T) {
	const size = 9_000_000_000_000_000_000
	archive := sparse(fmt.Sprint(int64(size)), "1\n8999999999999999998\n2\n", "xy")
	tree, err := Open(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	err = tree.Walk(func(e *manifest.Entry, content io.ReaderAt) error {
		if content == nil {
			return nil
		}
		got := make([]byte, 5)
		if n, err := content.ReadAt(got, size-4); n != 4 || err != io.EOF || string(got) != "\x00\x00xy\x00" {
			t.Errorf("it ends in %q: %d bytes, %v", got, n, err)
		}
		if !slices.Equal(e.Holes, []fsx.Extent{{Length: size - 2}}) || e.Size != size {
			t.Errorf("%d bytes, holes %v", e.Size, e.Holes)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestACLText reads ACLs as programs write them.
func TestACLText(t *testing.T) {
	want, err := parseACL("user::rwx,user:0:r--,group::r-x,mask::rwx,other::---")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"user::rwx\nuser:root:r--\ngroup::r-x\nmask::rwx\nother::---\n",       // GNU tar
		"user::rwx,group::r-x,other::---,user:whoever:r--:0,mask::rwx",        // bsdtar
		"user::rwx\nuser:0:r--\t#effective:r--\ngroup::r-x,mask::rwx,other::", // getfacl
	} {
		if got, err := parseACL(text); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q is %x (%v), want %x", text, got, err, want)
		}
	}
}

// FuzzImport opens any bytes. What is taken must be a volume that can be written
// and read again, and stays the same.
func FuzzImport(f *testing.F) {
	v := everything()
	v.entries[1].Meta.Xattrs = v.entries[1].Meta.Xattrs[:4] // mutating the others finds nothing
	archive, _ := v.write(f)
	f.Add(archive)
	f.Add(tarOf(f, entry(tar.TypeDir, "d", ""), entry(tar.TypeReg, "d/f", ""), entry(tar.TypeLink, "l", "d/f")))
	f.Add(sparse("100", "1\n50\n10\n", "0123456789"))
	f.Add(raw(nil, &header{name: "old", kind: 'S', size: 512}, strings.Repeat("x", 512)))
	f.Fuzz(mutate.Often(func(t *testing.T, archive []byte) {
		archive = slices.Clone(archive)
		mend(archive)
		tree, err := Open(bytes.NewReader(archive), int64(len(archive)))
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		var size int64
		if err := tree.Walk(func(e *manifest.Entry, _ io.ReaderAt) error {
			size = max(size, e.Size)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if size > 1<<20 {
			return // a hole, which is no work, but for this test
		}
		v := read(t, archive)
		written, _ := v.write(t)
		if !bytes.Equal(read(t, written).encode(t), v.encode(t)) {
			t.Error("what was read, written and read again is another volume")
		}
	}))
}

// mend makes the sums of all headers right, for else nothing but they is tried.
func mend(archive []byte) {
	for b := range slices.Chunk(archive, blockSize) {
		if len(b) < blockSize || string(b[257:262]) != "ustar" {
			continue
		}
		copy(b[148:156], "        ")
		sum := 0
		for _, c := range b {
			sum += int(c)
		}
		copy(b[148:156], fmt.Sprintf("%06o\x00 ", sum))
	}
}
