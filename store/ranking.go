package store

import (
	"slices"

	"github.com/warmstore/warmstore/internal/manifest"
)

// A ranking holds the files that measure most, at most limit of them, the first
// one first.
type ranking struct {
	limit   int
	measure func(*FileUsage) int64
	files   []FileUsage
}

// offer gives a file, which is at path, its place if it has one. A path is a
// string only then: most files have none.
func (r *ranking) offer(f FileUsage, path *manifest.Path) {
	measured := r.measure(&f)
	full := len(r.files) >= r.limit
	if measured == 0 || r.limit == 0 || full && r.measure(&r.files[r.limit-1]) >= measured {
		return
	}
	at, _ := slices.BinarySearchFunc(r.files, measured, func(o FileUsage, measured int64) int {
		if r.measure(&o) >= measured {
			return -1
		}
		return 1
	})
	if full {
		r.files = r.files[:r.limit-1]
	}
	f.Path = path.String()
	r.files = slices.Insert(r.files, at, f)
}
