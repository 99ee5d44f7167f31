package store_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/warmstore/warmstore/restore"
	"github.com/warmstore/warmstore/store"
)

// temporary returns a directory for a store and one that stands for a volume.
func temporary() (root, volume string, remove func()) {
	dir, err := os.MkdirTemp("", "warmstore-example-")
	if err != nil {
		log.Fatal(err)
	}
	root, volume = filepath.Join(dir, "ci-warm"), filepath.Join(dir, "volume")
	if err := os.Mkdir(volume, 0o755); err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(volume, "users"), []byte("alice\n"), 0o644); err != nil {
		log.Fatal(err)
	}
	return root, volume, func() { os.RemoveAll(dir) }
}

// seeded returns a store that has a snapshot of app sso.
func seeded() (s *store.Store, volume string, remove func()) {
	root, volume, remove := temporary()
	s, err := store.Create(root, store.Options{})
	if err != nil {
		log.Fatal(err)
	}
	volumes := []store.Volume{{Name: "data", Path: volume}}
	if _, err := s.Snapshot(context.Background(), "sso", volumes, store.SnapshotOptions{Version: "24.0"}); err != nil {
		log.Fatal(err)
	}
	return s, volume, remove
}

func ExampleCreate() {
	root, _, remove := temporary()
	defer remove()

	// It is made if it is not there, and opened if it is.
	s, err := store.Create(root, store.Options{})
	if err != nil {
		log.Fatal(err)
	}
	apps, err := s.Apps()
	fmt.Println(len(apps), "apps,", err)
	// Output: 0 apps, <nil>
}

func ExampleOpen() {
	root, _, remove := temporary()
	defer remove()

	_, err := store.Open(root, store.Options{})
	if errors.Is(err, store.ErrNotFound) {
		fmt.Println("there is no store yet")
	}
	// Output: there is no store yet
}

func ExampleStore_Snapshot() {
	root, volume, remove := temporary()
	defer remove()
	s, err := store.Create(root, store.Options{})
	if err != nil {
		log.Fatal(err)
	}

	volumes := []store.Volume{{Name: "data", Path: volume}}
	r, err := s.Snapshot(context.Background(), "sso", volumes, store.SnapshotOptions{
		Version: "24.0",
		Keep:    2,
		// Asked right before the commit: an error discards the snapshot.
		Recheck: func(context.Context) error { return nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Record.App, r.Record.Version, r.Record.Files(), "file,", r.Record.Bytes(), "bytes")
	// Output: sso 24.0 1 file, 6 bytes
}

func ExampleStore_LastGood() {
	s, _, remove := seeded()
	defer remove()

	_, record, err := s.LastGood("sso")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(record.App, record.Version)

	_, _, err = s.LastGood("chat")
	fmt.Println(errors.Is(err, store.ErrNotFound))
	// Output:
	// sso 24.0
	// true
}

func ExampleStore_Has() {
	s, _, remove := seeded()
	defer remove()

	for _, app := range []string{"sso", "chat"} {
		if err := s.Has(context.Background(), app); err != nil {
			fmt.Println(app, "needs a cold start:", err)
		} else {
			fmt.Println(app, "can start warm")
		}
	}
	// Output:
	// sso can start warm
	// chat needs a cold start: chat has no snapshot: not found
}

func ExampleStore_Forget() {
	s, _, remove := seeded()
	defer remove()

	all := store.ID{} // or that of one snapshot
	forgotten, err := s.Forget(context.Background(), "sso", all)
	if err != nil {
		log.Fatal(err)
	}
	left, err := s.Snapshots("sso")
	fmt.Println(len(forgotten), "forgotten,", len(left), "left,", err)
	// Output: 1 forgotten, 0 left, <nil>
}

func ExampleStore_Checkout() {
	s, volume, remove := seeded()
	defer remove()
	users := filepath.Join(volume, "users")
	if err := os.WriteFile(users, []byte("mallory\n"), 0o644); err != nil {
		log.Fatal(err)
	}

	// The zero ID is the last-good. Nobody else may write to the app meanwhile.
	snapshot, err := s.Checkout(context.Background(), "sso", store.ID{}, true)
	if err != nil {
		log.Fatal(err)
	}
	defer snapshot.Close()

	// As the journal it remembers, even if the power fails now, what is half
	// restored.
	targets := []restore.Target{{Volume: "data", Path: volume}}
	if _, err := restore.Run(context.Background(), snapshot, targets, restore.Options{Journal: snapshot}); err != nil {
		log.Fatal(err)
	}
	b, err := os.ReadFile(users)
	fmt.Printf("%s%v\n", b, err)
	// Output:
	// alice
	// <nil>
}
