package docker

import (
	"errors"
	"strings"
)

// The labels that tie services, containers and volumes to an app. The engine
// keeps a volume's labels as they were when it was created.
const (
	stackLabel     = "com.docker.stack.namespace"
	projectLabel   = "com.docker.compose.project"
	anonymousLabel = "com.docker.volume.anonymous"
)

// An App says which volumes belong together, as the command's SOURCE flags do.
// Exactly one field is set.
type App struct {
	Stack   string   // a Swarm stack: whatever carries its label
	Project string   // a Compose project: whatever carries its label
	Volumes []string // these volumes, whatever their labels
}

// StackOfDomain returns the name that Co-op Cloud gives to the stack of an app
// at that domain: "sso.example.com" is deployed as "sso_example_com".
func StackOfDomain(domain string) string {
	return strings.ReplaceAll(domain, ".", "_")
}

// String names the app in messages: "stack sso_example_com".
func (a App) String() string {
	switch {
	case a.Stack != "":
		return "stack " + a.Stack
	case a.Project != "":
		return "project " + a.Project
	case len(a.Volumes) == 1:
		return "volume " + a.Volumes[0]
	}
	return "volumes " + strings.Join(a.Volumes, ", ")
}

// check returns an error unless exactly one field is set: an app that names
// nothing would match everything without a label.
func (a App) check() error {
	set := 0
	for _, isSet := range []bool{a.Stack != "", a.Project != "", len(a.Volumes) > 0} {
		if isSet {
			set++
		}
	}
	if set != 1 {
		return errors.New("an app is one stack, one project or a list of volumes")
	}
	return nil
}

// owns reports whether an object with these labels belongs to the app. A list
// of volumes owns nothing by label.
func (a App) owns(labels map[string]string) bool {
	switch {
	case a.Stack != "":
		return labels[stackLabel] == a.Stack
	case a.Project != "":
		return labels[projectLabel] == a.Project
	}
	return false
}
