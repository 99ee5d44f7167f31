package pack

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/warmstore/warmstore/internal/blob"
)

// A deltaEncoder makes deltas of one codec.
type deltaEncoder struct {
	codec  blob.Codec
	encode func(dst, raw, base []byte, limit int) ([]byte, error)
}

func deltaEncoders(c *Coder) []deltaEncoder {
	return []deltaEncoder{{blob.XOR, c.EncodeXOR}, {blob.Patch, c.EncodePatch}}
}

func TestDeltaOfAnyBase(t *testing.T) {
	c, raw := NewCoder(), noise(1, 5000)
	changed := bytes.Clone(raw)
	copy(changed[1234:], "a change")
	for _, base := range [][]byte{
		raw, changed, changed[:4999], changed[:4000], append(bytes.Clone(changed), noise(2, 3000)...),
	} {
		for _, e := range deltaEncoders(c) {
			stored, err := e.encode(nil, raw, base, len(raw)-1)
			check(t, err)
			if stored == nil {
				t.Fatalf("no %v against %d bytes", e.codec, len(base))
			}
			wantDecoded(t, c, e.codec, stored, raw, base)
		}
	}
}

// Bytes that came or went before shift all that follow.
func TestPatchFindsWhatHasMoved(t *testing.T) {
	c, raw := NewCoder(), noise(1, 400<<10)
	for _, n := range []int{1, 1 << 10, 64 << 10, 128 << 10, 400 << 10} {
		raw := raw[:n]
		for _, base := range [][]byte{
			raw[n/10:],
			append(noise(2, n/10), raw[:n-n/10]...),
			append(append(bytes.Clone(raw[n/2:]), "between"...), raw[:n/2]...),
		} {
			stored, err := c.EncodePatch(nil, raw, base, n)
			check(t, err)
			if most := n/10 + n/50 + 200; 1 < n && n <= 128<<10 && (stored == nil || len(stored) > most) {
				t.Errorf("%d bytes take %d as a patch", n, len(stored))
			}
			if stored == nil {
				continue
			}
			wantDecoded(t, c, blob.Patch, stored, raw, base)
		}
	}
}

func wantDecoded(t *testing.T, c *Coder, codec blob.Codec, stored, raw, base []byte) {
	t.Helper()
	back, err := c.Decode(nil, blob.Entry{Raw: uint32(len(raw)), Codec: codec}, stored, base)
	check(t, err)
	if !bytes.Equal(back, raw) {
		t.Errorf("%v against %d bytes decodes to other bytes", codec, len(base))
	}
}

func TestPatchesAreNotTriedBeyondTheirWindow(t *testing.T) {
	c, raw := NewCoder(), make([]byte, patchWindow/2)
	for _, more := range []int{0, 1} {
		stored, err := c.EncodePatch(nil, raw, make([]byte, patchWindow/2+more), len(raw))
		check(t, err)
		if (stored != nil) != (more == 0) {
			t.Errorf("%d bytes more than the window: %d bytes", more, len(stored))
		}
	}
}

// One coder serves bases in any order, and blobs that have none between them.
func TestPatchesDoNotMix(t *testing.T) {
	c := NewCoder()
	for n := range 20 {
		raw, base := text(4000+n), text(3000+n)
		copy(base[n:], noise(byte(n), 100))
		stored, err := c.EncodePatch(nil, raw, base, len(raw))
		check(t, err)
		wantDecoded(t, c, blob.Patch, stored, raw, base)
		whole, codec, err := c.Encode(nil, raw)
		check(t, err)
		wantDecoded(t, c, codec, whole, raw, nil)
		e := blob.Entry{Raw: uint32(len(raw)), Codec: blob.Patch}
		if back, err := NewCoder().Decode(nil, e, stored, nil); err == nil && bytes.Equal(back, raw) {
			t.Error("a patch decodes without its base")
		}
	}
}

func TestDeltaKeepsToItsLimit(t *testing.T) {
	c, raw := NewCoder(), noise(1, 5000)
	base := append(noise(2, 300), raw[300:]...)
	for _, e := range deltaEncoders(c) {
		exact, err := e.encode(nil, raw, base, len(raw))
		check(t, err)
		for _, tt := range []struct {
			name  string
			base  []byte
			limit int
			want  int
		}{
			{"exactly the limit", base, len(exact), len(exact)},
			{"a byte above the limit", base, len(exact) - 1, 0},
			{"no limit to speak of", base, 1 << 30, len(exact)},
			{"no smaller than raw", noise(3, 5000), 1 << 30, 0},
			{"no base", nil, 1 << 30, 0},
			{"limit 0", base, 0, 0},
		} {
			stored, err := e.encode(nil, raw, tt.base, tt.limit)
			check(t, err)
			if len(stored) != tt.want || tt.want == 0 && stored != nil {
				t.Errorf("%v, %s: %d bytes, want %d", e.codec, tt.name, len(stored), tt.want)
			}
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	var rows []byte
	for row, data := 0, noise(1, 32<<10); len(rows) < 64<<10; row, data = row+1, data[16:] {
		rows = fmt.Appendf(rows, "INSERT INTO event VALUES (%d, '%x', '%x');\n", row, data[:8], data[8:16])
	}
	c, raw := NewCoder(), rows[:64<<10]
	base := append([]byte("some bytes before"), raw...)
	copy(base[30_000:], noise(3, 100))
	for name, encode := range map[string]func(dst []byte) ([]byte, error){
		"whole": func(dst []byte) ([]byte, error) {
			stored, _, err := c.Encode(dst, raw)
			return stored, err
		},
		"xor":   func(dst []byte) ([]byte, error) { return c.EncodeXOR(dst, raw, base[17:], len(raw)) },
		"patch": func(dst []byte) ([]byte, error) { return c.EncodePatch(dst, raw, base, len(raw)) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			var dst []byte
			for b.Loop() {
				var err error
				if dst, err = encode(dst); err != nil || dst == nil {
					b.Fatal(len(dst), err)
				}
			}
		})
	}
}
