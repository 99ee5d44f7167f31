// Command warmstore keeps snapshots of the volumes of apps, and rolls the
// volumes back to them. README.md shows it at work.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
)

// defaultRoot is where the replaced script kept its snapshots.
const defaultRoot = "/var/lib/ci-warm"

// garbageLimit is how much garbage the process may hold beside what it needs, in
// percent, unless $GOGC says. It allocates little on hot paths, so that collecting
// more often costs nothing, and databases want the memory.
const garbageLimit = 50

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbageLimit)
	}
	os.Exit(run(os.Args, os.Stdout, os.Stderr))
}

// run runs one command line and returns its exit code.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	app := newApp(stdout, stderr)
	if err := app.RunContext(ctx, arrange(app, args)); err != nil {
		return report(stderr, err)
	}
	return exitDone
}

func newApp(stdout, stderr io.Writer) *cli.App {
	app := &cli.App{
		Name:      "warmstore",
		Usage:     "snapshots of the volumes of apps, and rollback to them",
		Version:   strings.TrimSpace(thisBuild().Version + " " + thisBuild().Commit),
		Writer:    stdout,
		ErrWriter: stderr,
		Flags:     globalFlags(),
		Commands: []*cli.Command{
			snapshotCommand(), restoreCommand(),
			listCommand(), showCommand(), hasCommand(), statusCommand(), duCommand(), diffCommand(),
			lsCommand(), catCommand(), exportCommand(), importCommand(),
			forgetCommand(), gcCommand(), checkCommand(), repairCommand(), metricsCommand(),
			completionCommand(), versionCommand(), completeCommand(), manCommand(),
		},
		Description:               "Exit codes:\n   " + strings.ReplaceAll(exitCodes(), "\n", "\n   "),
		DisableSliceFlagSeparator: true,
		HideHelpCommand:           true,
		OnUsageError:              usageError,
		CommandNotFound:           nil,
		Action:                    unknownCommand,
		ExitErrHandler:            func(*cli.Context, error) {}, // run reports errors
	}
	withoutFalse(app.Flags)
	for _, command := range app.Commands {
		withoutFalse(command.Flags)
	}
	return app
}

// withoutFalse keeps the help from saying of each switch that it is off.
func withoutFalse(flags []cli.Flag) {
	for _, flag := range flags {
		if f, ok := flag.(*cli.BoolFlag); ok {
			f.DisableDefaultText = true
		}
	}
}

func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{
			Name: "root", DefaultText: "$WARMSTORE_ROOT, $CCCI_WARM_ROOT or " + defaultRoot,
			Usage: "keep the store in `DIR`",
		},
		&cli.DurationFlag{Name: "wait", Usage: "wait up to `DURATION` for locks of other processes"},
		&cli.BoolFlag{Name: "json", Usage: "print one JSON object"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print errors only"},
	}
}

func unknownCommand(c *cli.Context) error {
	if c.Args().Present() {
		return fmt.Errorf("%w: unknown command %q", errUsage, c.Args().First())
	}
	return cli.ShowAppHelp(c)
}

func usageError(_ *cli.Context, err error, _ bool) error {
	return fmt.Errorf("%w: %w", errUsage, err)
}
