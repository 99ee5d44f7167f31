package tarball

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
)

// A volume is a tree in memory.
type volume struct {
	entries []manifest.Entry
	chunks  map[blob.ID][]byte
}

// Chunk makes a volume a manifest.Loader.
func (v *volume) Chunk(dst []byte, id blob.ID) ([]byte, error) {
	return append(dst[:0], v.chunks[id]...), nil
}

// add adds an entry; a regular file has the content, with zeros where it has
// holes.
func (v *volume) add(e manifest.Entry, content string) {
	if e.IsFile() {
		e.Size = int64(len(content))
		if content != "" {
			if v.chunks == nil {
				v.chunks = make(map[blob.ID][]byte)
			}
			p := manifest.Piece{Length: e.Size}
			if !allZero([]byte(content)) {
				p.ID = blob.Sum([]byte(content))
				v.chunks[p.ID] = []byte(content)
			}
			e.Pieces = []manifest.Piece{p}
		}
	}
	v.entries = append(v.entries, e)
}

func (v *volume) encode(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := manifest.NewEncoder(&b)
	for i := range v.entries {
		if err := enc.Encode(&v.entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// write returns the volume as a tar, whose size must be what Size says.
func (v *volume) write(t testing.TB) (archive []byte, omitted []string) {
	t.Helper()
	encoded := v.encode(t)
	var b bytes.Buffer
	omitted, err := Write(t.Context(), &b, bytes.NewReader(encoded), v)
	if err != nil {
		t.Fatal(err)
	}
	if size, err := Size(bytes.NewReader(encoded)); err != nil || size != int64(b.Len()) {
		t.Fatalf("the size is %d (%v), and %d bytes were written", size, err, b.Len())
	}
	return b.Bytes(), omitted
}

// read returns the volume that a tar holds. Files are one chunk.
func read(t testing.TB, archive []byte) *volume {
	t.Helper()
	tree, err := Open(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		t.Fatal(err)
	}
	v := new(volume)
	err = tree.Walk(func(e *manifest.Entry, content io.ReaderAt) error {
		data := make([]byte, e.Size)
		if content != nil {
			if n, err := content.ReadAt(data, 0); n < len(data) {
				t.Fatalf("%q: %d of %d bytes: %v", e.Name, n, len(data), err)
			}
		}
		v.add(*e, string(data))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func inode(kind fsx.Type, name string) manifest.Entry {
	meta := fsx.Meta{Type: kind, Mode: 0o640, UID: 1000, GID: 100, ModTime: fsx.Time{Sec: 1e9, Nsec: 5}}
	return manifest.Entry{Kind: manifest.Inode, Name: name, Meta: meta}
}

var end = manifest.Entry{Kind: manifest.End}

// everything is a volume with every kind of entry and what is at the limits.
func everything() *volume {
	v := new(volume)
	v.add(inode(fsx.Directory, ""), "")
	e := inode(fsx.Regular, "attributes")
	e.Meta.Flags = fsx.FlagAppend | fsx.FlagImmutable | fsx.FlagNoDump
	for _, name := range []string{"system.posix_acl_access", "system.posix_acl_default"} {
		value, err := parseACL("user::rwx,group::r-x,other::---,user:4294967294:-w-,group:0:r--,mask::rwx")
		if err != nil {
			panic(err)
		}
		e.Meta.Xattrs = append(e.Meta.Xattrs, fsx.Xattr{Name: name, Value: value})
	}
	for _, name := range []string{"system.posix_acl_wrong", "user.%25=%3D", "user.empty", "user.long"} {
		value := bytes.Repeat([]byte{0, '\n', 255}, len(name)*100)
		if name == "user.empty" {
			value = []byte{}
		}
		e.Meta.Xattrs = append(e.Meta.Xattrs, fsx.Xattr{Name: name, Value: value})
	}
	v.add(e, "content")
	e = inode(fsx.BlockDevice, "block")
	e.Meta.Rdev = fsx.NewRdev(4095, 1<<20-1)
	v.add(e, "")
	v.add(inode(fsx.Directory, "dir"), "")
	e = inode(fsx.Regular, strings.Repeat("\xff", 255))
	e.Group = 1
	v.add(e, strings.Repeat("linked", 1000))
	v.add(end, "")
	v.add(inode(fsx.Regular, "empty"), "")
	e = inode(fsx.Symlink, "link "+strings.Repeat("é", 50))
	e.Meta.Target = strings.Repeat("/\xfe", 2000)
	e.Meta.UID, e.Meta.GID = 1<<32-2, 1<<21
	v.add(e, "")
	for i, at := range []fsx.Time{
		{Sec: -1, Nsec: 999_999_999}, {Sec: -3}, {}, {Sec: 1 << 33}, {Sec: -1 << 62, Nsec: 1},
	} {
		e := inode(fsx.FIFO, fmt.Sprintf("pipe%d", i))
		e.Meta.ModTime = at
		v.add(e, "")
	}
	for i, holes := range [][]fsx.Extent{
		{{Offset: 0, Length: 5000}},
		{{Offset: 0, Length: 1}, {Offset: 4999, Length: 1}},
		{{Offset: 2000, Length: 1000}},
	} {
		e := inode(fsx.Regular, fmt.Sprintf("sparse%d %s", i, strings.Repeat("é", i*60)))
		e.Holes = holes
		content := bytes.Repeat([]byte{'x'}, 5000)
		for _, h := range holes {
			clear(content[h.Offset : h.Offset+h.Length])
		}
		v.add(e, string(content))
	}
	v.add(manifest.Entry{Kind: manifest.Link, Name: "zz link", Group: 1}, "")
	v.add(end, "")
	return v
}
