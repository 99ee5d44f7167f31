// Package mutate runs fuzz targets on many more inputs than a fuzzer can. One that
// watches coverage runs some ten thousand a second; without that, a decoder of a few
// hundred bytes takes most of a million.
package mutate

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"
)

// usual is how many mutations of each seed are run if nothing else is said.
const usual = 1000

// Often returns the body of a fuzz target such that, while no fuzzer runs, it runs
// on each seed, and then on as many mutations of it as $WARMSTORE_MUTATIONS says,
// 1,000 if it is unset. What fails is printed. Arguments may be bytes, strings and
// integers; they are valid until the body returns. F is a type that testing.F.Fuzz takes.
func Often[F any](body F) F {
	if f := flag.Lookup("test.fuzz"); f != nil && f.Value.String() != "" {
		return body
	}
	call := reflect.ValueOf(body)
	return reflect.MakeFunc(call.Type(), func(args []reflect.Value) []reflect.Value {
		t := args[0].Interface().(*testing.T)
		call.Call(args)
		run(t, call, newMutator(args[1:], rand.Uint64()), mutations(t))
		return nil
	}).Interface().(F)
}

func mutations(t *testing.T) int {
	text, set := os.LookupEnv("WARMSTORE_MUTATIONS")
	if !set {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("WARMSTORE_MUTATIONS: %v", err)
	}
	return n
}

// run calls the body on n mutations, or up to the first that fails.
func run(t *testing.T, body reflect.Value, m *mutator, n int) {
	args := []reflect.Value{reflect.ValueOf(t)}
	done := 0
	defer func() {
		if done < n {
			fmt.Fprintf(os.Stderr, "%s: mutation %d fails:%s\n", t.Name(), done, m)
		}
	}()
	for ; done < n && !t.Failed(); done++ {
		body.Call(append(args, m.next()...))
	}
	if t.Failed() {
		done--
		return
	}
	t.Logf("%d mutations", n)
}

// A mutator makes changed copies of the arguments of one seed.
type mutator struct {
	random *rand.Rand
	seed   []reflect.Value
	now    []reflect.Value // the last ones it made
	bytes  [][]byte        // those of them that are bytes or strings
}

func newMutator(seed []reflect.Value, source uint64) *mutator {
	return &mutator{
		random: rand.New(rand.NewPCG(source, 0)),
		seed:   seed,
		now:    slices.Clone(seed),
		bytes:  make([][]byte, len(seed)),
	}
}

// next changes one or more arguments of the seed.
func (m *mutator) next() []reflect.Value {
	copy(m.now, m.seed)
	for more := true; more; more = m.random.IntN(4) == 0 {
		m.change(m.random.IntN(len(m.seed)))
	}
	return m.now
}

// change changes argument i.
func (m *mutator) change(i int) {
	v := reflect.New(m.seed[i].Type()).Elem()
	switch v.Kind() {
	case reflect.String:
		v.SetString(string(m.mutated(i, []byte(m.seed[i].String()))))
	case reflect.Slice:
		v.SetBytes(m.mutated(i, m.seed[i].Bytes()))
	case reflect.Int64:
		v.SetInt(int64(m.integer()))
	default:
		v.SetUint(m.integer() & (1<<v.Type().Bits() - 1))
	}
	m.now[i] = v
}

// mutated returns a copy of seed with one change, or a few, in the buffer of
// argument i.
func (m *mutator) mutated(i int, seed []byte) []byte {
	b := append(m.bytes[i][:0], seed...)
	for more := true; more; more = m.random.IntN(2) == 0 {
		b = changes[m.random.IntN(len(changes))](m, b)
	}
	m.bytes[i] = b
	return b
}

// integer returns a number that is small, at a limit of its type or a unit, or any.
func (m *mutator) integer() uint64 {
	near := uint64(m.random.IntN(5)) - 2
	switch m.random.IntN(3) {
	case 0:
		return m.random.Uint64() >> m.random.IntN(64)
	case 1:
		return 1<<m.random.IntN(64) + near
	}
	return near
}

// changes are what may happen to bytes.
var changes = []func(*mutator, []byte) []byte{
	(*mutator).flip, (*mutator).set, (*mutator).number, (*mutator).cut, (*mutator).drop,
	(*mutator).repeat, (*mutator).move,
}

func (m *mutator) flip(b []byte) []byte {
	if len(b) > 0 {
		b[m.random.IntN(len(b))] ^= 1 << m.random.IntN(8)
	}
	return b
}

func (m *mutator) set(b []byte) []byte {
	if len(b) > 0 {
		b[m.random.IntN(len(b))] = byte(m.random.Uint32())
	}
	return b
}

// number writes an integer somewhere, of 2, 4 or 8 bytes or of a varying length.
func (m *mutator) number(b []byte) []byte {
	var as [binary.MaxVarintLen64]byte
	n := 2 << m.random.IntN(3)
	binary.LittleEndian.PutUint64(as[:], m.integer())
	if m.random.IntN(2) == 0 {
		n = binary.PutUvarint(as[:], m.integer())
	}
	if n <= len(b) {
		copy(b[m.random.IntN(len(b)-n+1):], as[:n])
	}
	return b
}

func (m *mutator) cut(b []byte) []byte { return b[:m.random.IntN(len(b)+1)] }

func (m *mutator) drop(b []byte) []byte {
	from, to := m.part(len(b))
	return slices.Delete(b, from, to)
}

func (m *mutator) repeat(b []byte) []byte {
	from, to := m.part(len(b))
	return slices.Insert(b, m.random.IntN(len(b)+1), slices.Clone(b[from:to])...)
}

// move copies a part over another.
func (m *mutator) move(b []byte) []byte {
	from, to := m.part(len(b))
	copy(b[m.random.IntN(len(b)+1):], b[from:to])
	return b
}

// part returns the bounds of a part of n bytes, mostly a short one.
func (m *mutator) part(n int) (from, to int) {
	from = m.random.IntN(n + 1)
	return from, min(n, from+m.random.IntN(1+n>>m.random.IntN(10)))
}

// String tells what was made last.
func (m *mutator) String() (text string) {
	for _, v := range m.now {
		text += fmt.Sprintf(" %#v", v.Interface())
	}
	return text
}
