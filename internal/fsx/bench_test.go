package fsx

import (
	"fmt"
	"testing"
)

// BenchmarkInode measures what a walk pays for one unchanged or changed file.
func BenchmarkInode(b *testing.B) {
	d, _ := tempDir(b)
	for i := range 1000 {
		write(b, d, fmt.Sprint(i), "content")
	}
	m := capture(b, d, "7")
	for name, call := range map[string]func() error{
		"Stat":      func() error { _, err := d.Stat("7"); return err },
		"Xattrs":    func() error { _, err := d.Xattrs("7"); return err },
		"Apply":     func() error { return d.Apply("7", m) },
		"Names1000": func() error { _, err := d.Names(); return err },
		"OpenDir": func() error {
			again, err := d.OpenPath("")
			if err != nil {
				return err
			}
			return again.Close()
		},
		"OpenFile": func() error {
			f, _, err := d.OpenFile("7")
			if err != nil {
				return err
			}
			return f.Close()
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				check(b, call())
			}
		})
	}
}
