package store

// A point is a place between two steps of a protocol. Tests stop there, to let
// others go on or to look at what a crash would leave.
type point string

// The points, each named by what has just been done.
const (
	snapshotLocked  point = "snapshot: locked"
	snapshotBegun   point = "snapshot: index read"
	snapshotPacked  point = "snapshot: packs durable"
	snapshotWritten point = "snapshot: record durable"
	snapshotFlipped point = "snapshot: committed"
	forgetLocked    point = "forget: locked"
	forgetFlipped   point = "forget: committed"
	gcListed        point = "gc: index read"
	gcPlanned       point = "gc: planned"
	gcCopied        point = "gc: copies durable"
	gcAlone         point = "gc: alone"
	gcCommitted     point = "gc: committed"
	gcListedGarbage point = "gc: garbage listed"
)

// reached calls the test that watches the Store, if one does.
func (s *Store) reached(p point) {
	if s.watch != nil {
		s.watch(p)
	}
}
