package stale

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/warmstore/warmstore/internal/need"
)

// The same tests of a snapshot that goes by size and modification time find
// stale files: so they can fail. Stores through mappings move the modification
// time, so they are seen all the same.
func TestNaiveWitnessLeavesStaleFiles(t *testing.T) {
	need.Tools(t, "losetup", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs")
	program := filepath.Join(t.TempDir(), "naive")
	build := exec.Command("go", "test", "-c", "-tags", "planted", "-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	child := exec.Command(program, "-test.run=^(TestNoChangeIsMissed|TestRehashFindsNothing)$", "-test.v")
	child.Env = append(os.Environ(), "WARMSTORE_PLANTED=size and modification time are enough", sizeVariable+"=")
	out, _ := child.CombinedOutput()
	for _, want := range []string{
		`--- FAIL: TestNoChangeIsMissed/ext4/written_in_place`,
		`--- FAIL: TestNoChangeIsMissed/xfs/rename_over_it`,
		`--- FAIL: TestNoChangeIsMissed/btrfs/exchanged_with_another`,
		`\d+ kinds of change, [1-9]\d* stale files`,
		`\d+ histories.*: [1-9]\d* missed something`,
	} {
		line := regexp.MustCompile(want).Find(out)
		if line == nil {
			t.Errorf("the output does not have %q:\n%s", want, out)
		}
		t.Logf("naive: %s", line)
	}
}
