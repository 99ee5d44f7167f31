package restore

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/warmstore/warmstore/internal/fsx"
	"github.com/warmstore/warmstore/internal/manifest"
	"github.com/warmstore/warmstore/internal/witness"
)

// A volume is one target being restored.
type volume struct {
	run    *run
	target Target
	root   *fsx.Root
	before *witness.Reader // how its files looked when they were right; nil: unknown
	after  *witness.Writer // how they look now; nil: nobody will ask
	clean  fsx.Time        // what changed before it is on disk
}

// restore makes the target what the manifest says. It is not durable yet.
func (v *volume) restore(ctx context.Context) error {
	encoded, err := v.run.src.Manifest(v.target.Volume)
	if err != nil {
		return err
	}
	if memory := v.run.opts.Memory; memory != nil {
		v.before = memory.Recall(v.target.Volume, v.root.Dir)
		if v.after, err = memory.Learn(); err != nil {
			v.after = nil // which costs the next snapshot time, and no more
		}
	}
	dec := manifest.NewDecoder(encoded)
	if err := v.tree(ctx, dec); err != nil {
		return err
	}
	if _, err := dec.Next(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("manifest goes on after its end: %w", err)
	}
	return nil
}

// remember keeps how the files look. It is no loss if that fails: then they are
// read next time.
func (v *volume) remember() {
	if v.after == nil {
		return
	}
	after := v.after
	v.after = nil
	stat, err := v.root.Self()
	if err != nil {
		after.Abort()
		return
	}
	v.run.opts.Memory.Remember(after, v.target.Volume, stat.ID, v.clean)
}

func (v *volume) close() {
	v.before.Close()
	if v.after != nil {
		v.after.Abort()
	}
}
