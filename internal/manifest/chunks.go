package manifest

import (
	"errors"
	"io"
	"iter"

	"github.com/warmstore/warmstore/internal/blob"
)

// Chunks yields the chunks that an encoded manifest names, in order and with
// repetitions. An error ends it.
func Chunks(encoded io.Reader) iter.Seq2[blob.ID, error] {
	return func(yield func(blob.ID, error) bool) {
		dec := NewDecoder(encoded)
		for {
			e, err := dec.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(blob.ID{}, err)
				return
			}
			for _, p := range e.Pieces {
				if !p.ID.IsZero() && !yield(p.ID, nil) {
					return
				}
			}
		}
	}
}
