package main

import (
	"embed"
	"fmt"

	"github.com/urfave/cli/v2"
)

// completionScripts are what the shells read. They ask the hidden command
// __complete for candidates, so that all three offer the same.
//
//go:embed completion/warmstore.bash completion/warmstore.zsh completion/warmstore.fish
var completionScripts embed.FS

func shells() []string { return []string{"bash", "zsh", "fish"} }

func completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completion script of a shell",
		ArgsUsage: "bash | zsh | fish",
		Description: examples(
			"source <(warmstore completion bash)",
			"warmstore completion zsh >/usr/share/zsh/vendor-completions/_warmstore",
			"warmstore completion fish >/etc/fish/completions/warmstore.fish",
		),
		OnUsageError: usageError,
		Action:       completion,
	}
}

func completion(c *cli.Context) error {
	script, err := completionScripts.ReadFile("completion/warmstore." + c.Args().First())
	if err != nil || c.NArg() != 1 {
		return fmt.Errorf("%w: completion takes one of %v", errUsage, shells())
	}
	_, err = c.App.Writer.Write(script)
	return err
}

// completeCommand is what the completion scripts call: it prints what the last
// of its arguments, the word at the cursor, can become.
func completeCommand() *cli.Command {
	return &cli.Command{
		Name: "__complete", Hidden: true,
		Action: func(c *cli.Context) error {
			for _, candidate := range complete(c.App, c.Args().Slice()) {
				fmt.Fprintln(c.App.Writer, candidate)
			}
			return nil
		},
	}
}
