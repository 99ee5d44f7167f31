package witness

import (
	"fmt"
	"os"
	"sync"

	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/fsx"
)

// A Writer writes the witness of one volume to a temporary file. It is safe for
// concurrent use.
type Writer struct {
	mu    sync.Mutex
	file  *os.File
	pages map[int64]*page // not yet written
	err   error
}

// A page is a window of records. It is written when it is full: files are done
// in about the order of their numbers, so there are few of them at a time.
type page struct {
	bytes [window * recordSize]byte
	count int
}

// Create starts a witness in directory tmp.
func Create(tmp string) (*Writer, error) {
	file, err := os.CreateTemp(tmp, "witness-*")
	if err != nil {
		return nil, fmt.Errorf("create witness: %w", err)
	}
	return &Writer{file: file, pages: make(map[int64]*page)}, nil
}

// Put records how the file of this number looks. A number is put once; files
// that are left out are not known.
func (w *Writer) Put(number int64, id *fsx.Identity) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.pages[number/window]
	if p == nil {
		p = new(page)
		w.pages[number/window] = p
	}
	appendRecord(p.bytes[:number%window*recordSize], number, id)
	if p.count++; p.count == window {
		w.write(number / window)
	}
}

// write writes a page and forgets it.
func (w *Writer) write(number int64) {
	if w.err == nil {
		_, w.err = w.file.WriteAt(w.pages[number].bytes[:], headerSize+number*window*recordSize)
	}
	delete(w.pages, number)
}

// Publish completes the witness of the snapshot, of a volume whose root looks
// like root, and renames it to path. Files whose last change came before clean
// had none that was still on its way to the disk when they were looked at. The
// Writer is dead after it.
func (w *Writer) Publish(path string, snapshot blob.ID, root fsx.Identity, clean fsx.Time) error {
	for number := range w.pages {
		w.write(number)
	}
	head := header{snapshot: snapshot, dev: root.Dev, mount: root.Mount, clean: clean}
	if w.err == nil {
		_, w.err = w.file.WriteAt(head.encode(), 0)
	}
	if w.err == nil {
		w.err = os.Rename(w.file.Name(), path) // not synced: it is a cache that proves itself
	}
	if w.err != nil {
		w.Abort()
		return fmt.Errorf("write witness: %w", w.err)
	}
	return w.file.Close()
}

// Abort gives the witness up and removes its temporary file.
func (w *Writer) Abort() {
	w.file.Close()
	os.Remove(w.file.Name())
}
