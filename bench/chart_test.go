package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// checkCharts holds that the charts in dir are XML and name what they show.
func checkCharts(t *testing.T, dir string) {
	t.Helper()
	stepNames := []string{"first", "unchanged", "changed", "touched", "restore", "rollback"}
	for file, names := range map[string][]string{
		"log-steps.svg":  append(stepNames, testPeers...),
		"log-nights.svg": append([]string{"night", "MB on disk"}, testPeers[1:]...),
	} {
		svg, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Error(err)
			continue
		}
		texts := textsOf(t, svg)
		for _, name := range names {
			if texts[name] == 0 {
				t.Errorf("%s does not say %q", file, name)
			}
		}
	}
}

// textsOf returns how often each text is in an SVG.
func textsOf(t *testing.T, svg []byte) map[string]int {
	t.Helper()
	texts := map[string]int{}
	root := ""
	for in := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Error(err)
			break
		}
		switch token := token.(type) {
		case xml.StartElement:
			if root == "" {
				root = token.Name.Local
			}
		case xml.CharData:
			texts[string(token)]++
		}
	}
	if root != "svg" {
		t.Errorf("the root is %q", root)
	}
	return texts
}

// TestChartOfVoid shows that charts are drawn where peers, or all, have failed.
func TestChartOfVoid(t *testing.T) {
	r := synthetic("log", map[string]map[string]float64{"first": {limitVerb: 0.5, "restic": 2}})
	for i := range r.Runs {
		r.Runs[i].Void = "failed"
	}
	r.Nights = []Night{{Workload: "log", Peer: "warmstore", Night: 1, Void: "failed"}}
	dir := t.TempDir()
	if err := r.charts(dir); err != nil {
		t.Fatal(err)
	}
	svg, err := os.ReadFile(filepath.Join(dir, "log-steps.svg"))
	if err != nil {
		t.Fatal(err)
	}
	if texts := textsOf(t, svg); texts["void"] != len(r.Peers) {
		t.Errorf("%d bars are void", texts["void"])
	}
	if _, err := os.Stat(filepath.Join(dir, "log-nights.svg")); !os.IsNotExist(err) {
		t.Errorf("nights of which none counts are drawn, %v", err)
	}
}
