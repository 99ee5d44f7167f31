package docker

import (
	"errors"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
)

func TestContainerMounted(t *testing.T) {
	id := strings.Repeat("0af9", 16)
	for _, test := range []struct{ line, want string }{
		{"613 592 254:0 /var/lib/docker/containers/" + id + "/hostname /etc/hostname rw - ext4 /dev/vda rw", id},
		{"613 592 254:0 /docker/1.1/containers/" + id + "/hostname /etc/hostname rw - ext4 /dev/vda rw", id},
		{"613 592 254:0 /var/lib/docker/containers/" + id + "/hostname /mnt rw - ext4 /dev/vda rw", ""},
		{"613 592 254:0 /var/lib/docker/containers/0af9/hostname /etc/hostname rw - ext4 /dev/vda rw", ""},
		{"613 592 254:0 /etc/hostname /etc/hostname rw - ext4 /dev/vda rw", ""},
		{"", ""},
	} {
		if got := containerMounted(strings.NewReader("1 2 3:4 / / rw\n" + test.line + "\n")); got != test.want {
			t.Errorf("%q is of container %q, want %q", test.line, got, test.want)
		}
	}
}

// TestOwnContainerMayReachVolumes, through a mount above them all, but neither one
// of its own for a volume nor a label.
func TestOwnContainerMayReachVolumes(t *testing.T) {
	f := newFake(t)
	engine := f.engine()
	engine.self = "us"
	v := Volume{Name: "sso_data", Driver: "local", Mountpoint: "/volumes/sso_data/_data"}
	app := App{Project: "sso"}
	bind := func(source string) container.MountPoint {
		return container.MountPoint{Type: mount.TypeBind, Source: source, RW: true}
	}
	for _, test := range []struct {
		name, id string
		mount    container.MountPoint
		label    string
		used     bool
	}{
		{"above", "us", bind("/volumes"), "", false},
		{"above, another's", "them", bind("/volumes"), "", true},
		{"at", "us", bind(v.Mountpoint), "", true},
		{"by name", "us", container.MountPoint{Type: mount.TypeVolume, Name: v.Name, RW: true}, "", true},
		{"by label", "us", container.MountPoint{}, "sso", true},
	} {
		f.containers = []container.Summary{{
			ID: test.id, State: container.StateRunning, Mounts: []container.MountPoint{test.mount},
			Labels: map[string]string{"com.docker.compose.project": test.label},
		}}
		err := engine.InUse(t.Context(), app, []Volume{v})
		if errors.Is(err, ErrInUse) != test.used {
			t.Errorf("%s: %v, want in use: %t", test.name, err, test.used)
		}
	}
}
