package dockertest

import (
	"archive/tar"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// program is the package of the image's one file.
const program = "github.com/warmstore/warmstore/internal/docker/dockertest/app"

// Image makes an image of nothing but the program in dockertest/app, and
// returns its name. It is the image's entry point: arguments are its commands.
// No registry is asked. The image is removed when the test ends: call this in
// a test whose subtests share it.
func Image(t testing.TB) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "app")
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", binary, program)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", program, err, text)
	}
	archive := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(archive, pack(t, binary), 0o600); err != nil {
		t.Fatal(err)
	}
	name := Name() + ":test"
	Docker(t, "import", "--change", `ENTRYPOINT ["/app"]`, archive, name)
	t.Cleanup(func() { removeImage(t, name) })
	return name
}

// pack returns a tar archive that holds the file as /app.
func pack(t testing.TB, file string) []byte {
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: "app", Mode: 0o755, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return archive.Bytes()
}

// removeImage removes an image and what is left of the containers made of it.
func removeImage(t testing.TB, name string) {
	if text, err := try("rmi", "--force", name); err != nil && !isMissing(text) {
		t.Errorf("remove image %s: %v\n%s", name, err, text)
	}
}
