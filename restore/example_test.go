package restore_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/warmstore/warmstore/restore"
	"github.com/warmstore/warmstore/store"
)

// snapshot takes a snapshot, held for reading, of a directory in dir.
func snapshot(dir string) *store.Checkout {
	volume := filepath.Join(dir, "volume")
	if err := os.Mkdir(volume, 0o755); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(volume, "users"), []byte("alice\n"), 0o644); err != nil {
		log.Fatal(err)
	}
	s, err := store.Create(filepath.Join(dir, "ci-warm"), store.Options{})
	if err != nil {
		log.Fatal(err)
	}
	volumes := []store.Volume{{Name: "data", Path: volume}}
	if _, err := s.Snapshot(context.Background(), "sso", volumes, store.SnapshotOptions{}); err != nil {
		log.Fatal(err)
	}
	c, err := s.Checkout(context.Background(), "sso", store.ID{}, false)
	if err != nil {
		log.Fatal(err)
	}
	return c
}

// A directory becomes exactly the snapshot: what is missing is written, what
// the snapshot does not have is removed.
func ExampleRun() {
	dir, err := os.MkdirTemp("", "warmstore-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	c := snapshot(dir)
	defer c.Close()
	out := filepath.Join(dir, "out")
	if err := os.MkdirAll(filepath.Join(out, ".cache"), 0o755); err != nil {
		log.Fatal(err)
	}

	targets := []restore.Target{{Volume: "data", Path: out}}
	report, err := restore.Run(context.Background(), c, targets, restore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Files, "file,", report.BytesWritten, "bytes written,", report.Removed, "name removed")

	entries, err := os.ReadDir(out)
	if err != nil {
		log.Fatal(err)
	}
	for _, e := range entries {
		fmt.Println(e.Name())
	}
	// Output:
	// 1 file, 6 bytes written, 1 name removed
	// users
}
