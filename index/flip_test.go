package index

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"
)

// flipEnv makes TestFlipChild flip bits from the byte that it names on.
const flipEnv = "WARMSTORE_TEST_FLIP"

// metaPages are at the start of a database, and checked by bbolt. It goes back
// to the older one of them if the newer is damaged.
const metaPages = 2

// A damaged meta page is all that an interrupted commit leaves, so nothing can
// tell the two apart. But no more than the last commit is undone.
func TestFlippedBitInMetaUndoesOneCommitAtMost(t *testing.T) {
	v := newVictim(t, 9)
	page := os.Getpagesize()
	for at := range metaPages * page {
		if at%page > 96 {
			continue // unused
		}
		for bit := range 8 {
			v.write(t, at, v.bytes[at]^1<<bit)
			answers, errs := v.ask()
			wrong, older := v.judge(answers, errs, v.want), v.judge(answers, errs, v.older)
			if wrong != "" && older != "" {
				t.Errorf("byte %d, bit %d: %s", at, bit, wrong)
			}
		}
		v.write(t, at, v.bytes[at])
	}
}

// Damage may kill the process, or hang it, and no recover helps: each byte is
// flipped in a process of which another sees the death.
func TestFlippedBitIsNoWrongAnswer(t *testing.T) {
	t.Parallel() // it waits for the other process
	size := newVictim(t, 9).used()
	progress := filepath.Join(t.TempDir(), "progress")
	deaths, kinds := 0, map[string]int{}
	for at := metaPages * os.Getpagesize(); at < size && deaths < 3; {
		out, err := runFlips(progress, at)
		for line := range strings.Lines(out) {
			if found, ok := strings.CutPrefix(line, "WRONG "); ok {
				place, kind, _ := strings.Cut(strings.TrimSpace(found), ": ")
				if kinds[kind]++; kinds[kind] == 1 {
					t.Errorf("%s: %s", place, kind)
				}
			}
		}
		if err == nil {
			break
		}
		reached, readErr := os.ReadFile(progress)
		check(t, readErr)
		at = int(binary.LittleEndian.Uint64(reached))
		deaths++
		t.Errorf("byte %d of %d: the process ends: %v: %s", at, size, err, firstLine(out))
		at++
	}
	for kind, n := range kinds {
		t.Logf("%d times: %s", n, kind)
	}
}

// runFlips runs the child until it ends, or hangs at one byte for 3 seconds.
func runFlips(progress string, from int) (string, error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestFlipChild$", "-test.count=1")
	cmd.Env = append(os.Environ(), flipEnv+"="+progress+":"+strconv.Itoa(from), "GOTRACEBACK=none")
	go func() {
		last := []byte("none yet")
		for ctx.Err() == nil {
			time.Sleep(3 * time.Second)
			now, _ := os.ReadFile(progress)
			if bytes.Equal(now, last) {
				cancel(errors.New("it hangs"))
			}
			last = now
		}
	}()
	out, err := cmd.CombinedOutput()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return string(out), err
}

// firstLine returns what the runtime says of a death.
func firstLine(out string) string {
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "fatal error:") || strings.HasPrefix(line, "panic:") {
			return strings.TrimSpace(line)
		}
	}
	return "no word"
}

func TestFlipChild(t *testing.T) {
	progress, from, ok := strings.Cut(os.Getenv(flipEnv), ":")
	if !ok {
		return // not the child
	}
	first, err := strconv.Atoi(from)
	check(t, err)
	file, err := os.Create(progress)
	check(t, err)
	defer file.Close()
	debug.SetMemoryLimit(1 << 30)
	v := newVictim(t, 9)
	isUsed := v.isUsed(t)
	for at := first; at < v.used(); at++ {
		if !isUsed[at/os.Getpagesize()] {
			continue
		}
		_, err := file.WriteAt(binary.LittleEndian.AppendUint64(nil, uint64(at)), 0)
		check(t, err)
		for _, bit := range bitsOf(at) {
			v.write(t, at, v.bytes[at]^1<<bit)
			if wrong := v.verdict(); wrong != "" {
				page := os.Getpagesize()
				fmt.Printf("WRONG byte %d of page %d, bit %d: %s\n", at%page, at/page, bit, wrong)
			}
			v.write(t, at, v.bytes[at])
		}
	}
	if now, err := os.ReadFile(string(v.db)); err != nil || !bytes.Equal(now, v.bytes) {
		t.Errorf("a view changed the file: %v", err)
	}
}

// used returns the bytes up to the end of the last page that was ever used.
func (v *victim) used() int {
	meta := func(page int) (high, txid uint64) {
		b := v.bytes[page*os.Getpagesize()+16:]
		return binary.LittleEndian.Uint64(b[40:]), binary.LittleEndian.Uint64(b[48:])
	}
	high, txid := meta(0)
	if other, otherTxid := meta(1); otherTxid > txid {
		high = other
	}
	return int(high) * os.Getpagesize()
}

// isUsed tells of each page whether an answer depends on it: the others are
// free.
func (v *victim) isUsed(t *testing.T) (isUsed []bool) {
	t.Helper()
	page := os.Getpagesize()
	for at := 0; at < v.used(); at += page {
		v.write(t, at, make([]byte, page)...)
		_, errs := v.ask()
		isUsed = append(isUsed, errors.Join(errs...) != nil)
		v.write(t, at, v.bytes[at:at+page]...)
	}
	return isUsed
}

// bitsOf returns the bits to flip: where pages keep their structure all, else
// another one of each byte.
func bitsOf(at int) []int {
	if at%os.Getpagesize() < 80 {
		return []int{0, 1, 2, 3, 4, 5, 6, 7}
	}
	return []int{at % 8}
}
