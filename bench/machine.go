package main

import (
	"bufio"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
)

// A Machine is what it all ran on.
type Machine struct {
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"`
	MemoryKiB  int64  `json:"memory_kib"`
	Kernel     string `json:"kernel"`
	FileSystem string `json:"file_system"` // of the scratch directory
	Go         string `json:"go"`
	LoadBefore string `json:"load_before"` // as /proc/loadavg says: who else was busy
}

func machine(ctx context.Context, scratch string) (m Machine, err error) {
	m = Machine{Cores: runtime.NumCPU(), Go: runtime.Version()}
	if m.CPU, err = field("/proc/cpuinfo", "model name"); err != nil {
		return m, err
	}
	if m.MemoryKiB, err = kibibytes("/proc/meminfo", "MemTotal"); err != nil {
		return m, err
	}
	if m.Kernel, err = output(ctx, "uname", "-sr"); err != nil {
		return m, err
	}
	fs, err := output(ctx, "df", "--output=fstype", scratch)
	if err != nil {
		return m, err
	}
	_, m.FileSystem, _ = strings.Cut(fs, "\n") // after the heading
	load, err := os.ReadFile("/proc/loadavg")
	m.LoadBefore = strings.TrimSpace(string(load))
	return m, err
}

// field returns the value of the first line "name : value" of a file in /proc;
// it is empty on machines that do not say.
func field(path, name string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value), nil
		}
	}
	return "", lines.Err()
}

// kibibytes returns a field such as "123 kB".
func kibibytes(path, name string) (int64, error) {
	text, err := field(path, name)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(text, " kB"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read %s of %s: %w", name, path, err)
	}
	return n, nil
}

// peakRSS returns the most bytes of memory that this process had.
func peakRSS() (int64, error) {
	n, err := kibibytes("/proc/self/status", "VmHWM")
	return n << 10, err
}

// commit returns the commit of this checkout, or unknown outside of git.
func commit(ctx context.Context) (string, error) {
	root, err := moduleRoot(ctx)
	if err != nil {
		return "", err
	}
	id, err := output(ctx, "git", "-C", root, "rev-parse", "--short=12", "HEAD")
	if err != nil {
		return "unknown", nil
	}
	changes, err := output(ctx, "git", "-C", root, "status", "--porcelain")
	if err == nil && changes != "" {
		id += "+dirty"
	}
	return id, nil
}

// builtFrom returns the version of the module path that a Go program was built
// from, as its build information says.
func builtFrom(_ context.Context, program, path string) (string, error) {
	file, err := exec.LookPath(program)
	if err != nil {
		return "", err
	}
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return "", err
	}
	for _, dep := range append(info.Deps, &info.Main) {
		if dep.Path == path {
			return program + " " + dep.Version, nil
		}
	}
	return program + " of an unknown version", nil
}
