package stale

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/warmstore/warmstore/internal/faults"
	"github.com/warmstore/warmstore/internal/faults/disktest"
	"github.com/warmstore/warmstore/store"
)

// everywhere is what a volume may be on.
var everywhere = []string{faults.Ext4, faults.XFS, faults.Btrfs, "tmpfs", "overlay"}

// mapFile maps a file for reading and writing, shared. The caller unmaps it.
func mapFile(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	check(t, err)
	defer f.Close()
	info, err := f.Stat()
	check(t, err)
	m, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	check(t, err)
	return m
}

// The first store to a page moves the file's times, the next ones do not until
// the page was written back: the case that a stat cannot show by itself.
func TestStoresThroughAMappingAreSeen(t *testing.T) {
	const rounds = 12
	for _, kind := range everywhere {
		for _, sync := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s msync %v", kind, sync), func(t *testing.T) {
				v := newVolume(t, disktest.New(t, kind))
				check(t, os.WriteFile(v.at("mapped"), bytes.Repeat([]byte("before"), 1<<14), 0o644))
				check(t, os.WriteFile(v.at("still"), bytes.Repeat([]byte("still"), 1000), 0o644))
				v.settled()
				m, missed := mapFile(t, v.at("mapped")), 0
				defer unix.Munmap(m)
				for i := range rounds {
					// The same page every other time, once the last byte of the file.
					at := []int{i, len(m) - 1}[i%2]
					m[at]++
					if sync {
						check(t, unix.Msync(m, unix.MS_SYNC))
					}
					v.snapshot()
					if !v.holds("mapped", m) {
						missed++
						t.Errorf("store %d is not in the snapshot", i)
					}
				}
				t.Logf("%s, msync %v: %d stores, %d not in the next snapshot; %d of %d bytes read by the last",
					kind, sync, rounds, missed, v.last.Stats.BytesRead, v.last.Record.Bytes())
			})
		}
	}
}

// Whoever stores while a snapshot is taken may not find all in that one, but in
// the next.
func TestStoresDuringASnapshotAreInTheNext(t *testing.T) {
	const rounds = 12
	for _, kind := range everywhere {
		t.Run(kind, func(t *testing.T) {
			v := newVolume(t, disktest.New(t, kind))
			check(t, os.WriteFile(v.at("mapped"), bytes.Repeat([]byte("before"), 1<<14), 0o644))
			v.settled()
			m, missed := mapFile(t, v.at("mapped")), 0
			defer unix.Munmap(m)
			for i := range rounds {
				stop := keepStoring(m)
				_, err := v.s.Snapshot(t.Context(), "app", v.volumes(), store.SnapshotOptions{})
				stop()
				if err != nil && !errors.Is(err, store.ErrChanged) {
					t.Fatal(err)
				}
				v.snapshot()
				if !v.holds("mapped", m) {
					missed++
					t.Errorf("round %d: a store is not in the snapshot", i)
				}
			}
			t.Logf("%s: %d snapshots under stores, %d times not all of them in the next one", kind, rounds, missed)
		})
	}
}

// keepStoring stores to a few pages again and again, until it is stopped.
func keepStoring(m []byte) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-quit:
				return
			default:
				m[i%5*4096]++
			}
		}
	}()
	return func() { close(quit); <-done }
}

// holds reports whether the last snapshot has the file with this content.
func (v *volume) holds(name string, content []byte) bool {
	v.t.Helper()
	dir := disktest.Memory(v.t)
	v.restore(dir)
	got, err := os.ReadFile(filepath.Join(dir, name))
	check(v.t, err)
	return bytes.Equal(got, content)
}
