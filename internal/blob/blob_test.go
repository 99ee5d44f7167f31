package blob

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/warmstore/warmstore/internal/mutate"
)

// sumOfNothing is the BLAKE3-256 of no bytes, as its authors publish it.
const sumOfNothing = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"

func TestSumIsBLAKE3(t *testing.T) {
	if got := Sum(nil).String(); got != sumOfNothing {
		t.Errorf("sum of nothing is %s", got)
	}
}

func TestIDSurvivesText(t *testing.T) {
	id := Sum([]byte("x"))
	parsed, err := ParseID(id.String())
	if err != nil || parsed != id {
		t.Errorf("parsed to %s: %v", parsed, err)
	}
	text, err := json.Marshal(map[ID]ID{id: id})
	if err != nil {
		t.Fatal(err)
	}
	var back map[ID]ID
	if err := json.Unmarshal(text, &back); err != nil || back[id] != id {
		t.Errorf("%s decodes to %v: %v", text, back, err)
	}
	if !strings.HasPrefix(id.String(), id.Short()) || len(id.Short()) != 12 {
		t.Errorf("short is %s", id.Short())
	}
}

func TestParseIDRefusesOtherText(t *testing.T) {
	for _, s := range []string{
		"", "00", sumOfNothing[1:], sumOfNothing + "0", sumOfNothing + "00", strings.Repeat("g", 64),
		" " + sumOfNothing[1:],
	} {
		if id, err := ParseID(s); err == nil || !id.IsZero() {
			t.Errorf("%q parses to %s", s, id)
		}
	}
}

// One ID has one text, or a pack could have two names.
func TestParseIDRefusesUpperCase(t *testing.T) {
	if id, err := ParseID(strings.ToUpper(sumOfNothing)); err == nil {
		t.Errorf("parsed to %s", id)
	}
}

func TestZeroNamesNothing(t *testing.T) {
	if !(ID{}).IsZero() || Sum(nil).IsZero() {
		t.Error("IsZero is wrong")
	}
	for c, want := range map[Codec]string{
		Raw: "raw", Zstd: "zstd", XOR: "xor", Patch: "patch", 0: "codec 0", 9: "codec 9",
	} {
		if c.String() != want {
			t.Errorf("%d is %q", c, c)
		}
	}
}

// Names of packs and records are IDs, and an ID has one name.
func FuzzParseID(f *testing.F) {
	f.Add(Sum(nil).String())
	f.Add(strings.ToUpper(Sum(nil).String()))
	f.Fuzz(mutate.Often(func(t *testing.T, s string) {
		if id, err := ParseID(s); err == nil && id.String() != s {
			t.Errorf("%q is %v", s, id)
		}
	}))
}
