package store

import (
	"sync"
	"sync/atomic"

	"github.com/warmstore/warmstore/internal/fsx"
)

const (
	// lookAhead bounds the names that are looked at before the first of them is
	// dealt with, and with it the memory of a directory of many.
	lookAhead = 512
	// lookAtOnce is how many of them one worker takes.
	lookAtOnce = 32
)

// A look is what stat says of a name.
type look struct {
	stat fsx.Stat
	err  error
}

// look returns how these names in d look. Workers that have nothing else to do
// help: where nothing changed, looking is most of the work.
func (s *survey) look(d *fsx.SharedDir, names []string) []look {
	looks := make([]look, len(names))
	var next atomic.Int64
	some := func() {
		for {
			end := int(next.Add(lookAtOnce))
			if end-lookAtOnce >= len(names) {
				return
			}
			for i := end - lookAtOnce; i < min(end, len(names)); i++ {
				looks[i].stat, looks[i].err = d.Stat(names[i])
			}
		}
	}
	var wait sync.WaitGroup
	for range len(names)/lookAtOnce - 1 {
		wait.Add(1)
		if !s.files.TryGo(func() error { defer wait.Done(); some(); return nil }) {
			wait.Done()
			break
		}
	}
	some()
	wait.Wait()
	return looks
}
