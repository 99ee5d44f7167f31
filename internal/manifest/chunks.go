package manifest

import (
	"errors"
	"io"
	"iter"

	"github.com/warmstore/warmstore/internal/blob"
)

// Entries yields the entries of an encoded manifest, each valid until the next.
// An error ends it.
func Entries(encoded io.Reader) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		dec := NewDecoder(encoded)
		for {
			e, err := dec.Next()
			if errors.Is(err, io.EOF) || !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// Chunks yields the chunks that an encoded manifest names, in order and with
// repetitions. An error ends it.
func Chunks(encoded io.Reader) iter.Seq2[blob.ID, error] {
	return func(yield func(blob.ID, error) bool) {
		for e, err := range Entries(encoded) {
			if err != nil {
				yield(blob.ID{}, err)
				return
			}
			for id := range e.Chunks() {
				if !yield(id, nil) {
					return
				}
			}
		}
	}
}

// Chunks yields the chunks that e names, in order and with repetitions.
func (e *Entry) Chunks() iter.Seq[blob.ID] {
	return func(yield func(blob.ID) bool) {
		for _, p := range e.Pieces {
			if !p.ID.IsZero() && !yield(p.ID) {
				return
			}
		}
	}
}
