package store

import (
	"errors"
	"io/fs"
	"os"

	"github.com/warmstore/warmstore/index"
)

// withoutLost returns chunks without those in packs that are not there, or not
// of their size. A snapshot that named them could not be restored; so if there
// are any, nothing is taken from the previous one, and what it needs of them is
// stored again.
func (run *session) withoutLost(chunks *index.Chunks) (*index.Chunks, error) {
	var good []index.Pack
	lost := 0
	for p := range chunks.Packs() {
		info, err := os.Stat(run.store.packs.Path(p.ID))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			lost++
			run.missing = append(run.missing, p.ID)
		case err != nil:
			return nil, err
		case info.Size() != p.Tail.Size():
			lost++
		default:
			good = append(good, p)
		}
	}
	if lost == 0 {
		return chunks, nil
	}
	run.previous = nil
	run.warn("%d packs are lost, so everything is read; warmstore check says what else needs them", lost)
	return index.NewChunks(good), nil
}
