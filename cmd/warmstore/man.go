package main

import (
	"io"
	"strings"
	"text/template"

	"github.com/urfave/cli/v2"
)

// manCommand prints the manual page, made of the same definitions as the help.
// make man keeps it in packaging/man.
func manCommand() *cli.Command {
	return &cli.Command{
		Name: "__man", Hidden: true,
		Action: func(c *cli.Context) error { return writeMan(c.App.Writer, c.App) },
	}
}

const manTemplate = `.TH WARMSTORE 8 "" "warmstore" "System Administration"
.SH NAME
warmstore \- {{roff .Usage}}
.SH SYNOPSIS
.B warmstore
.RI [ "global options" ]
.I command
.RI [ options ]
.RI [ arguments ]
.SH DESCRIPTION
Around an upgrade of an app: while it is undeployed,
.B warmstore snapshot
stores its volumes, deduplicated and compressed, and makes the result its last\-good.
If the new version fails,
.B warmstore restore
makes the volumes exactly what they were, writing only what differs.
.SH COMMANDS
{{- range .VisibleCommands}}
.SS {{roff .Name}} {{roff .ArgsUsage}}
{{roff .Usage}}.
{{- with prose .Description}}
.PP
{{roff .}}
{{- end}}
{{- template "flags" .VisibleFlags}}
{{- with examplesOf .Description}}
.PP
Examples:
.PP
.EX
{{roff .}}
.EE
{{- end}}
{{- end}}
.SH GLOBAL OPTIONS
{{- template "flags" .VisibleFlags}}
.SH EXIT STATUS
{{- range exits}}
.TP
.B {{index . 0}}
{{roff (index . 1)}}
{{- end}}
.SH ENVIRONMENT
.TP
.BR WARMSTORE_ROOT ", " CCCI_WARM_ROOT
Where the store is, if
.B \-\-root
does not say; the first one that is set counts.
.TP
.B WARMSTORE_CONFIG
The configuration, if
.B \-\-config
does not name it.
.TP
.B DOCKER_HOST
The Docker engine to ask.
.TP
.B NO_COLOR
If set, nothing is coloured.
.SH FILES
.TP
.I {{roff root}}/.warmstore
The store.
.TP
.I {{roff config}}
The apps that
.B warmstore snapshot \-\-all
takes.
.SH SEE ALSO
.BR docker (1),
.BR systemd.timer (5)
{{define "flags"}}{{range .}}
.TP
{{flag .}}
{{- end}}{{end}}`

// writeMan writes the page in the language of man(7).
func writeMan(w io.Writer, app *cli.App) error {
	t, err := template.New("man").Funcs(template.FuncMap{
		"roff":       roff,
		"flag":       roffFlag,
		"prose":      prose,
		"examplesOf": examplesOf,
		"exits":      exitCodeTable,
		"root":       func() string { return defaultRoot },
		"config":     func() string { return defaultConfig },
	}).Parse(manTemplate)
	if err != nil {
		return err
	}
	return t.Execute(w, app)
}

// roff returns text so that nothing in it is a command of the language.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
		if strings.HasPrefix(lines[i], ".") || strings.HasPrefix(lines[i], "'") {
			lines[i] = `\&` + lines[i]
		}
	}
	return strings.Join(lines, "\n")
}

// roffFlag returns a flag and what it does, as the help has them.
func roffFlag(f cli.Flag) string {
	names, usage, _ := strings.Cut(f.String(), "\t")
	return ".B " + roff(names) + "\n" + roff(usage)
}

// prose returns a description without its examples.
func prose(description string) string {
	text, _, _ := strings.Cut(description, examplesHeading)
	return strings.TrimSpace(text)
}

// examplesOf returns the examples of a description, a line each.
func examplesOf(description string) string {
	_, text, _ := strings.Cut(description, examplesHeading)
	return text
}

// exitCodeTable returns each exit code with its meaning.
func exitCodeTable() (table [][2]string) {
	for line := range strings.Lines(exitCodes()) {
		code, meaning, _ := strings.Cut(strings.TrimSpace(line), "  ")
		table = append(table, [2]string{code, meaning})
	}
	return table
}
