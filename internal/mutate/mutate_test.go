package mutate

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
)

func values(args ...any) (v []reflect.Value) {
	for _, a := range args {
		v = append(v, reflect.ValueOf(a))
	}
	return v
}

func TestMutationsDiffer(t *testing.T) {
	seed := []byte("one seed of some bytes")
	m := newMutator(values(seed, "text", int64(7), uint16(8), byte(9)), 1)
	var same int
	distinct := map[string]bool{}
	for range 10_000 {
		m.next()
		distinct[m.String()] = true
		if m.now[0].IsZero() || bytes.Equal(m.now[0].Bytes(), seed) {
			same++
		}
	}
	if len(distinct) < 4_000 || same > 9_000 {
		t.Errorf("%d different mutations of 10,000, %d of them with the same bytes", len(distinct), same)
	}
	if string(seed) != "one seed of some bytes" {
		t.Errorf("the seed became %q", seed)
	}
}

// Every length is reached, none included, and so is every value of a byte.
func TestMutationsReachEverything(t *testing.T) {
	m := newMutator(values([]byte("0123456789")), 2)
	lengths, at := [11]bool{}, [10][256]bool{}
	for range 1_000_000 {
		b := m.next()[0].Bytes()
		if len(b) <= 10 {
			lengths[len(b)] = true
		}
		for i, c := range b[:min(len(b), 10)] {
			at[i][c] = true
		}
	}
	if lengths != [11]bool{true, true, true, true, true, true, true, true, true, true, true} {
		t.Errorf("lengths: %v", lengths)
	}
	for i := range at {
		for c := range at[i] {
			if !at[i][c] {
				t.Errorf("byte %d is never %d", i, c)
			}
		}
	}
}

// FuzzBuggy is a target with a bug, in a process of its own.
func FuzzBuggy(f *testing.F) {
	bug := os.Getenv("WARMSTORE_MUTATE_BUG")
	f.Add([]byte("length 5"))
	f.Fuzz(Often(func(t *testing.T, b []byte) {
		if n, ok := bytes.CutPrefix(b, []byte("length ")); ok && bytes.HasPrefix(n, []byte{0}) {
			switch bug {
			case "panic":
				panic("it is zero")
			case "error":
				t.Error("it is zero")
			case "fatal":
				t.Fatal("it is zero")
			}
		}
	}))
}

func TestBugIsFound(t *testing.T) {
	for _, bug := range []string{"panic", "error", "fatal", ""} {
		cmd := exec.Command(os.Args[0], "-test.run=^FuzzBuggy$")
		cmd.Env = append(os.Environ(), "WARMSTORE_MUTATIONS=300000", "WARMSTORE_MUTATE_BUG="+bug)
		out, err := cmd.CombinedOutput()
		found := err != nil && strings.Contains(string(out), fmt.Sprintf("fails: %#v", []byte("length \x00"))[:40])
		if found != (bug != "") {
			t.Errorf("%q: %v\n%s", bug, err, out)
		}
	}
}
