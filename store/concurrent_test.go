package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// A crowd uses one store at once, from several processes.
type crowd struct {
	scene *scene
	root  string
	until time.Time

	mu    sync.Mutex
	count map[string]int // of what was done, and of what others prevented
}

// files are what a volume may have: the more apps share, the more one can take
// from another.
const files = "abcdefghijklmnop"

func (c *crowd) did(what string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if errors.Is(err, ErrLocked) {
		what += " (locked)"
	}
	c.count[what]++
}

// work does one thing after the other until the time is over. Only what others
// hold may keep it from succeeding.
func (c *crowd) work(number int) error {
	s, err := Open(c.root, Options{Workers: 1 + number%2})
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(uint64(number), 7))
	own := fmt.Sprint("own", number)
	for time.Now().Before(c.until) {
		var what string
		switch n := rng.IntN(10); {
		case n < 3:
			what, err = "snapshot", c.snapshot(s, own, rng)
		case n < 5:
			what, err = "snapshot of a shared app", c.snapshot(s, "shared", rng)
		case n < 6:
			what, err = "forget", ignore(forget(own)(context.Background(), s), ErrNotFound)
		case n < 7:
			what, err = "gc", collect(GCOptions{MinGarbage: 1, IfDue: rng.IntN(2) == 0})(context.Background(), s)
		case n < 8:
			what, err = "check", c.check(s, rng.IntN(2) == 0)
		default:
			app := []string{own, "shared", fmt.Sprint("own", rng.IntN(4))}[rng.IntN(3)]
			what, err = "restore", ignore(c.scene.restores(s, app, ID{}), ErrNotFound)
		}
		c.did(what, err)
		if err != nil && !errors.Is(err, ErrLocked) {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

func ignore(err, allowed error) error {
	if errors.Is(err, allowed) {
		return nil
	}
	return err
}

// sets are the volumes that are taken snapshots of, by the files in them.
func sets() (sets []string) {
	for from := range len(files) - 4 {
		for n := 2; n <= 4; n++ {
			sets = append(sets, files[from:from+n])
		}
	}
	return sets
}

func newCrowd(t *testing.T, root string, until time.Time) *crowd {
	c := &crowd{scene: &scene{t: t, template: memory(t), volumes: map[string]string{}}, root: root, until: until}
	c.count = map[string]int{}
	for _, set := range sets() {
		c.scene.volume(set) // made now, so that it is only read later
	}
	return c
}

func (c *crowd) snapshot(s *Store, app string, rng *rand.Rand) error {
	set := sets()[rng.IntN(len(sets()))]
	_, err := s.Snapshot(context.Background(), app, []Volume{{Name: "data", Path: c.scene.volume(set)}},
		SnapshotOptions{Keep: 1 + rng.IntN(3), Labels: map[string]string{"files": set}})
	return err
}

func (c *crowd) check(s *Store, read bool) error {
	report, err := s.Check(context.Background(), CheckOptions{ReadData: read})
	if err == nil && len(report.Problems) > 0 {
		err = fmt.Errorf("%d problems, the first: %v", len(report.Problems), report.Problems[0])
	}
	return err
}

// run has so many goroutines work, numbered from first on.
func (c *crowd) run(first, goroutines int) {
	var group sync.WaitGroup
	for n := range goroutines {
		group.Go(func() {
			if err := c.work(first + n); err != nil {
				c.scene.t.Errorf("worker %d: %v", first+n, err)
			}
		})
	}
	group.Wait()
	for what, n := range c.count {
		fmt.Printf("did %d %s\n", n, what)
	}
}

// crowdVariable tells this binary to be one of the processes of the test below:
// where the store is, how long, and the number of its first worker.
const crowdVariable = "WARMSTORE_TEST_CROWD"

// TestCrowdMember is such a process; by itself it does nothing.
func TestCrowdMember(t *testing.T) {
	var root string
	var seconds, first int
	if _, err := fmt.Sscan(os.Getenv(crowdVariable), &root, &seconds, &first); err != nil {
		return
	}
	newCrowd(t, root, time.Now().Add(time.Duration(seconds)*time.Second)).run(first, 2)
}

func TestManyProcessesOnOneStoreLoseNothing(t *testing.T) {
	seconds, processes := 4, 3
	if everything() {
		seconds, processes = 120, 6
	}
	root := memory(t)
	_, err := Create(root, Options{})
	must(t, err)
	var members sync.WaitGroup
	var mu sync.Mutex
	total := map[string]int{}
	for p := range processes {
		members.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run=^TestCrowdMember$", "-test.v")
			cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %d", crowdVariable, root, seconds, 2*p))
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("process %d: %v\n%s", p, err, out)
			}
			mu.Lock()
			defer mu.Unlock()
			for line := range strings.Lines(string(out)) {
				var n int
				if _, err := fmt.Sscanf(line, "did %d", &n); err == nil {
					total[strings.TrimSpace(strings.SplitN(line, " ", 3)[2])] += n
				}
			}
		})
	}
	c := newCrowd(t, root, time.Now().Add(time.Duration(seconds)*time.Second))
	c.run(2*processes, 2)
	members.Wait()
	for what, n := range c.count {
		total[what] += n
	}
	t.Log(total)
	for _, what := range []string{"snapshot", "snapshot of a shared app", "restore", "gc", "check", "forget"} {
		if total[what] == 0 {
			t.Errorf("there was no %s that succeeded", what)
		}
	}
	lines := append(c.scene.problems(root), c.scene.judge(root, nil)...)
	must(t, c.scene.collect(root))
	for _, line := range append(lines, c.scene.judge(root, nil)...) {
		t.Error(line)
	}
}

