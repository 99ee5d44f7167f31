package store

import (
	"iter"

	"github.com/warmstore/warmstore/index"
	"github.com/warmstore/warmstore/internal/blob"
	"github.com/warmstore/warmstore/internal/planted"
)

// A folding is what gc stores whole when it copies it: deltas that are alone in
// needing their base, which no snapshot names. The chunk whole takes about what
// the base does, so that the delta is what is freed.
type folding struct {
	load   *loader
	deltas *index.Set
	bases  *index.Set // of these deltas
}

// withBases returns all that is live: the blobs that snapshots name, and the bases
// of those that are deltas. Of these it returns which to fold: those that take
// minGarbage percent of what they and their bases take together, for that much of
// it is garbage.
func (l *loader) withBases(named *index.Set, minGarbage int) (live *index.Set, f *folding, err error) {
	live = l.chunks.NewSet()
	live.Unite(named)
	once, several := l.chunks.NewSet(), l.chunks.NewSet()
	for _, base := range l.deltas(named, &err) {
		if named.Has(base) || planted.Bug("delta base not live") {
			continue
		}
		live.Add(base)
		if !once.Add(base) {
			several.Add(base)
		}
	}
	f = &folding{load: l, deltas: l.chunks.NewSet(), bases: l.chunks.NewSet()}
	for delta, base := range l.deltas(named, &err) {
		both := int64(delta.Stored) + int64(base.Stored)
		if once.Has(base) && !several.Has(base) && int64(delta.Stored)*100 >= both*int64(minGarbage) {
			f.add(delta, base)
		}
	}
	return live, f, err
}

// deltas yields the deltas of a set, each with its base. It stops at an error, and
// sets err then.
func (l *loader) deltas(set *index.Set, err *error) iter.Seq2[blob.Location, blob.Location] {
	return func(yield func(delta, base blob.Location) bool) {
		for id, entries := range set.Packs() {
			for e := range entries {
				if !e.IsDelta() {
					continue
				}
				base, failed := l.base(e.Base)
				if failed != nil {
					*err = failed
					return
				}
				if !yield(blob.Location{Pack: id, Entry: e}, base) {
					return
				}
			}
		}
	}
}

func (f *folding) add(delta, base blob.Location) {
	f.deltas.Add(delta)
	f.bases.Add(base)
}

// within returns what is left if only these packs are rewritten: if a delta or its
// base stays where it is, nothing is freed.
func (f *folding) within(packs []PackUse) (left *folding, err error) {
	rewritten := ids(packs)
	left = &folding{load: f.load, deltas: f.load.chunks.NewSet(), bases: f.load.chunks.NewSet()}
	for delta, base := range f.load.deltas(f.deltas, &err) {
		if rewritten[delta.Pack] && rewritten[base.Pack] {
			left.add(delta, base)
		}
	}
	return left, err
}

// weigh returns the bytes of the deltas in a pack, and of the bases in it.
func (f *folding) weigh(pack blob.ID) (deltas, bases int64) {
	if f == nil {
		return 0, 0
	}
	for e := range f.deltas.Entries(pack) {
		deltas += int64(e.Stored)
	}
	for e := range f.bases.Entries(pack) {
		bases += int64(e.Stored)
	}
	return deltas, bases
}

func ids(packs []PackUse) map[blob.ID]bool {
	set := make(map[blob.ID]bool, len(packs))
	for _, use := range packs {
		set[use.ID] = true
	}
	return set
}

// fold adds what is to be folded of a pack to packs, whole. Those deltas and their
// bases are live no more. A delta stays one if its base was copied already, or if
// nothing would be freed.
func (c *collection) fold(packs *packer, x *scratch, use PackUse) error {
	var raw, room []byte
	for e := range c.folding.deltas.Entries(use.ID) {
		delta := blob.Location{Pack: use.ID, Entry: e}
		base, err := c.load.base(e.Base)
		if err != nil {
			return err
		}
		if !c.waiting[base.Pack] {
			continue
		}
		if planted.Bug("base dropped, delta kept") {
			c.live.Remove(base)
			continue
		}
		if raw, err = c.load.read(raw, x, delta); err != nil {
			return err
		}
		room = roomFor(room, raw)
		whole, codec, err := x.coder.Encode(room, raw)
		if err != nil {
			return err
		}
		if len(whole) >= int(e.Stored)+int(base.Stored) {
			continue
		}
		if err := packs.add(blob.Entry{ID: e.ID, Raw: e.Raw, Codec: codec}, whole); err != nil {
			return err
		}
		c.live.Remove(delta)
		c.live.Remove(base)
		c.result.Folded++
		c.progress(int64(e.Stored) + int64(base.Stored))
	}
	return nil
}
