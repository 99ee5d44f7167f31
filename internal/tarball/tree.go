package tarball

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/warmstore/warmstore/internal/manifest"
)

// A Tree is the volume that a tar holds. It takes some 80 bytes of memory for
// each name, and no more than that of a file. Walk may be called concurrently.
type Tree struct {
	r     io.ReaderAt
	size  int64
	nodes []node
	order []int32 // of all nodes but the root, by parent and name

	dirs map[place]int32 // while the tar is being read
}

// A node is one name, in the order of the tar; the first is the root.
type node struct {
	name   string
	parent int32
	inode  int32 // the node whose headers describe it
	names  int32 // of an inode
	isDir  bool
	offset int64 // of its headers
}

// place is a name in a directory.
type place struct {
	parent int32
	name   string
}

// Open reads the headers of a tar of size bytes, as GNU tar, bsdtar and Write
// make it of a directory: tar -C DIR -cf TAR . – and refuses what is not one
// whole tree: names that lead out of it, twice the same, without a directory or
// below what is none, links to what did not come before, types that are no
// files, and tars that are cut off. Nothing is extracted, so nothing in the tar
// can do anything; its content is read where it is.
func Open(r io.ReaderAt, size int64) (*Tree, error) {
	t := &Tree{r: r, size: size, dirs: make(map[place]int32)}
	links, err := t.read()
	if err != nil {
		return nil, err
	}
	if err := t.sort(); err != nil {
		return nil, err
	}
	if err := t.resolve(links); err != nil {
		return nil, err
	}
	t.dirs = nil
	return t, t.check()
}

// read makes a node of every element. It returns the targets of hard links.
func (t *Tree) read() (links map[int32]string, err error) {
	links = make(map[int32]string)
	for offset := int64(0); ; {
		e, err := t.element(offset)
		if err != nil {
			return nil, err
		}
		if e == nil {
			break
		}
		if len(t.nodes) == math.MaxInt32 {
			return nil, invalid("it has too many entries")
		}
		n := node{offset: offset, inode: int32(len(t.nodes)), isDir: e.Typeflag == tar.TypeDir}
		if e.Typeflag == tar.TypeLink {
			links[n.inode] = e.Linkname
		} else if _, err := fileType(e.Header); err != nil {
			return nil, fmt.Errorf("%q: %w", e.Name, err)
		}
		if err := t.add(n, e.Name); err != nil {
			return nil, fmt.Errorf("%q: %w", e.Name, err)
		}
		offset = e.next
	}
	if len(t.nodes) == 0 {
		return nil, invalid("it is empty")
	}
	return links, nil
}

// add adds a node under its name from the root.
func (t *Tree) add(n node, name string) error {
	way, err := components(name)
	if err != nil {
		return err
	}
	if len(t.nodes) == 0 {
		if len(way) > 0 || !n.isDir {
			return invalid("it does not begin with its root directory")
		}
		n.parent = -1
		t.nodes = append(t.nodes, n)
		return nil
	}
	if len(way) == 0 {
		return invalid("it has a second root")
	}
	last := len(way) - 1
	if n.parent, err = t.dir(way[:last]); err != nil {
		return err
	}
	n.name = strings.Clone(way[last])
	if n.isDir {
		t.dirs[place{n.parent, n.name}] = n.inode
	}
	t.nodes = append(t.nodes, n)
	return nil
}

// components returns the names on the way to a file, which must not lead out of
// the volume.
func components(name string) (way []string, err error) {
	if strings.HasPrefix(name, "/") {
		return nil, invalid("its name is absolute")
	}
	for part := range strings.SplitSeq(name, "/") {
		switch part {
		case "", ".":
		case "..":
			return nil, invalid("its name has ..")
		default:
			way = append(way, part)
		}
	}
	return way, nil
}

// dir returns the directory at the end of a way, which must have come before.
func (t *Tree) dir(way []string) (at int32, err error) {
	for i, name := range way {
		next, ok := t.dirs[place{at, name}]
		if !ok {
			return 0, invalid("%q has not come before as a directory", strings.Join(way[:i+1], "/"))
		}
		at = next
	}
	return at, nil
}

// sort brings the nodes into order, and refuses those of one name.
func (t *Tree) sort() error {
	for i := range t.nodes[1:] {
		t.order = append(t.order, int32(i)+1)
	}
	slices.SortFunc(t.order, func(a, b int32) int { return t.nodes[a].compare(t.nodes[b].place()) })
	for i, n := range t.order[min(1, len(t.order)):] {
		if t.nodes[n].place() == t.nodes[t.order[i]].place() {
			return fmt.Errorf("%q: %w", t.path(n), invalid("it is there twice"))
		}
	}
	return nil
}

func (n *node) place() place { return place{n.parent, n.name} }

// compare orders nodes by parent and name.
func (n *node) compare(p place) int {
	if n.parent != p.parent {
		return int(n.parent) - int(p.parent)
	}
	return strings.Compare(n.name, p.name)
}

// resolve finds what hard links are further names of.
func (t *Tree) resolve(links map[int32]string) error {
	for i := range t.nodes {
		n := &t.nodes[i]
		if target, ok := links[int32(i)]; ok {
			to, err := t.target(target, int32(i))
			if err != nil {
				return fmt.Errorf("%q: link to %q: %w", t.path(int32(i)), target, err)
			}
			n.inode = t.nodes[to].inode
		}
		t.nodes[n.inode].names++
	}
	return nil
}

// target returns the node that a hard link names. Only what came before it may
// be named, so that its inode is known.
func (t *Tree) target(name string, before int32) (int32, error) {
	way, err := components(name)
	if err != nil {
		return 0, err
	}
	if len(way) == 0 {
		return 0, invalid("a directory cannot be linked")
	}
	last := len(way) - 1
	parent, err := t.dir(way[:last])
	if err != nil {
		return 0, err
	}
	at, found := t.find(place{parent, way[last]})
	switch {
	case !found || t.order[at] >= before:
		return 0, invalid("it has not come before")
	case t.nodes[t.order[at]].isDir:
		return 0, invalid("a directory cannot be linked")
	}
	return t.order[at], nil
}

// find returns where in the order a place is, or would be.
func (t *Tree) find(p place) (int, bool) {
	return slices.BinarySearchFunc(t.order, p, func(n int32, p place) int { return t.nodes[n].compare(p) })
}

// path returns the path of a node.
func (t *Tree) path(n int32) string {
	var way []string
	for ; n > 0; n = t.nodes[n].parent {
		way = append(way, t.nodes[n].name)
	}
	slices.Reverse(way)
	return strings.Join(way, "/")
}

// check refuses what no manifest can have, such as a name that is too long.
func (t *Tree) check() error {
	enc := manifest.NewEncoder(io.Discard)
	err := t.Walk(func(e *manifest.Entry, _ io.ReaderAt) error {
		if e.IsFile() && e.Size > 0 {
			e.Pieces = []manifest.Piece{{Length: e.Size}}
		}
		return enc.Encode(e)
	})
	if errors.Is(err, manifest.ErrCorrupt) {
		return invalid("%v", err) // what is corrupt is no store
	}
	return err
}
