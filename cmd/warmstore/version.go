package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// A build is what the Go toolchain recorded of this binary. What was built
// outside of a repository has no commit.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"` // since the commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() build {
	b := build{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Version = info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:         "version",
		Usage:        "print the version and the commit it was built from",
		Description:  examples("warmstore version", "warmstore version --json"),
		OnUsageError: usageError,
		Action:       printVersion,
	}
}

func printVersion(c *cli.Context) error {
	if c.Args().Present() {
		return fmt.Errorf("%w: version takes no arguments", errUsage)
	}
	b := thisBuild()
	if c.Bool("json") {
		return printJSON(c, b)
	}
	printf(c, "warmstore %s, commit %s, %s, %s\n", b.Version, orDash(b.Commit), b.Go, b.Platform)
	return nil
}
