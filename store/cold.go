package store

import (
	"io"
	"math"
	"os"

	"github.com/warmstore/warmstore/internal/fsx"
)

// cacheShare is the part of the machine's memory that reading may fill.
const cacheShare = 4 // a quarter

// behind is how far before what was read the cache is dropped as well: the kernel
// keeps pages in groups of up to 2 MiB, and drops only whole ones.
const behind = 2 << 20 // bytes

// A coldFile is read and leaves the page cache as it was.
type coldFile struct{ *os.File }

// ReadAt implements io.ReaderAt.
func (f coldFile) ReadAt(b []byte, offset int64) (n int, err error) {
	n, err = f.File.ReadAt(b, offset)
	if n > 0 {
		from := max(0, offset-behind)
		fsx.DropCache(f.File, from, offset+int64(n)-from)
	}
	return n, err
}

// reader returns what to read a file of size bytes by. When much has been read
// already, a file that was not cached is not left in the cache: what others need
// there would have to go. What was cached stays, for who deploys the app again.
func (run *session) reader(f *os.File, size int64) io.ReaderAt {
	if run.counters.read.Load() < run.cache {
		return f
	}
	cached, ok := fsx.Cached(f)
	if !ok || cached >= size/2 {
		return f
	}
	return coldFile{f}
}

// cacheBytes is how much a snapshot may read into the page cache.
func (s *Store) cacheBytes() int64 {
	if s.opts.Cache > 0 {
		return s.opts.Cache
	}
	memory, ok := fsx.Memory()
	if !ok {
		return math.MaxInt64
	}
	return memory / cacheShare
}
