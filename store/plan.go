package store

import (
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
}

// A PackUse says how much of a pack is needed.
type PackUse struct {
	ID   ID
	Size int64 // bytes of the pack
	Live int64 // bytes of blobs in it that are needed
	Dead int64 // bytes of the others
}

// Frees returns the bytes that the plan frees, footers aside.
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
	return int(p.Dead * 100 / (p.Live + p.Dead))
}

// needed returns the bytes of the packs less those of dead blobs.
func (p *GCPlan) needed() int64 { return p.Stored - p.Dead }

// newPlan returns the plan for packs of which this is live, and of which those
// are rewritten that are garbage to this percentage.
func newPlan(chunks *index.Chunks, live *index.Set, minGarbage int) *GCPlan {
	plan := new(GCPlan)
	for p := range chunks.Packs() {
		use := PackUse{ID: p.ID, Size: p.Tail.Size()}
		for e := range live.Entries(p.ID) {
			use.Live += int64(e.Stored)
		}
		use.Dead = p.Tail.Stored() - use.Live
		plan.Packs++
		plan.Stored += use.Size
		plan.Live += use.Live
		plan.Dead += use.Dead
		switch {
		case use.Live == 0:
			plan.Drop = append(plan.Drop, use)
		case use.Dead > 0 && use.Dead*100 >= (use.Live+use.Dead)*int64(minGarbage):
			plan.Rewrite = append(plan.Rewrite, use)
		}
	}
	return plan
}
