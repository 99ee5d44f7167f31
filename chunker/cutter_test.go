package chunker

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/warmstore/warmstore/internal/mutate"
)

// random returns n pseudo-random bytes, the same for the same seed forever.
func random(seed byte, n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(data)
	return data
}

// cut returns the chunks of data, seen whole.
func cut(c Cutter, data []byte) (chunks [][]byte) {
	for len(data) > 0 {
		n := c.Cut(data, true)
		chunks = append(chunks, data[:n])
		data = data[n:]
	}
	return chunks
}

// checkCut fails t unless c keeps the contract of Cutter on data. Step draws how
// much longer the next prefix is that Cut is shown.
func checkCut(t rapid.TB, c Cutter, data []byte, step func() int) {
	for len(data) > 0 {
		want := c.Cut(data, true)
		if want < 1 || want > c.Max() || want > len(data) {
			t.Fatalf("%#v: Cut = %d of %d bytes", c, want, len(data))
		}
		for n := 0; n <= min(len(data), 2*c.Max()); n += step() {
			got := c.Cut(data[:n], false)
			if got == 0 && n >= c.Max() {
				t.Fatalf("%#v: Cut wants more than %d bytes", c, n)
			}
			if got != 0 && got != want {
				t.Fatalf("%#v: Cut = %d of a prefix of %d bytes, %d of all", c, got, n, want)
			}
		}
		data = data[want:]
	}
}

// TestCutKeepsContract holds random cutters to their interface on inputs that
// are partly random and partly runs, as database pages are.
func TestCutKeepsContract(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.OneOf(
			rapid.Map(rapid.IntRange(1, 5000), func(n int) Cutter { return Fixed(n) }),
			rapid.Map(rapid.IntRange(256, 2000), func(n int) Cutter { return NewFastCDC(n) }),
		).Draw(t, "cutter")
		length := rapid.IntRange(0, 20_000).Draw(t, "length")
		data := random(rapid.Byte().Draw(t, "seed"), length)
		data = append(data, bytes.Repeat(
			rapid.SliceOfN(rapid.Byte(), 1, 5).Draw(t, "period"),
			rapid.IntRange(0, 2000).Draw(t, "runs"))...)
		steps := rapid.IntRange(1, 3000)
		checkCut(t, c, data, func() int { return steps.Draw(t, "step") })
	})
}

func FuzzCut(f *testing.F) {
	f.Add(uint16(0), []byte("short"))
	f.Add(uint16(300), random(1, 3000))
	f.Add(uint16(1024), bytes.Repeat([]byte{0}, 5000))
	f.Fuzz(mutate.Often(func(t *testing.T, size uint16, data []byte) {
		step := func() int { return len(data)/20 + int(size)%7 + 1 }
		checkCut(t, Fixed(max(int(size), 1)), data, step)
		c := NewFastCDC(minAverage + int(size)%1024)
		checkCut(t, c, data, step)
		if len(data) > 0 && c.Cut(data, true) != slowCut(c, data) {
			t.Fatalf("%#v: Cut = %d, want %d", c, c.Cut(data, true), slowCut(c, data))
		}
	}))
}

// TestShiftedContentIsShared counts the bytes that a changed stream shares with
// the original, by FastCDC and, as a control, by fixed lengths.
func TestShiftedContentIsShared(t *testing.T) {
	old := random(2, 16<<20)
	for _, test := range []struct {
		name string
		data []byte
	}{
		{"insert 1 byte", join(old[:1000], []byte("x"), old[1000:])},
		{"insert 5000 bytes", join(old[:100_000], random(3, 5000), old[100_000:])},
		{"delete 1 byte", join(old[:1000], old[1001:])},
		{"delete 5000 bytes", join(old[:100_000], old[105_000:])},
		{"prepend 100 bytes", join(random(4, 100), old)},
		{"prepend 100 KB", join(random(5, 100_000), old)},
	} {
		cdc := shared(NewFastCDC(64<<10), old, test.data)
		fixed := shared(Fixed(64<<10), old, test.data)
		t.Logf("%-18s FastCDC %5.1f %%, Fixed %5.1f %%", test.name, 100*cdc, 100*fixed)
		if cdc < 0.98 || fixed > 0.02 {
			t.Errorf("%s: FastCDC shares %.3f, Fixed %.3f", test.name, cdc, fixed)
		}
	}
}

// shared returns which part of data's bytes lies in chunks that old has too.
func shared(c Cutter, old, data []byte) float64 {
	known := make(map[string]bool)
	for _, chunk := range cut(c, old) {
		known[string(chunk)] = true
	}
	n := 0
	for _, chunk := range cut(c, data) {
		if known[string(chunk)] {
			n += len(chunk)
		}
	}
	return float64(n) / float64(len(data))
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// BenchmarkCut measures cutting alone, on one core. The data does not fit the
// cache.
func BenchmarkCut(b *testing.B) {
	data := random(6, 64<<20)
	text := make([]byte, 0, len(data))
	for n := uint32(0); len(text) < len(data); n++ {
		text = append(text, "insert into t values ("...)
		text = binary.BigEndian.AppendUint32(text, n*2654435761)
	}
	for _, bench := range []struct {
		name string
		c    Cutter
		data []byte
	}{
		{"FastCDC/random", NewFastCDC(64 << 10), data},
		{"FastCDC/text", NewFastCDC(64 << 10), text},
		{"FastCDC/1MiB", NewFastCDC(1 << 20), data},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.data)))
			for b.Loop() {
				for rest := bench.data; len(rest) > 0; {
					rest = rest[bench.c.Cut(rest, true):]
				}
			}
		})
	}
}
