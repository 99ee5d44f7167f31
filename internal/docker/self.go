package docker

import (
	"bufio"
	"io"
	"os"
	"regexp"
	"strings"
)

// hostnameFile is where the engine keeps a container's /etc/hostname, which it
// mounts into every container.
var hostnameFile = regexp.MustCompile(`/containers/([0-9a-f]{64})/hostname$`)

// ownContainer returns the ID of the container that this process runs in, empty
// if it runs in none.
func ownContainer() string {
	mounts, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return ""
	}
	defer mounts.Close()
	return containerMounted(mounts)
}

// containerMounted finds a container's ID in the text of its mountinfo: lines
// whose fourth word is what is mounted and whose fifth is where.
func containerMounted(mountinfo io.Reader) string {
	for lines := bufio.NewScanner(mountinfo); lines.Scan(); {
		word := strings.Fields(lines.Text())
		if len(word) < 5 || word[4] != "/etc/hostname" {
			continue
		}
		if id := hostnameFile.FindStringSubmatch(word[3]); id != nil {
			return id[1]
		}
	}
	return ""
}

// unwritten returns the bindings of the container that this process runs in. It
// is there to take and restore snapshots, so a mount above the volumes, through
// which it does that, is no use of them. One that is made for a volume is.
func unwritten(bindings []binding) []binding {
	for i := range bindings {
		bindings[i].readOnly = true
	}
	return bindings
}
