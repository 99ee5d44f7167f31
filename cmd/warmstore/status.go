package main

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/warmstore/warmstore/store"
)

func statusCommand() *cli.Command {
	return &cli.Command{
		Name:      "status",
		Usage:     "show the health of the store, and what needs attention",
		ArgsUsage: "[APP]",
		Description: "For monitoring: exits 0 if all is well, 5 if a last-good is damaged, else 8 if a restore is\n" +
			"unfinished, else 9 if anything else needs attention. It reads every manifest, but not the data:\n" +
			"that is what check --read-data is for, whose last result counts here.\n\n" + examples(
			"warmstore status --max-age 36h",
			"warmstore status keycloak --json",
		),
		Flags: []cli.Flag{
			&cli.DurationFlag{Name: "max-age", Usage: "a last-good older than `DURATION` (as 36h) needs attention"},
			&cli.IntFlag{Name: "min-free", Value: 5, Usage: "less than `PCT` percent of the disk free needs attention"},
			&cli.IntFlag{Name: "max-garbage", Value: 50, Usage: "more than `PCT` percent garbage needs attention"},
		},
		OnUsageError: usageError,
		Action:       status,
	}
}

func status(c *cli.Context) error {
	opts, err := statusOptions(c)
	if err != nil {
		return err
	}
	s, err := openStore(c)
	if err != nil {
		return err
	}
	st, err := s.Status(c.Context, opts)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		if err := printJSON(c, newStatusJSON(st)); err != nil {
			return err
		}
	} else if !c.Bool("quiet") {
		printStatus(c, st)
	}
	return alarm(st)
}

func statusOptions(c *cli.Context) (opts store.StatusOptions, err error) {
	if c.NArg() > 0 {
		if opts.App, err = appArgument(c); err != nil {
			return opts, err
		}
	}
	opts.MaxAge, opts.MinFree, opts.MaxGarbage = c.Duration("max-age"), c.Int("min-free"), c.Int("max-garbage")
	if opts.MinFree < 0 || opts.MinFree > 100 {
		return opts, fmt.Errorf("%w: --min-free %d: 0 to 100 percent", errUsage, opts.MinFree)
	}
	if opts.MaxGarbage < 1 || opts.MaxGarbage > 100 {
		return opts, fmt.Errorf("%w: --max-garbage %d: 1 to 100 percent", errUsage, opts.MaxGarbage)
	}
	if opts.MaxAge < 0 || c.IsSet("max-age") && opts.MaxAge == 0 {
		return opts, fmt.Errorf("%w: --max-age %v: more than 0", errUsage, opts.MaxAge)
	}
	return opts, nil
}

// alarm turns the worst of what needs attention into the error that gives the
// exit code.
func alarm(st *store.Status) error {
	if len(st.Attention) == 0 {
		return nil
	}
	worst := st.Attention[0]
	cause := errAttention
	switch worst.Concern {
	case store.ConcernDamage:
		cause = store.ErrCorrupt
	case store.ConcernUnfinished:
		cause = store.ErrUnfinished
	}
	if n := len(st.Attention) - 1; n > 0 {
		worst.Text += fmt.Sprintf(" (and %d more)", n)
	}
	return &alarmError{worst.Text, cause}
}

// An alarmError says what needs attention most.
type alarmError struct {
	text  string
	cause error
}

func (e *alarmError) Error() string { return e.text }

func (e *alarmError) Unwrap() error { return e.cause }

// statusJSON is what status --json prints.
type statusJSON struct {
	Healthy   bool             `json:"healthy"`
	Apps      []appStatusJSON  `json:"apps"`
	Attention []attentionJSON  `json:"attention"`  // the worst first
	GC        *store.GCNote    `json:"last_gc"`    // null: never, as far as is known
	Check     *store.CheckNote `json:"last_check"` // the same
	Needed    int64            `json:"bytes_needed"`
	Garbage   int64            `json:"bytes_garbage"`
	Total     int64            `json:"bytes_total"`
	Free      int64            `json:"disk_bytes_free"`
	Disk      int64            `json:"disk_bytes"`
}

type appStatusJSON struct {
	store.AppStatus
	Time       string `json:"ts,omitempty"`
	AgeSeconds int64  `json:"age_seconds"` // 0 without ts
	Version    string `json:"version"`
	Files      int64  `json:"files"`
	Bytes      int64  `json:"bytes"`
}

type attentionJSON struct {
	store.Attention
	Hint string `json:"hint"`
}

