package main

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"

	"github.com/warmstore/warmstore/internal/browse"
	"github.com/warmstore/warmstore/store"
)

// itemJSON is what ls --json prints of a name.
type itemJSON struct {
	Path      string `json:"path"` // from the volume's root
	PathRaw   []byte `json:"path_base64,omitempty"`
	Type      string `json:"type"`
	Mode      string `json:"mode"` // octal
	UID       uint32 `json:"uid"`
	GID       uint32 `json:"gid"`
	Size      int64  `json:"size"`
	ModTime   string `json:"mtime"`
	Target    string `json:"target,omitempty"`
	TargetRaw []byte `json:"target_base64,omitempty"`
	Device    string `json:"device,omitempty"` // MAJOR:MINOR
	LinkTo    string `json:"link_to,omitempty"`
	LinkToRaw []byte `json:"link_to_base64,omitempty"`
}

func newItemJSON(item *browse.Item) itemJSON {
	out := itemJSON{
		Path: item.Path, PathRaw: rawBytes(item.Path), Type: item.Meta.Type.String(),
		Mode: fmt.Sprintf("%04o", item.Meta.Mode), UID: item.Meta.UID, GID: item.Meta.GID, Size: item.Size,
		ModTime: modTime(item).Format("2006-01-02T15:04:05.999999999Z"),
		Target:  item.Meta.Target, TargetRaw: rawBytes(item.Meta.Target),
		LinkTo: item.First, LinkToRaw: rawBytes(item.First),
	}
	if major, minor := item.Meta.Device(); item.Meta.Rdev != 0 {
		out.Device = fmt.Sprintf("%d:%d", major, minor)
	}
	return out
}

// lsJSON prints one object with all items, which are never in memory together.
// Nothing is printed before the first one is there, or is not.
func lsJSON(out io.Writer, snap *store.Checkout, volume string, items iter.Seq2[*browse.Item, error]) error {
	head := fmt.Sprintf(`{"app":%q,"snapshot":%q,"volume":%q,"entries":[`, snap.Record.App, snap.ID, volume)
	separator := head
	for item, err := range items {
		if err != nil {
			return err
		}
		b, err := json.Marshal(newItemJSON(item))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\n%s", separator, b); err != nil {
			return err
		}
		separator = ","
	}
	if separator == head {
		fmt.Fprint(out, head)
	}
	_, err := fmt.Fprintln(out, "\n]}")
	return err
}
