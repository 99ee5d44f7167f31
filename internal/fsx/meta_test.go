package fsx

import "testing"

// Also a change with a stamp of the precise clock, which a file gets that was
// looked at before.
func TestSettledIsAfterEveryChange(t *testing.T) {
	d, _ := tempDir(t)
	for i := range 30 {
		write(t, d, "file", "content")
		for sec := range int64(2) {
			check(t, d.Apply("file", Meta{Type: Regular, Mode: 0o600, ModTime: Time{Sec: sec}}))
			stat(t, d, "file")
		}
		changed := stat(t, d, "file").ID.ChangeTime
		if settled := Settle(); !changed.Before(settled) {
			t.Fatalf("try %d: changed at %v, settled is %v", i, changed, settled)
		}
		check(t, d.Remove("file"))
	}
}