func newStatusJSON(st *store.Status) statusJSON {
	out := statusJSON{
		Healthy: len(st.Attention) == 0, Apps: []appStatusJSON{}, Attention: []attentionJSON{},
		GC: st.GC, Check: st.Check, Needed: st.Needed, Garbage: st.Garbage, Total: st.Total,
		Free: st.Free, Disk: st.Disk,
	}
	for _, a := range st.Apps {
		j := appStatusJSON{AppStatus: a}
		if r := a.Record; r != nil {
			j.Time, j.AgeSeconds = stamp(r.Time), int64(time.Since(r.Time).Seconds())
			j.Version, j.Files, j.Bytes = r.Version, r.Files(), r.Bytes()
		}
		out.Apps = append(out.Apps, j)
	}
	for _, a := range st.Attention {
		out.Attention = append(out.Attention, attentionJSON{a, wayOut(st, a)})
	}
	return out
}

// wayOut says what to do about something that needs attention.
func wayOut(st *store.Status, a store.Attention) string {
	switch a.Concern {
	case store.ConcernDamage:
		return "warmstore repair saves what it can; or take a new snapshot of " + a.App
	case store.ConcernOlder:
		return "warmstore repair saves what it can; or forget it: warmstore forget " + a.App + " --snapshot ID"
	case store.ConcernUnfinished:
		for _, app := range st.Apps {
			if app.App == a.App && app.Unfinished != nil {
				return finishing(app.Unfinished)
			}
		}
		return "run warmstore restore " + a.App + " again; if all its volumes are whole, remove the file"
	case store.ConcernAge:
		return "take a snapshot, when it is undeployed: warmstore snapshot " + a.App
	case store.ConcernDisk:
		return "free space, or forget snapshots that nobody needs: warmstore du says what that frees"
	case store.ConcernGarbage:
		return "free it: warmstore gc"
	case store.ConcernGC:
		return "find out why: warmstore gc"
	}
	return "see them: warmstore check"
}

func printStatus(c *cli.Context, st *store.Status) {
	t := newTable("APP", "AGE", "VERSION", "SIZE", "SNAPSHOTS", "STATE")
	for _, a := range st.Apps {
		when, version, bytes := "-", "-", "-"
		if r := a.Record; r != nil {
			when, version, bytes = age(time.Since(r.Time)), orDash(r.Version), size(r.Bytes())
		}
		state, add := stateOf(st, a.App), t.addBad
		if state == good {
			add = t.add
		}
		add(a.App, when, version, bytes, fmt.Sprint(a.Snapshots), state)
	}
	t.print(c)
	printf(c, "\n")
	w := tabwriter.NewWriter(c.App.Writer, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "last gc\t%s\n", gcText(st.GC))
	fmt.Fprintf(w, "last check\t%s\n", checkText(st.Check))
	fmt.Fprintf(w, "store\t%s, of it %s garbage\n", size(st.Total), size(st.Garbage))
	fmt.Fprintf(w, "disk\t%s of %s free\n", size(st.Free), size(st.Disk))
	w.Flush()
	printAttention(c, st)
}

func printAttention(c *cli.Context, st *store.Status) {
	if len(st.Attention) == 0 {
		printf(c, "\nNothing needs attention.\n")
		return
	}
	printf(c, "\nNeeds attention:\n")
	for _, a := range st.Attention {
		printf(c, "- %s\n  %s\n", a.Text, wayOut(st, a))
	}
}

// good is the state of an app that nothing is the matter with.
const good = "good"

// stateOf says in words what is the matter with an app.
func stateOf(st *store.Status, app string) string {
	words := map[store.Concern]string{
		store.ConcernDamage: "damaged", store.ConcernUnfinished: "restore unfinished",
		store.ConcernOlder: "older damaged", store.ConcernAge: "too old",
	}
	var said []string
	for _, a := range st.Attention {
		if a.App == app {
			said = append(said, words[a.Concern])
		}
	}
	if said == nil {
		return good
	}
	return strings.Join(said, ", ")
}

func gcText(n *store.GCNote) string {
	switch {
	case n == nil:
		return "never"
	case n.Error != "":
		return age(time.Since(n.Time)) + " ago, it failed"
	}
	return fmt.Sprintf("%s ago, it freed %s", age(time.Since(n.Time)), size(max(0, n.Freed)))
}

func checkText(n *store.CheckNote) string {
	if n == nil {
		return "never"
	}
	read := map[string]string{"none": "data not read", "all": "all data read"}[n.ReadData]
	found := plural(int64(n.Problems), "problem")
	if n.Error != "" {
		found = "it failed"
	}
	return fmt.Sprintf("%s ago, %s: %s", age(time.Since(n.Time)), cmp.Or(read, n.ReadData+" of the data read"), found)
}
