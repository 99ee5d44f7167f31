package tidy

import "regexp"

// The sizes. A limit is where a reader loses the thread, not a target: most
// functions here have about ten lines.
const (
	maxFuncLines     = 70
	maxTestFuncLines = 120 // tables of cases are long and easy to read
	maxFileLines     = 500
	maxColumns       = 120
	tabColumns       = 4
	maxComplexity    = 15 // as gocyclo counts it
)

// module is the import path of this module.
const module = "github.com/warmstore/warmstore"

// anything, in a table, stands for every package.
const anything = "*"

// layers lists for each package of this module those it may import. Test files
// may import anything. A package that is missing here is an error, so that a
// new one gets its place by decision and not by accident.
var layers = map[string][]string{
	"cmd/warmstore": {"store", "restore", "internal/source", "internal/browse", "internal/archive",
		"internal/config", "internal/metrics", "internal/webpage"},
	"internal/config":  {"store", "internal/source", "internal/exclude"},
	"internal/exclude": nil,
	"internal/metrics": {"store", "internal/fsx"},
	"internal/webpage": {"store", "internal/fsx"},
	"internal/source":  {"store", "restore", "internal/docker", "internal/fsx"},
	"store": {"chunker", "index", "internal/blob", "internal/pack", "internal/manifest", "internal/witness",
		"internal/crew", "internal/exclude", "internal/fsx", "internal/planted"},
	// never store: restore declares the Source it needs
	"restore": {"internal/blob", "internal/manifest", "internal/witness", "internal/crew", "internal/exclude",
		"internal/fsx", "internal/planted"},
	"index":             {"internal/blob", "internal/pack", "internal/planted"}, // its values are footers
	"internal/pack":     {"internal/blob", "internal/fsx", "internal/planted"},
	"internal/archive":  {"store", "internal/source", "internal/tarball", "internal/fsx"},
	"internal/tarball":  {"internal/manifest", "internal/fsx"},
	"internal/browse":   {"internal/manifest", "internal/fsx"},
	"internal/witness":  {"internal/blob", "internal/fsx", "internal/planted"},
	"internal/manifest": {"internal/blob", "internal/fsx"},
	"internal/blob":     nil,
	"internal/fsx":      {"internal/planted"},
	"internal/planted":  nil,
	"internal/crew":     nil,
	"internal/docker":   nil,
	"chunker":           nil,

	// What measures and tests the others stands above them all.
	"bench":                          {anything},
	"internal/attack":                {anything},
	"internal/docker/dockertest":     {anything},
	"internal/docker/dockertest/app": nil,
	"internal/e2e":                   {anything},
	"internal/faults":                {anything},
	"internal/faults/disktest":       {anything},
	"internal/mutate":                nil,
	"internal/need":                  nil,
	"internal/stale":                 {anything},
	"internal/tidy":                  nil,
}

// importers lists for each module that is not ours the packages that may import
// it outside of tests. One importer each is what keeps a dependency replaceable.
var importers = map[string][]string{
	"github.com/bmatcuk/doublestar/v4":    {"internal/exclude"},
	"github.com/containerd/errdefs":       {"internal/docker"},
	"github.com/docker/docker":            {"internal/docker"},
	"github.com/dustin/go-humanize":       {"cmd/warmstore", "internal/webpage"},
	"github.com/klauspost/compress":       {"internal/pack"},
	"github.com/prometheus/client_golang": {"internal/metrics"},
	"github.com/prometheus/common":        {"internal/metrics"},
	"github.com/schollz/progressbar/v3":   {"cmd/warmstore"},
	"github.com/urfave/cli/v2":            {"cmd/warmstore"},
	"github.com/zeebo/blake3":             {"internal/blob"},
	"go.etcd.io/bbolt":                    {"index"},
	"go.yaml.in/yaml/v4":                  {"internal/config"},
	"golang.org/x/sync":                   {anything},
	"golang.org/x/sys":                    {"internal/fsx"},
	"golang.org/x/term":                   {"cmd/warmstore"},
	"gonum.org/v1/plot":                   {"bench"},
	"github.com/rogpeppe/go-internal":     nil, // tests only
	"pgregory.net/rapid":                  nil, // tests only
}

// The words that say nothing, or a task that belongs in an issue.
var (
	emptyPackage = regexp.MustCompile(`^(utils?|common|types|helpers?|managers?|misc)$`)
	emptyName    = regexp.MustCompile(`^Get([A-Z0-9]|$)|Manager|Helper|Util(s|[A-Z]|$)`)
	unfinished   = regexp.MustCompile(`\b(TODO|FIXME|XXX)\b`)
)

// skippers lists the functions that may skip a test, for want of a tool or of
// root: a test that silently does not run is worse than none, so these fail
// where $CI is true.
var skippers = []string{
	"cmd/warmstore.need",
	"internal/docker/dockertest.Need",
	"internal/e2e.need",
	"internal/faults.need",
	"internal/fsx.missing",
	"internal/need.Lacks",
}
