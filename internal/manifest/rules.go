package manifest

import (
	"strings"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
)

// rules follows a sequence of entries and refuses what is not a tree. Encoder
// and Decoder both hold to it, so what is written can be read, and what is
// read could have been written.
type rules struct {
	begun  bool
	last   []string // of each open directory, the latest name in it
	groups uint64
	files  int64
}

// done reports whether the root directory has been closed.
func (r *rules) done() bool { return r.begun && len(r.last) == 0 }

func (r *rules) step(e *Entry) error {
	if r.done() {
		return corrupt("entry after the root's end")
	}
	if e.Kind == End {
		return r.end()
	}
	if err := r.name(e); err != nil {
		return err
	}
	switch e.Kind {
	case Inode:
		return r.inode(e)
	case Link:
		if e.Group == 0 || e.Group > r.groups {
			return corrupt("%q links to nothing", e.Name)
		}
		return nil
	}
	return corrupt("entry of kind %d", e.Kind)
}

func (r *rules) end() error {
	if len(r.last) == 0 {
		return corrupt("end of no directory")
	}
	r.last = r.last[:len(r.last)-1]
	return nil
}

func (r *rules) name(e *Entry) error {
	if !r.begun {
		r.begun = true
		if e.Name != "" || !e.IsDir() {
			return corrupt("the root is %q", e.Name)
		}
		return nil
	}
	if err := checkName(e.Name); err != nil {
		return err
	}
	top := len(r.last) - 1
	if e.Name <= r.last[top] {
		return corrupt("%q after %q", e.Name, r.last[top])
	}
	r.last[top] = e.Name
	return nil
}

func checkName(name string) error {
	switch {
	case name == "", name == ".", name == "..", len(name) > maxName, strings.ContainsAny(name, "/\x00"):
		return corrupt("name %.300q", name)
	}
	return nil
}

func (r *rules) inode(e *Entry) error {
	if err := checkMeta(e.Name, &e.Meta); err != nil {
		return err
	}
	if e.Group != 0 {
		if r.groups++; e.Group != r.groups || e.IsDir() {
			return corrupt("%q is in link group %d", e.Name, e.Group)
		}
	}
	switch e.Meta.Type {
	case fsx.Directory:
		if len(r.last) == maxDepth {
			return corrupt("%q is too deep", e.Name)
		}
		r.last = append(r.last, "")
	case fsx.Regular:
		e.Number = r.files
		r.files++
		return checkContent(e)
	}
	return nil
}

func checkMeta(name string, m *fsx.Meta) error {
	switch {
	case m.Type < fsx.Directory || m.Type > fsx.BlockDevice:
		return corrupt("%q has type %d", name, m.Type)
	case m.Mode > 0o7777:
		return corrupt("%q has mode %o", name, m.Mode)
	case m.Flags&^keptFlags != 0, m.Flags != 0 && m.Type != fsx.Directory && m.Type != fsx.Regular:
		return corrupt("%q has flags %#x", name, m.Flags)
	case m.ModTime.Nsec >= 1e9:
		return corrupt("%q has %d nanoseconds", name, m.ModTime.Nsec)
	case m.Type == fsx.Symlink && (m.Target == "" || len(m.Target) > maxTarget || strings.Contains(m.Target, "\x00")):
		return corrupt("%q has target %.300q", name, m.Target)
	}
	return checkXattrs(name, m.Xattrs)
}

func checkXattrs(name string, xattrs []fsx.Xattr) error {
	if len(xattrs) > maxXattrs {
		return corrupt("%q has %d attributes", name, len(xattrs))
	}
	last := ""
	for _, x := range xattrs {
		switch {
		case x.Name <= last, len(x.Name) > maxXattrName, strings.Contains(x.Name, "\x00"):
			return corrupt("%q has attribute %.300q after %.300q", name, x.Name, last)
		case len(x.Value) > maxXattrValue:
			return corrupt("%q has attribute %q of %d bytes", name, x.Name, len(x.Value))
		}
		last = x.Name
	}
	return nil
}

func checkContent(e *Entry) error {
	if e.Size < 0 || len(e.Holes) > maxHoles || len(e.Pieces) > maxPieces {
		return corrupt("%q has size %d, %d holes and %d pieces", e.Name, e.Size, len(e.Holes), len(e.Pieces))
	}
	after := int64(-1) // the end of the last hole; holes that touch are one
	for _, h := range e.Holes {
		if h.Offset <= after || h.Length <= 0 || h.Length > e.Size-h.Offset {
			return corrupt("%q has a hole of %d bytes at %d", e.Name, h.Length, h.Offset)
		}
		after = h.Offset + h.Length
	}
	return checkPieces(e)
}

func checkPieces(e *Entry) error {
	rest, zeros := e.Size, false
	for _, p := range e.Pieces {
		isZeros := p.ID.IsZero()
		if p.Length <= 0 || p.Length > rest || isZeros && zeros || !isZeros && p.Length > blob.MaxRaw {
			return corrupt("%q has a piece of %d bytes with %d left", e.Name, p.Length, rest)
		}
		rest -= p.Length
		zeros = isZeros
	}
	if rest != 0 {
		return corrupt("%q has %d bytes without content", e.Name, rest)
	}
	return nil
}
