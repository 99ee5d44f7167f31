package faults

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPage writes the page of the figures that the environment names, and of
// made up ones.
func TestPage(t *testing.T) {
	card := NewScorecard()
	card.Command = "make scorecard"
	card.Add(&Figures{Scenario: "restore", Fault: Kill.Name, Disk: Ext4, Calls: 40, Points: 40, Seeds: []uint64{1}})
	card.Add(&Figures{Scenario: "restore", Fault: Kill.Name, Disk: Ext4, Calls: 41, Points: 2, Seeds: []uint64{2}})
	lost := Violation{Kind: Lost, Scenario: "restore", Fault: Kill.Name, Disk: XFS, Text: "of the example"}
	card.Add(&Figures{
		Scenario: "restore", Fault: Kill.Name, Disk: XFS, Points: 3, Seeds: []uint64{1}, Violations: []Violation{lost},
	})
	card.Catches = []Catch{{Step: "a step", Caught: &lost}, {Step: "another"}}
	path := filepath.Join(t.TempDir(), "card")
	if err := card.Write(path); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| kill | 45 | 0 | 1 |", "| restore | 41 | 42 + 3 |", "snapshots lost: 1.", "of the example",
		"1 of 2 caught", "**not caught**", "| seeds of the contents | [1 2] |",
	} {
		if page := pageOf(t, path); !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if from, to := os.Getenv(outVariable), os.Getenv(pageVariable); from != "" && to != "" {
		if err := os.WriteFile(to, []byte(pageOf(t, from)), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// pageOf returns the page of the figures in a file.
func pageOf(t *testing.T, path string) string {
	t.Helper()
	card, err := ReadScorecard(path)
	if err != nil {
		t.Fatal(err)
	}
	return card.Page()
}
