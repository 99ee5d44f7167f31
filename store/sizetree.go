package store

import "github.com/warmstore/warmstore/internal/manifest"

const (
	// treeShare is the part of a volume, in a thousand, that an entry must have to
	// be told of by itself: so a tree has at most a hundred entries a level.
	treeShare = 10
	// treeDepth bounds the levels.
	treeDepth = 6
)

// A SizeTree says how the bytes of files are spread over a directory. Entries
// too small to matter, and too deep, are in Bytes only.
type SizeTree struct {
	Name  string // raw bytes; empty for the root of a volume
	Dir   bool
	Bytes int64       // of the files in it, or of the file
	Files int64       // names of everything but directories in it; 1 of a file
	In    []*SizeTree // in the order of the manifest
}

// A treeBuilder makes a SizeTree from the entries of a manifest.
type treeBuilder struct {
	root  *SizeTree
	open  []*SizeTree // the directories down to where the entries are
	least int64       // bytes of what is told of by itself
}

func newTreeBuilder(v *VolumeRecord) *treeBuilder {
	return &treeBuilder{least: max(1, v.Bytes/1000*treeShare)}
}

func (b *treeBuilder) step(e *manifest.Entry) {
	switch {
	case e.Kind == manifest.End:
		done := b.open[len(b.open)-1]
		b.open = b.open[:len(b.open)-1]
		b.add(done)
	case e.IsDir():
		b.open = append(b.open, &SizeTree{Name: e.Name, Dir: true})
	default:
		b.add(&SizeTree{Name: e.Name, Bytes: e.Size, Files: 1})
	}
}

// add puts what is complete into its directory.
func (b *treeBuilder) add(t *SizeTree) {
	if len(b.open) == 0 {
		b.root = t
		return
	}
	in := b.open[len(b.open)-1]
	in.Bytes += t.Bytes
	in.Files += t.Files
	if t.Bytes >= b.least && len(b.open) < treeDepth {
		in.In = append(in.In, t)
	}
}
