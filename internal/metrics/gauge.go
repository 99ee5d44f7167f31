package metrics

import (
	"fmt"
	"io"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// A definition is a gauge as Prometheus knows it.
type definition struct {
	name, help string
	labels     []string
}

const (
	versionInfo    = "warmstore_build_info"
	storeReadable  = "warmstore_store_readable"
	storeBytes     = "warmstore_store_bytes"
	storeGarbage   = "warmstore_store_garbage_bytes"
	storeFree      = "warmstore_store_free_bytes"
	appSnapshots   = "warmstore_snapshots"
	appReadable    = "warmstore_last_good_readable"
	appTime        = "warmstore_last_good_timestamp_seconds"
	appBytes       = "warmstore_last_good_bytes"
	appFiles       = "warmstore_last_good_files"
	appUnfinished  = "warmstore_restore_unfinished"
	runTime        = "warmstore_run_timestamp_seconds"
	runDoneTime    = "warmstore_run_done_timestamp_seconds"
	runDuration    = "warmstore_run_duration_seconds"
	runExitCode    = "warmstore_run_exit_code"
	runBytes       = "warmstore_run_bytes"
	labelApp       = "app"
	labelOperation = "operation"
	labelBytesKind = "kind"
	labelVersion   = "version"
)

// definitions lists every gauge there is. Those of runs are the only ones whose
// value outlives the command that set it.
func definitions() []definition {
	app, run := []string{labelApp}, []string{labelOperation, labelApp}
	return []definition{
		{versionInfo, "The warmstore that wrote this.", []string{labelVersion}},
		{storeReadable, "Whether the store could be opened and its index read.", nil},
		{storeBytes, "Bytes that the store's packs take.", nil},
		{storeGarbage, "Bytes of them that no snapshot needs, at most: new ones count until gc has counted.", nil},
		{storeFree, "Bytes left on the store's file system.", nil},
		{appSnapshots, "Snapshots of the app.", app},
		{appReadable, "Whether the record of the app's last-good can be read.", app},
		{appTime, "When the app's last-good was taken.", app},
		{appBytes, "Bytes of files in the app's last-good.", app},
		{appFiles, "Files in the app's last-good.", app},
		{appUnfinished, "Whether a restore of the app was begun and not finished.", app},
		{runTime, "When the operation last ended, whatever its result.", run},
		{runDoneTime, "When the operation last succeeded.", run},
		{runDuration, "How long the last run of the operation took.", run},
		{runExitCode, "The exit code of the last run: 0 if it succeeded.", run},
		{runBytes, "Bytes that the last run read, stored, wrote or freed.", append(slices.Clone(run), labelBytesKind)},
	}
}

// gauges are the gauges with their values.
type gauges struct {
	registry *prometheus.Registry
	byName   map[string]*prometheus.GaugeVec
}

func newGauges() *gauges {
	g := &gauges{prometheus.NewRegistry(), map[string]*prometheus.GaugeVec{}}
	for _, d := range definitions() {
		g.byName[d.name] = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: d.name, Help: d.help}, d.labels)
		g.registry.MustRegister(g.byName[d.name])
	}
	return g
}

// set sets the gauge of that name and those values of its labels.
func (g *gauges) set(name string, value float64, labels ...string) {
	g.byName[name].WithLabelValues(labels...).Set(value)
}

func (g *gauges) setBool(name string, value bool, labels ...string) {
	number := 0.0
	if value {
		number = 1
	}
	g.set(name, number, labels...)
}

// write writes all gauges in the text format.
func (g *gauges) write(w io.Writer) error {
	families, err := g.registry.Gather()
	if err != nil {
		return err
	}
	for _, family := range families {
		if _, err := expfmt.MetricFamilyToText(w, family); err != nil {
			return err
		}
	}
	return nil
}

// keep sets the gauges of runs to what the page read from r has of them, but
// for those of an app that isKept denies.
func (g *gauges) keep(r io.Reader, isKept func(app string) bool) error {
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(r)
	if err != nil {
		return fmt.Errorf("read metrics: %w", err)
	}
	for _, d := range definitions() {
		if !d.ofRun() {
			continue
		}
		for _, m := range families[d.name].GetMetric() {
			labels := prometheus.Labels{}
			for _, pair := range m.GetLabel() {
				labels[pair.GetName()] = pair.GetValue()
			}
			if app := labels[labelApp]; app != "" && !isKept(app) {
				continue
			}
			gauge, err := g.byName[d.name].GetMetricWith(labels)
			if err != nil {
				return fmt.Errorf("read metrics: %s: %w", d.name, err)
			}
			gauge.Set(m.GetGauge().GetValue())
		}
	}
	return nil
}

func (d definition) ofRun() bool { return slices.Contains(d.labels, labelOperation) }
