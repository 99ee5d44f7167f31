package witness

import (
	"os"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/planted"
)

// window is how many records a Reader reads at a time: files are asked for in
// the order of their numbers, most often.
const window = 1024

// A Reader knows how the files of one volume looked. A nil Reader knows none.
// It is not safe for concurrent use.
type Reader struct {
	file  *os.File
	head  header
	first int64  // number of the first record in buf
	buf   []byte // whole records
}

// Open opens the witness at path, if it is one of this snapshot, and of the
// volume whose root looks like root now; else it returns nil.
func Open(path string, snapshot blob.ID, root fsx.Identity) *Reader {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	r := &Reader{file: file}
	head := make([]byte, headerSize)
	_, err = file.ReadAt(head, 0)
	if err != nil || !r.head.decode(head) || r.head.snapshot != snapshot ||
		r.head.dev != root.Dev || r.head.mount != root.Mount {
		file.Close()
		return nil
	}
	return r
}

// Same reports whether the file of this number in the manifest, which had this
// size and modification time there, is the one that looks like now, unchanged.
func (r *Reader) Same(number, size int64, modified fsx.Time, now *fsx.Identity) bool {
	if r == nil || now.Size != size || now.ModTime != modified {
		return false
	}
	if planted.Bug("size and modification time are enough") {
		return true
	}
	if now.Dev != r.head.dev || now.Mount != r.head.mount || !now.ChangeTime.Before(r.head.clean) {
		return false
	}
	b := r.record(number)
	if b == nil {
		return false
	}
	then, ok := decodeRecord(b, number)
	return ok && then.Ino == now.Ino && then.ChangeTime == now.ChangeTime && then.BirthTime == now.BirthTime
}

// record returns the bytes of a record, valid until the next call; nil if there
// is none.
func (r *Reader) record(number int64) []byte {
	at := number - r.first
	if at < 0 || at >= int64(len(r.buf)/recordSize) {
		if cap(r.buf) == 0 {
			r.buf = make([]byte, window*recordSize)
		}
		n, _ := r.file.ReadAt(r.buf[:cap(r.buf)], headerSize+number*recordSize)
		r.buf, r.first, at = r.buf[:n-n%recordSize], number, 0
	}
	if len(r.buf) == 0 {
		return nil
	}
	return r.buf[at*recordSize : (at+1)*recordSize]
}

// Close closes the file.
func (r *Reader) Close() {
	if r != nil {
		r.file.Close()
	}
}

// Trusts reports whether a file system keeps what a witness relies on: that
// every change moves the change time, also one through a mapping once the pages
// were written back. Memory, network and user-space file systems do not.
func Trusts(f fsx.Filesystem) bool {
	switch f.Name {
	case "ext4", "xfs", "btrfs":
		return true
	}
	return false
}
