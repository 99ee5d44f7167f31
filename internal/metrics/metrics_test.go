package metrics

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/warmstore/warmstore/internal/need"
	"github.com/warmstore/warmstore/store"
)

// TestUpdatesAtOnceLoseNoRun: commands on different apps end at the same time.
func TestUpdatesAtOnceLoseNoRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "warmstore.prom")
	state := State{Readable: true}
	for i := range 8 {
		state.Apps = append(state.Apps, store.App{Name: fmt.Sprintf("app%d", i), LastGood: new(store.Record)})
	}
	var group sync.WaitGroup
	for _, app := range state.Apps {
		group.Go(func() {
			run := Run{Operation: "snapshot", App: app.Name, Ended: time.Now()}
			if err := Update(t.Context(), path, state, []Run{run}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, app := range state.Apps {
		want := `run_exit_code{app="` + app.Name + `",operation="snapshot"} 0`
		if !strings.Contains(string(page), want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 2 { // the lock stays
		t.Errorf("beside the page there are %v, %v", entries, err)
	}
}

// TestDamagedRecordIsNotLastGood: its time is not known, and must not look fresh.
func TestDamagedRecordIsNotLastGood(t *testing.T) {
	var page strings.Builder
	state := State{Readable: true, Apps: []store.App{{Name: "sso", Snapshots: make([]store.ID, 1)}}}
	if err := Write(&page, state); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), `warmstore_last_good_readable{app="sso"} 0`) ||
		strings.Contains(page.String(), "warmstore_last_good_timestamp_seconds{") {
		t.Error(page.String())
	}
}

// contrib is what refers to the metrics by name.
var contrib = []string{"../../contrib/prometheus/alerts.yaml", "../../contrib/grafana/dashboard.json"}

// TestContribUsesMetricsThatExist, with labels that exist, and all of them.
func TestContribUsesMetricsThatExist(t *testing.T) {
	known := map[string][]string{}
	for _, d := range definitions() {
		known[d.name] = append(d.labels, "instance")
	}
	used := map[string]bool{}
	for _, path := range contrib {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		selectors := regexp.MustCompile(`(warmstore_[a-z_]+)(\{[^}]*\})?`)
		for _, match := range selectors.FindAllSubmatch(text, -1) {
			name := string(match[1])
			used[name] = true
			if known[name] == nil {
				t.Errorf("%s: there is no metric %s", path, name)
			}
			for _, label := range regexp.MustCompile(`([a-z_]+)=`).FindAllSubmatch(match[2], -1) {
				if !slices.Contains(known[name], string(label[1])) {
					t.Errorf("%s: %s has no label %s", path, name, label[1])
				}
			}
		}
	}
	for name := range known {
		if !used[name] && name != versionInfo && name != appSnapshots && name != runTime {
			t.Errorf("nothing in contrib uses %s", name)
		}
	}
}

func TestDashboardIsJSON(t *testing.T) {
	text, err := os.ReadFile(contrib[1])
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Title  string
		Panels []struct {
			ID      int
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil || len(dashboard.Panels) == 0 {
		t.Fatalf("%d panels, %v", len(dashboard.Panels), err)
	}
	seen := map[int]bool{}
	for _, panel := range dashboard.Panels {
		if seen[panel.ID] || panel.Title == "" || len(panel.Targets) == 0 {
			t.Errorf("panel %+v", panel)
		}
		seen[panel.ID] = true
	}
}

// TestRules: promtool accepts the alerts, they fire when they should, and it can
// parse every expression of the dashboard.
func TestRules(t *testing.T) {
	need.Tools(t, "promtool")
	for _, args := range [][]string{{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts_test.yaml"}} {
		promtool(t, filepath.Dir(contrib[0]), args...)
	}
	text, err := os.ReadFile(contrib[1])
	if err != nil {
		t.Fatal(err)
	}
	var rules strings.Builder
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	for i, match := range regexp.MustCompile(`"expr": (".*"),?\n`).FindAllSubmatch(text, -1) {
		expr := strings.ReplaceAll(string(match[1]), "$instance", ".*")
		fmt.Fprintf(&rules, "  - {record: 'panel:%d', expr: %s}\n", i, expr)
	}
	path := filepath.Join(t.TempDir(), "dashboard.yaml")
	if err := os.WriteFile(path, []byte(rules.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, filepath.Dir(path), "check", "rules", path)
}

func promtool(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("promtool", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %q: %v\n%s", args, err, out)
	}
}
