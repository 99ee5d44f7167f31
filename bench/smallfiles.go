package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// smallFiles is a tree of many small files, as a mail spool or a git forge has.
// One in a hundred changes: most are written anew, some go and some come.
type smallFiles struct{ count int }

// perDirectory is how many files a directory holds.
const perDirectory = 100

// Name implements Workload.
func (smallFiles) Name() string { return "smallfiles" }

// Missing implements Workload.
func (smallFiles) Missing() string { return "" }

// Build implements Workload.
func (s smallFiles) Build(ctx context.Context, dir string) error {
	for n := range s.count {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.put(dir, n, uint64(n)); err != nil {
			return err
		}
	}
	return nil
}

// Change implements Workload.
func (s smallFiles) Change(ctx context.Context, dir string, night int) error {
	random := rand.New(rand.NewPCG(uint64(night), 2))
	each := s.count / 100
	for i := range each {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, fresh := random.IntN(s.count), s.count+(night-1)*each+i
		var err error
		switch i % 10 {
		case 0: // one comes
			err = s.put(dir, fresh, uint64(fresh))
		case 1: // one goes
			err = os.RemoveAll(s.path(dir, n))
		default:
			err = s.put(dir, n, uint64(fresh))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (smallFiles) path(dir string, n int) string {
	group := n / perDirectory
	return filepath.Join(dir, fmt.Sprintf("%02x", group%64), fmt.Sprint(group), fmt.Sprintf("item-%d", n))
}

// put writes file number n with what follows from seed.
func (s smallFiles) put(dir string, n int, seed uint64) error {
	path := s.path(dir, n)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(seed, 3))
	return os.WriteFile(path, prose(random, random.IntN(8<<10)), 0o644)
}

// words are what prose is made of.
var words = strings.Fields(`the a of and to in is was for on with as by that it from at be this which or had
	not are but have an they one been their has would when who will more no if out so said what up its about than
	into them can only other new some could time these two may then do first any my now such like our over`)

// prose returns n bytes of text that compresses as text does: words, and a
// number now and then.
func prose(random *rand.Rand, n int) []byte {
	text := make([]byte, 0, n+32)
	for len(text) < n {
		if random.IntN(6) == 0 {
			text = fmt.Appendf(text, "%x ", random.Uint32())
			continue
		}
		text = append(append(text, words[random.IntN(len(words))]...), ' ')
	}
	return text[:n]
}
