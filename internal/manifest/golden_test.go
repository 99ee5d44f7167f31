package manifest

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write testdata again, which breaks what it is for")

const golden = "testdata/v1/golden.manifest"

// A manifest of version 1 is read forever; and since it has one encoding, it is
// written as it was.
func TestGoldenManifestIsReadAndWritten(t *testing.T) {
	want := sampleTree()
	if *update {
		check(t, os.MkdirAll(filepath.Dir(golden), 0o755))
		check(t, os.WriteFile(golden, mustEncode(t, want), 0o644))
	}
	b, err := os.ReadFile(golden)
	check(t, err)
	entries, err := decode(b)
	check(t, err)
	if !slices.EqualFunc(entries, want, equal) {
		t.Errorf("decodes to %+v", entries)
	}
	if again := mustEncode(t, want); !bytes.Equal(again, b) {
		t.Error("the tree is encoded otherwise now")
	}
}
