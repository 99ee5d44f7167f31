package manifest

import "path"

// A Path follows a sequence of entries and knows the path of the latest one.
// The zero value stands before the root.
type Path struct {
	dirs []string
	name string
}

// Step goes on to the entry that a Decoder returned.
func (p *Path) Step(e *Entry) {
	if e.Kind == End {
		p.dirs = p.dirs[:len(p.dirs)-1]
		p.name = ""
		return
	}
	p.name = e.Name
	if e.IsDir() {
		p.dirs = append(p.dirs, e.Name)
		p.name = ""
	}
}

// String returns the path of the latest entry from the root, which is ".".
func (p *Path) String() string {
	return path.Join(append(append([]string{"."}, p.dirs...), p.name)...)
}
