package docker

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// find returns the directory that holds the volume's files whether or not a
// container uses it, or ErrNotWalkable.
func (e *Engine) find(ctx context.Context, v Volume) (string, error) {
	if err := v.walkable(); err != nil {
		return "", err
	}
	if err := e.directory(ctx, v, "mountpoint", v.Mountpoint); err != nil {
		return "", err
	}
	if !v.isMount() {
		return v.Mountpoint, nil
	}
	return v.Options["device"], e.directory(ctx, v, "bind device", v.Options["device"])
}

// creatable returns ErrNotWalkable if volume v, once created, would be so.
func (e *Engine) creatable(ctx context.Context, v Volume) error {
	if err := v.walkable(); err != nil || !v.isMount() {
		return err
	}
	return e.directory(ctx, v, "bind device", v.Options["device"])
}

// walkable returns ErrNotWalkable, with the reason, if no directory of this
// machine holds the volume's files while nothing uses it.
func (v Volume) walkable() error {
	reason := ""
	switch {
	case v.Driver != "local":
		reason = fmt.Sprintf("its driver is %s, and only local volumes can be walked", v.Driver)
	case v.Scope == "global":
		reason = "it belongs to the whole cluster (scope global)"
	case v.isMount() && !v.isBind():
		reason = fmt.Sprintf("it is a mount (driver local, type=%s, device=%s) that exists only while it is used",
			v.Options["type"], v.Options["device"])
	default:
		return nil
	}
	return fmt.Errorf("volume %s is %w: %s", v.Name, ErrNotWalkable, reason)
}

// isMount reports whether the local driver mounts something at the volume's
// Mountpoint, which it does only while a container uses the volume. Without
// options, or with a size limit alone, the files are in the Mountpoint itself;
// any option not known here is taken for a mount.
func (v Volume) isMount() bool {
	for name, value := range v.Options {
		if name != "size" && value != "" {
			return true
		}
	}
	return false
}

// isBind reports whether what is mounted is a directory of this machine.
func (v Volume) isBind() bool {
	for name := range v.Options {
		if !slices.Contains([]string{"type", "device", "o", "size"}, name) {
			return false
		}
	}
	flags := strings.Split(v.Options["o"], ",")
	binds := slices.Contains(flags, "bind") || slices.Contains(flags, "rbind")
	return binds && slices.Contains([]string{"", "none", "bind"}, v.Options["type"])
}

// directory returns ErrNotWalkable unless path, the volume's place of that
// kind, is a directory, and no symlink to one.
func (e *Engine) directory(ctx context.Context, v Volume, kind, path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("volume %s is %w: its %s is %q, no absolute path", v.Name, ErrNotWalkable, kind, path)
	}
	if err := e.lstatDir(ctx, path); err != nil {
		return fmt.Errorf("volume %s is %w: its %s: %w", v.Name, ErrNotWalkable, kind, err)
	}
	return nil
}

// lstatDir returns an error that names path unless it is a directory.
func (e *Engine) lstatDir(ctx context.Context, path string) error {
	info, err := ask(ctx, e, fmt.Sprintf("look at %q", path), func(ctx context.Context) (os.FileInfo, error) {
		return await(ctx, func() (os.FileInfo, error) { return os.Lstat(path) })
	})
	switch {
	case err != nil:
		return err
	case info.Mode()&os.ModeSymlink != 0:
		return fmt.Errorf("%q is a symbolic link", path)
	case !info.IsDir():
		return fmt.Errorf("%q is not a directory", path)
	}
	return nil
}