// TestRecordForgottenWhileGCMarksIsNoDamage has gc read the index before.
func TestRecordForgottenWhileGCMarksIsNoDamage(t *testing.T) {
	sc := newScene(t)
	s, err := Open(sc.template, Options{})
	must(t, err)
	other, err := Open(sc.template, Options{})
	must(t, err)
	s.watch = once(gcListed, func() { must(t, forget("a")(t.Context(), other)) })
	if err := collect(GCOptions{})(t.Context(), s); err != nil {
		t.Error(err)
	}
}

// What gc takes for its own, or for garbage, while it has no lock, repair must
// not make part of the index.
func TestRepairBesideGCIsLocked(t *testing.T) {
	for _, at := range []point{gcCopied, gcCommitted, gcListedGarbage} {
		t.Run(string(at), func(t *testing.T) {
			sc := newScene(t)
			other, err := Open(sc.template, Options{})
			must(t, err)
			sc.reset()
			if at == gcListedGarbage {
				other.watch = once(snapshotPacked, sc.reset) // root is what a killed snapshot leaves
				must(t, sc.snapshot("c", "mn", 1)(t.Context(), other))
			}
			s, err := Open(sc.root, Options{})
			must(t, err)
			other, err = Open(sc.root, Options{})
			must(t, err)
			s.watch = once(at, func() {
				if _, err := other.Repair(t.Context(), RepairOptions{}); !errors.Is(err, ErrLocked) {
					t.Errorf("repair beside gc: error is %v, want ErrLocked", err)
				}
				if at == gcCopied { // and then gc does not get the lock
					reader, err := other.Checkout(t.Context(), "a", ID{}, false)
					must(t, err)
					t.Cleanup(reader.Close)
				}
			})
			if err := collect(GCOptions{MinGarbage: 1, IfDue: at == gcCopied})(t.Context(), s); err != nil {
				t.Log(err)
			}
			for _, line := range sc.problems(sc.root) {
				t.Error(line)
			}
		})
	}
}

// TestRecordForgottenWhileCheckReadsIsNoDamage: it is gone because a newer one has
// taken its place since check read the index.
func TestRecordForgottenWhileCheckReadsIsNoDamage(t *testing.T) {
	sc := newScene(t)
	s, err := Open(sc.template, Options{Workers: 1})
	must(t, err)
	var first sync.Once
	report, err := s.Check(t.Context(), CheckOptions{ReadData: true, Progress: func(_, _ int64) {
		first.Do(func() { must(t, sc.snapshot("a", "xz", 1)(t.Context(), s)) })
	}})
	must(t, err)
	for _, p := range report.Problems {
		t.Errorf("the store has no damage, and check says: %v", p)
	}
}
