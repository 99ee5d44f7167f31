package chunker

import (
	"bytes"
	"testing"
)

func TestForChoosesByKind(t *testing.T) {
	const kib, mib = 1 << 10, 1 << 20
	text := bytes.Repeat([]byte("a line\n"), 100)[:HeadSize]
	tar := at(257, "ustar\x0000")
	for _, test := range []struct {
		name   string
		size   int64
		head   []byte
		sparse bool
		fixed  bool
	}{
		{"empty", 0, nil, false, true},
		{"one byte", 1, []byte("x"), false, true},
		{"one chunk", 64 * kib, text, false, true},
		{"small dump", 64*kib + 1, text, false, false},
		{"dump", 100*mib + 7, text, false, false},
		{"log", 3*mib - 1, text, false, false},
		{"no head", mib + 1, nil, false, false},
		{"sparse log", 100*mib + 7, text, true, true},
		{"small relation", 72 * kib, make([]byte, HeadSize), false, true},
		{"relation", 1024 * mib, make([]byte, HeadSize), false, true},
		{"half a page", mib + 2*kib, make([]byte, HeadSize), false, false},
		{"SQLite, 512-byte pages", mib + 512, at(0, "SQLite format 3\x00"), false, true},
		{"SQLite WAL, big-endian", 32 + 100*4120, at(0, "\x37\x7f\x06\x83"), false, true},
		{"SQLite WAL, little-endian", 32 + 100*4120, at(0, "\x37\x7f\x06\x82"), false, true},
		{"qcow2", mib + 512, at(0, "QFI\xfb"), false, true},
		{"InnoDB", 7 * 16 * kib, at(25, "\x08"), false, true},
		{"bbolt", 128 * kib, at(16, "\xed\xda\x0c\xed"), false, true},
		{"tar", 9 * 10240, tar, false, false},
		{"tar of whole pages", 100 * 10240, tar, false, false},
		{"magic cut short", mib + 1, []byte("SQLite"), false, false},
	} {
		_, fixed := For(test.size, test.head, test.sparse).(Fixed)
		if fixed != test.fixed {
			t.Errorf("%s: fixed is %t, want %t", test.name, fixed, test.fixed)
		}
	}
}

// at returns a head of zeros but for what stands at offset.
func at(offset int, what string) []byte {
	head := make([]byte, HeadSize)
	copy(head[offset:], what)
	return head
}

func TestForGrowsChunksWithSize(t *testing.T) {
	const gib, tib = 1 << 30, 1 << 40
	for _, test := range []struct {
		size int64
		want int
	}{
		{1, 64 << 10}, {1 << 20, 64 << 10}, {32 * gib, 64 << 10},
		{32*gib + 4096, 128 << 10}, {64 * gib, 128 << 10}, {65 * gib, 256 << 10},
		{tib, 2 << 20}, {tib + 4096, 2 << 20}, {1 << 62, 2 << 20},
	} {
		if got := For(test.size, nil, true).Max(); got != test.want {
			t.Errorf("%d bytes, fixed: chunk is %d bytes, want %d", test.size, got, test.want)
		}
		if test.size <= baseSize {
			continue
		}
		if got := For(test.size|1, nil, false).Max(); got != 2*chunkSize(test.size|1) {
			t.Errorf("%d bytes, FastCDC: longest chunk is %d bytes", test.size|1, got)
		}
	}
}
