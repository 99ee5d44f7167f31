package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestImage shows that an image has its size, takes a tenth of it, and that one
// page in a hundred changes, each time another one.
func TestImage(t *testing.T) {
	const size = 64 << 20
	w, dir := image{bytes: size}, t.TempDir()
	if err := w.Build(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	states := [][]byte{readImage(t, w, dir, size/10, size/200)}
	for night := 1; night <= 2; night++ {
		if err := w.Change(t.Context(), dir, night); err != nil {
			t.Fatal(err)
		}
		states = append(states, readImage(t, w, dir, size/10, size/100))
	}
	for n, pages := range []int{0: changedPages(states[0], states[1]), 1: changedPages(states[1], states[2])} {
		const want = size / pageSize / 100
		if pages < want || pages > want+1 { // and the number of changes
			t.Errorf("change %d is of %d pages, want %d", n+1, pages, want)
		}
	}
	if n := changedPages(states[0], states[2]); n < size/pageSize/60 {
		t.Errorf("both changes are of %d pages: they are of the same ones", n)
	}
}

// readImage returns the content of an image that takes about so many bytes on
// disk.
func readImage(t *testing.T, w image, dir string, taken, about int64) []byte {
	t.Helper()
	l, err := lstat(w.path(dir))
	if err != nil {
		t.Fatal(err)
	}
	if disk := l.Blocks * 512; l.Size != w.bytes || disk < taken-about || disk > taken+about {
		t.Errorf("%d bytes that take %d, want %d that take about %d", l.Size, disk, w.bytes, taken)
	}
	data, err := os.ReadFile(w.path(dir))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func changedPages(a, b []byte) (n int) {
	for at := 0; at < len(a); at += pageSize {
		if !bytes.Equal(a[at:at+pageSize], b[at:at+pageSize]) {
			n++
		}
	}
	return n
}

// TestHoles shows that what the limit copies and patches is the same, and that its
// holes are holes.
func TestHoles(t *testing.T) {
	w, dir := image{bytes: 16 << 20}, t.TempDir()
	before, after, to := filepath.Join(dir, "before"), filepath.Join(dir, "after"), filepath.Join(dir, "to")
	shell(t, dir, "mkdir before to")
	if err := w.Build(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	shell(t, dir, "cp -a before after")
	if err := w.Change(t.Context(), after, 1); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"copy", before, to}, {"patch", after, to}, {"patch", before, to}, {"read", to}} {
		if err := runLimit(args); err != nil {
			t.Fatal(err)
		}
		shell(t, dir, "cmp "+w.path(args[1])+" "+w.path(to))
		if l, err := lstat(w.path(to)); err != nil || l.Blocks*512 > w.bytes/8 {
			t.Errorf("%s: %d blocks of %d bytes, %v", args[0], l.Blocks, l.Size, err)
		}
	}
}
