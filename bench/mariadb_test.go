package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/warmstore/warmstore/internal/need"
)

// TestMariadb shows that the database can be built, that each night goes on where
// the last one ended, that the server takes its directory as it was left, and that
// it is stopped when what is done with it is cancelled.
func TestMariadb(t *testing.T) {
	need.Tools(t, "mariadb-install-db", "mariadbd", "mariadb-admin", "mariadb")
	scratch, dir := t.TempDir(), t.TempDir()
	for _, path := range []string{scratch, dir} {
		shell(t, path, "chmod 711 . ..") // the server runs as another user
	}
	w := newMariadb(Scale{Database: 1, Transactions: 100}, scratch)
	if err := w.Build(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	for night := 1; night <= 2; night++ {
		if err := w.Change(t.Context(), dir, night); err != nil {
			t.Fatal(err)
		}
	}
	checkMariadb(t, w, dir)
	ctx, cancel := context.WithCancel(t.Context())
	err := w.during(ctx, dir, func() error { cancel(); return w.sql(ctx, "SELECT 1") })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(w.sock, "*")); left != nil {
		t.Errorf("the server was not stopped cleanly: %v is left", left)
	}
}

// checkMariadb starts the server once more, and looks whether all is there that
// was filled in, 1,000 files with an activity each, and changed.
func checkMariadb(t *testing.T, w mariadb, dir string) {
	t.Helper()
	err := w.during(t.Context(), dir, func() error {
		_, text, err := w.client(`USE nextcloud
CHECK TABLE filecache, activity, share, authtoken EXTENDED;
SELECT CONCAT('added ', MAX(fileid) - 999), CONCAT('logged ', MAX(activity_id) - 999) FROM filecache, activity;
SELECT CONCAT('deleted ', COUNT(*)) FROM seq_0_to_999 LEFT JOIN filecache ON fileid = seq WHERE fileid IS NULL;
`).run(t.Context())
		if n := strings.Count(text, "\tcheck\tstatus\tOK\n"); n != 4 {
			t.Errorf("%d tables are whole", n)
		}
		if !strings.Contains(text, "added 20\tlogged 200\n") || !strings.Contains(text, "deleted 10\n") {
			t.Errorf("the tables hold something else:\n%s", text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
