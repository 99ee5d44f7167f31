package tidy

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestTidy(t *testing.T) {
	findings, err := check("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		t.Error(f)
	}
}

// badTree breaks each rule. Every file stands beside what must be found in it;
// the rest of it must pass.
var badTree = []struct {
	path, text string
	want       []string
}{
	{"store/good.go", `// Package store is fine.
package store

import (
	_ "os"

	_ "github.com/warmstore/warmstore/index"
	_ "golang.org/x/sync/errgroup"
)

// Max is fine.
const Max = 1

// The group's comment speaks of A.
const (
	A = 1
	b = 2
)

// A Store is fine, with the article.
type Store[T any] struct{}

// Close is fine.
func (s *Store[T]) Close() {}

type small int

func (small) Exported() {}

var B = 1 // B is fine.
`, nil},
	{"store/good_test.go", `package store_test

import (
	_ "github.com/warmstore/warmstore/restore"
	_ "go.etcd.io/bbolt"
)

type Bare int
`, nil},
	{"store/testdata/broken.go", `package`, nil},
	{".hidden/broken.go", `package`, nil},
	{"restore/a.go", `// Package restore imports what it may not.
package restore

import (
	_ "example.org/new"
	_ "github.com/warmstore/warmstore/store"
	_ "go.etcd.io/bbolt"
)
`, []string{
		`restore/a.go:5: example.org/new has no place in the table of importers`,
		`restore/a.go:6: restore may not import store`,
		`restore/a.go:7: restore may not import go.etcd.io/bbolt`,
	}},
	{"internal/util/a.go", `// Not the right words.
package util
`, []string{
		`internal/util/a.go:2: package name "util" says nothing`,
		`internal/util: package has no comment`,
		`internal/util: package has no place in the table of layers`,
	}},
	{"chunker/long.go", `// Package chunker is long.
package chunker

func short() {` + strings.Repeat("\n", 69) + `}

func long() {` + strings.Repeat("\n", 70) + `}

var fits = "` + strings.Repeat("é", 107) + `"
	// ` + strings.Repeat("x", 114) + `
` + strings.Repeat("\n", 354), []string{
		`chunker/long.go:148: line of 121 columns, limit 120`,
		`chunker/long.go:2: file of 502 lines, limit 500`,
		`chunker/long.go:75: long has 71 lines, limit 70`,
	}},
	{"chunker/long_test.go", `package chunker

func short() {` + strings.Repeat("\n", 119) + `}

func long() {` + strings.Repeat("\n", 120) + `}
`, []string{`chunker/long_test.go:124: long has 121 lines, limit 120`}},
	{"index/twisted.go", `// Package index is twisted.
package index

func init() {}

func twisted(a bool) {
	for a && a || a {
	}
	switch {
	case a:
	default:
	}
	select {
	default:
	}
` + strings.Repeat("\tif a {\n\t}\n", 11) + `}

func bent(a bool) {
` + strings.Repeat("\tif a {\n\t}\n", 14) + `}
`, []string{
		`index/twisted.go:4: func init: say what happens where it happens`,
		`index/twisted.go:6: twisted has complexity 16, limit 15`,
	}},
	{"internal/blob/names.go", `// Package blob has bad names and comments.
package blob

// This is it.
func Wrong() {}

func Bare() {}

// GetIt gets it.
func GetIt() {}

// Getter is fine.
type Getter struct{}

func (g *Getter) Bare() {}

// BlobManager says nothing.
type BlobManager struct{}

const Lonely = 1

var (
	x, Y int
)
`, []string{
		`internal/blob/names.go:10: name "GetIt" says nothing`,
		`internal/blob/names.go:15: Bare has no comment`,
		`internal/blob/names.go:18: name "BlobManager" says nothing`,
		`internal/blob/names.go:20: Lonely has no comment`,
		`internal/blob/names.go:23: Y has no comment`,
		`internal/blob/names.go:5: the comment on Wrong does not start with its name`,
		`internal/blob/names.go:7: Bare has no comment`,
	}},
	{"internal/e2e/skip_test.go", `// Package e2e has its comment in a test only.
package e2e

import "testing"

func need(t *testing.T) { t.Skip() }

func TestX(t *testing.T) {
	t.Skipf("")
	// TODO: later
}
`, []string{
		`internal/e2e/skip_test.go:10: TODO: file an issue, or do it`,
		`internal/e2e/skip_test.go:9: Skipf: no place to skip a test`,
		`internal/e2e: package has no comment`,
	}},
}

// TestRulesSee shows that each rule finds what breaks it, and nothing else.
func TestRulesSee(t *testing.T) {
	root := t.TempDir()
	var want []string
	for _, f := range badTree {
		path := filepath.Join(root, f.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f.text), 0o644); err != nil {
			t.Fatal(err)
		}
		want = append(want, f.want...)
	}
	got, err := check(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range got {
		if !slices.Contains(want, f) {
			t.Errorf("found, but is no breach: %s", f)
		}
	}
	for _, f := range want {
		if !slices.Contains(got, f) {
			t.Errorf("not found: %s", f)
		}
	}
}
