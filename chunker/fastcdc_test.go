package chunker

import (
	"math"
	"slices"
	"testing"
)

// slowCut is FastCDC by its definition: it hashes the window before each
// possible cut anew.
func slowCut(c FastCDC, data []byte) int {
	for n := c.min + 1; n <= min(len(data), c.max); n++ {
		var h uint64
		for _, b := range data[n-window : n] {
			h = h<<1 + gear[b]
		}
		if n <= c.normal && h < c.strict || n > c.normal && h < c.loose {
			return n
		}
	}
	return min(len(data), c.max)
}

func TestFastCDCFollowsDefinition(t *testing.T) {
	for _, avg := range []int{256, 1000, 4096} {
		c := NewFastCDC(avg)
		for data := random(7, 100_000); len(data) > 0; {
			got, want := c.Cut(data, true), slowCut(c, data)
			if got != want {
				t.Fatalf("average %d: Cut = %d, want %d", avg, got, want)
			}
			data = data[got:]
		}
	}
}

// TestCutsNeverChange pins the cuts: were they to move, nothing would be shared
// with what existing stores hold.
func TestCutsNeverChange(t *testing.T) {
	for i, want := range map[int]uint64{
		0:   0xc62fd0011fa5c65c,
		1:   0x96194fb2e6e6033b,
		128: 0xd69ce5fcc8c7b179,
		255: 0xb7cc58617fd9695a,
	} {
		if gear[i] != want {
			t.Errorf("gear[%d] = %#x, want %#x", i, gear[i], want)
		}
	}
	for avg, want := range map[int][]int{
		256:      {205, 277, 215, 247, 98, 196, 223, 230, 218, 139},
		1000:     {1042, 867, 912, 789, 2000, 1148, 1167, 75},
		64 << 10: {55539, 65458, 55291, 71976, 63289, 55765, 114922, 42048},
		1 << 20:  {945795, 1239074, 1178178, 830048, 1300650, 528933, 1131354, 1234576},
	} {
		var got []int
		for _, chunk := range cut(NewFastCDC(avg), random(8, 8*avg)) {
			got = append(got, len(chunk))
		}
		if !slices.Equal(got, want) {
			t.Errorf("average %d: lengths %d, want %d", avg, got, want)
		}
	}
}

func TestFastCDCAverage(t *testing.T) {
	for _, avg := range []int{1 << 10, 3000, 64 << 10} {
		data := random(9, 1000*avg)
		chunks := cut(NewFastCDC(avg), data)
		mean := float64(len(data)) / float64(len(chunks))
		t.Logf("average %d: %.0f in %d chunks", avg, mean, len(chunks))
		if math.Abs(mean/float64(avg)-1) > 0.05 {
			t.Errorf("average %d: mean is %.0f", avg, mean)
		}
	}
}

func TestNewFastCDCPanicsOnTinyAverage(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("NewFastCDC(255) did not panic")
		}
	}()
	NewFastCDC(255)
}
