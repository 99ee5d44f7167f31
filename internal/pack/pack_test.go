package pack

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/warmstore/warmstore/internal/blob"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

// wantCorrupt also holds that damage is never called a newer version.
func wantCorrupt(t testing.TB, err error) {
	t.Helper()
	wantError(t, err, ErrCorrupt)
	if errors.Is(err, ErrVersion) {
		t.Fatalf("error %v is ErrVersion too", err)
	}
}

// noise returns n bytes that do not compress, the same for the same seed.
func noise(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// text returns n bytes that compress well.
func text(n int) []byte {
	return bytes.Repeat([]byte("warmstore keeps what changed. "), n/30+1)[:n]
}

// allocated returns the bytes that f allocates.
func allocated(f func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}

// newDir makes an empty directory for packs, and one for unfinished ones.
func newDir(t testing.TB) (dir Dir, tmp string) {
	t.Helper()
	root := t.TempDir()
	dir, tmp = Dir(filepath.Join(root, "blobs")), filepath.Join(root, "tmp")
	check(t, dir.Make())
	check(t, os.Mkdir(tmp, 0o700))
	return dir, tmp
}

// A sample is a blob with all that was used to make it.
type sample struct {
	entry             blob.Entry
	raw, stored, base []byte
}

// samples encodes blobs of every codec, by a Coder of their own.
func samples(t testing.TB) []sample {
	t.Helper()
	c, base := NewCoder(), noise(1, 500)
	longer := append(bytes.Clone(base[:480]), noise(2, 60)...)
	shorter := append(bytes.Clone(base[:200]), 'x')
	all := []sample{{raw: noise(3, 40)}, {raw: text(300)}, {raw: text(1)}}
	for i := range all {
		stored, codec, err := c.Encode(nil, all[i].raw)
		check(t, err)
		all[i].stored, all[i].entry.Codec = bytes.Clone(stored), codec
	}
	for _, raw := range [][]byte{longer, shorter} {
		stored, err := c.EncodeXOR(nil, raw, base, len(raw)-1)
		check(t, err)
		if stored == nil {
			t.Fatalf("no delta of %d bytes", len(raw))
		}
		s := sample{raw: raw, stored: bytes.Clone(stored), base: base}
		s.entry.Codec, s.entry.Base = blob.XOR, blob.Sum(base)
		all = append(all, s)
	}
	for i := range all {
		all[i].entry.ID, all[i].entry.Raw = blob.Sum(all[i].raw), uint32(len(all[i].raw))
	}
	return all
}

// writePack publishes a pack of the samples.
func writePack(t testing.TB, dir Dir, tmp string, all []sample) Tail {
	t.Helper()
	w, err := Create(tmp)
	check(t, err)
	for _, s := range all {
		check(t, w.Append(s.entry, s.stored))
	}
	tail, err := w.Finish(dir)
	check(t, err)
	return tail
}

func openPack(t testing.TB, dir Dir, id blob.ID) *Reader {
	t.Helper()
	r, err := dir.Open(id)
	check(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

// wantSample reads blob i of a pack and holds it against s.
func wantSample(t testing.TB, r *Reader, e blob.Entry, s sample) {
	t.Helper()
	stored, err := r.ReadStored(nil, e)
	check(t, err)
	raw, err := NewCoder().Decode(nil, e, stored, s.base)
	check(t, err)
	if !bytes.Equal(raw, s.raw) {
		t.Fatalf("%v blob of %d bytes decodes to other bytes", e.Codec, e.Raw)
	}
	if e.ID != s.entry.ID || e.Base != s.entry.Base || e.Codec != s.entry.Codec || int(e.Raw) != len(s.raw) {
		t.Fatalf("entry is %+v, want %+v", e, s.entry)
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	dir, tmp := newDir(t)
	all := samples(t)
	codecs := map[blob.Codec]bool{}
	written := writePack(t, dir, tmp, all)
	r := openPack(t, dir, written.ID())
	tail, err := r.Tail()
	check(t, err)
	if !bytes.Equal(tail.Bytes(), written.Bytes()) || tail.Len() != len(all) {
		t.Fatal("the tail read is not the one written")
	}
	for i, s := range all {
		codecs[s.entry.Codec] = true
		wantSample(t, r, tail.Entry(i), s)
		if tail.BlobID(i) != s.entry.ID {
			t.Errorf("blob %d has ID %s", i, tail.BlobID(i))
		}
	}
	if len(codecs) != 3 {
		t.Fatalf("only codecs %v are tested", codecs)
	}
}

// More than the buffer, and enough for writeback to start before the end.
func TestLargePackIsRead(t *testing.T) {
	dir, tmp := newDir(t)
	var all []sample
	for i, n := range []int{blob.MaxRaw, 1, bufferSize - 1, bufferSize, bufferSize + 1, writebackSize} {
		raw := noise(byte(i), n)
		all = append(all, sample{blob.Entry{ID: blob.Sum(raw), Raw: uint32(n), Codec: blob.Raw}, raw, raw, nil})
	}
	tail := writePack(t, dir, tmp, all)
	r := openPack(t, dir, tail.ID())
	for i, s := range all {
		wantSample(t, r, tail.Entry(i), s)
	}
	info, err := os.Stat(dir.Path(tail.ID()))
	check(t, err)
	if info.Size() != tail.Size() {
		t.Errorf("tail says %d bytes, the file has %d", tail.Size(), info.Size())
	}
}

func TestPackIsReadOnlyAndLeavesNoTemp(t *testing.T) {
	dir, tmp := newDir(t)
	tail := writePack(t, dir, tmp, samples(t))
	info, err := os.Stat(dir.Path(tail.ID()))
	check(t, err)
	if info.Mode() != 0o400 {
		t.Errorf("mode is %v", info.Mode())
	}
	wantEmpty(t, tmp)
}

func wantEmpty(t testing.TB, path string) {
	t.Helper()
	entries, err := os.ReadDir(path)
	check(t, err)
	for _, e := range entries {
		t.Errorf("%s is left in %s", e.Name(), path)
	}
}

func TestPacksOfEqualBlobsDiffer(t *testing.T) {
	dir, tmp := newDir(t)
	all := samples(t)
	a, b := writePack(t, dir, tmp, all), writePack(t, dir, tmp, all)
	if a.ID() == b.ID() {
		t.Fatal("two packs have one ID")
	}
	for i, s := range all {
		wantSample(t, openPack(t, dir, a.ID()), a.Entry(i), s)
		wantSample(t, openPack(t, dir, b.ID()), b.Entry(i), s)
	}
}

func TestConcurrentReads(t *testing.T) {
	dir, tmp := newDir(t)
	all := samples(t)
	tail := writePack(t, dir, tmp, all)
	r := openPack(t, dir, tail.ID())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			var buf []byte
			for i := range 500 {
				n := i % len(all)
				stored, err := r.ReadStored(buf, tail.Entry(n))
				if err != nil || !bytes.Equal(stored, all[n].stored) {
					t.Errorf("blob %d: %v", n, err)
					return
				}
				buf = stored
			}
		})
	}
	wg.Wait()
}

func TestDirMakesAllShards(t *testing.T) {
	dir, _ := newDir(t)
	for _, shard := range []string{"00", "0a", "7f", "ff"} {
		info, err := os.Stat(filepath.Join(string(dir), shard))
		check(t, err)
		if info.Mode() != fs.ModeDir|0o700 {
			t.Errorf("%s is %v", shard, info.Mode())
		}
	}
	entries, err := os.ReadDir(string(dir))
	check(t, err)
	if len(entries) != 256 {
		t.Errorf("%d shards", len(entries))
	}
	wantError(t, dir.Make(), fs.ErrExist)
}

func TestListYieldsPacksAndStrays(t *testing.T) {
	dir, tmp := newDir(t)
	want := map[string]blob.ID{}
	for range 3 {
		tail := writePack(t, dir, tmp, samples(t))
		want[dir.Path(tail.ID())] = tail.ID()
	}
	id := blob.Sum([]byte("some pack"))
	elsewhere := "00"
	if strings.HasPrefix(id.String(), elsewhere) {
		elsewhere = "01"
	}
	for _, stray := range []string{
		"00/README", "ff/" + strings.Repeat("f", 63) + ".pack", "10/.pack", "00/" + strings.Repeat("0", 64),
		elsewhere + "/" + id.String() + ".pack", "ab/" + strings.Repeat("AB", 32) + ".pack",
		"aa/" + strings.Repeat("a", 64) + ".pack.tmp",
	} {
		path := filepath.Join(string(dir), stray)
		check(t, os.WriteFile(path, []byte("stray"), 0o600))
		want[path] = blob.ID{}
	}
	last := ""
	for f, err := range dir.List() {
		check(t, err)
		id, ok := want[f.Path]
		if !ok || f.ID != id || f.Path <= last {
			t.Errorf("%q after %q has ID %s, want %s", f.Path, last, f.ID, id)
		}
		if f.ID.IsZero() && f.Size != 5 {
			t.Errorf("%q has %d bytes", f.Path, f.Size)
		}
		last = f.Path
		delete(want, f.Path)
	}
	for path := range want {
		t.Errorf("%q is not listed", path)
	}
}

func TestListOfMissingShardFails(t *testing.T) {
	dir, _ := newDir(t)
	check(t, os.Remove(filepath.Join(string(dir), "80")))
	n := 0
	for _, err := range dir.List() {
		wantError(t, err, fs.ErrNotExist)
		n++
	}
	if n != 1 {
		t.Errorf("%d errors", n)
	}
}

func TestListCanBeLeft(t *testing.T) {
	dir, tmp := newDir(t)
	writePack(t, dir, tmp, samples(t))
	writePack(t, dir, tmp, samples(t))
	n := 0
	for range dir.List() {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d files", n)
	}
}

func TestMissingPackIsNotExist(t *testing.T) {
	dir, _ := newDir(t)
	_, err := dir.Open(blob.Sum(nil))
	wantError(t, err, fs.ErrNotExist)
	if errors.Is(err, ErrCorrupt) {
		t.Errorf("%v is ErrCorrupt", err)
	}
}
