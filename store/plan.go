package store

import (
	"cmp"
	"slices"

	"github.com/warmstore/warmstore/index"
)

// A GCPlan says what gc does: which packs it drops, since they hold nothing that
// any snapshot needs, and which it rewrites without what is garbage in them.
type GCPlan struct {
	Drop    []PackUse
	Rewrite []PackUse
	Packs   int   // of the store
	Stored  int64 // bytes of all packs
	Live    int64 // bytes of blobs that are needed
	Dead    int64 // bytes of the others
	// Fold is bytes of blobs that are needed and are deltas, each alone in needing
	// its base, and that are stored whole when they are rewritten: about as many are
	// freed by that.
	Fold int64
}

// A PackUse says how much of a pack is needed.
type PackUse struct {
	ID   ID
	Size int64 // bytes of the pack
	Live int64 // bytes of blobs in it that are needed
	Dead int64 // bytes of the others
	Fold int64 // bytes of deltas in it that are to be stored whole
}

// Frees returns the bytes that the plan frees at least, footers aside.
func (p *GCPlan) Frees() (n int64) {
	for _, use := range slices.Concat(p.Drop, p.Rewrite) {
		n += use.Size - use.Live
	}
	return n
}

// Garbage returns the share of the blobs' bytes that nothing needs, in percent.
func (p *GCPlan) Garbage() int {
	if p.Live+p.Dead == 0 {
		return 0
	}
	return int((p.Dead + p.Fold) * 100 / (p.Live + p.Dead))
}

// needed returns the bytes of the packs less those of dead blobs.
func (p *GCPlan) needed() int64 { return p.Stored - p.Dead - p.Fold }

// newPlan returns the plan for packs of which this is live, and of which those
// are rewritten that are garbage to this percentage, what is folded included; f
// may be nil.
func newPlan(chunks *index.Chunks, live *index.Set, f *folding, minGarbage int) *GCPlan {
	plan := new(GCPlan)
	for p := range chunks.Packs() {
		use := PackUse{ID: p.ID, Size: p.Tail.Size()}
		for e := range live.Entries(p.ID) {
			use.Live += int64(e.Stored)
		}
		use.Dead = p.Tail.Stored() - use.Live
		var bases int64
		use.Fold, bases = f.weigh(p.ID)
		plan.Packs++
		plan.Stored += use.Size
		plan.Live += use.Live
		plan.Dead += use.Dead
		garbage := use.Dead + use.Fold + bases
		switch {
		case use.Live == 0:
			plan.Drop = append(plan.Drop, use)
		case garbage > 0 && garbage*100 >= (use.Live+use.Dead)*int64(minGarbage):
			plan.Rewrite = append(plan.Rewrite, use)
			plan.Fold += use.Fold
		}
	}
	// What becomes garbage when a delta is folded is not to be copied before.
	slices.SortStableFunc(plan.Rewrite, func(a, b PackUse) int { return cmp.Compare(b.Fold, a.Fold) })
	return plan
}
