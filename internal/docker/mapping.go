package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// Compatible returns ErrMapping unless files whose owners were recorded on then
// have the same owners here. A record of before mappings were kept is compared as
// far as it goes.
func (h Host) Compatible(then Host) error {
	same := h.UserNS == then.UserNS && h.Rootless == then.Rootless
	if same && (h.Mapping == then.Mapping || then.Mapping == "") {
		return nil
	}
	return fmt.Errorf("%w: then %s, now %s", ErrMapping, then.users(), h.users())
}

// users says in words how users are mapped.
func (h Host) users() string {
	switch {
	case h.Rootless:
		return strings.TrimSpace("rootless " + h.Mapping)
	case h.UserNS:
		return strings.TrimSpace("userns-remap " + h.Mapping)
	}
	return "not at all"
}

// mapping describes how the engine maps users. One that remaps them keeps its
// volumes in a directory that is named after the first user and group. One that
// runs without root maps to whom it runs as, and then to the ranges that
// /etc/subuid and /etc/subgid give that user.
func (e *Engine) mapping(ctx context.Context, h Host) (string, error) {
	switch {
	case h.Rootless:
		return ask(ctx, e, fmt.Sprintf("look at %q", h.RootDir), func(ctx context.Context) (string, error) {
			return await(ctx, func() (string, error) { return rootlessMapping(h.RootDir, e.etc) })
		})
	case h.UserNS:
		return regexp.MustCompile(`^\d+\.\d+$`).FindString(filepath.Base(h.RootDir)), nil
	}
	return "", nil
}

func rootlessMapping(rootDir, etc string) (string, error) {
	info, err := os.Stat(rootDir)
	if err != nil {
		return "", err
	}
	owner := info.Sys().(*syscall.Stat_t)
	uid := strconv.Itoa(int(owner.Uid))
	users, err := subordinates(filepath.Join(etc, "subuid"), uid)
	if err != nil {
		return "", err
	}
	groups, err := subordinates(filepath.Join(etc, "subgid"), uid)
	return fmt.Sprintf("%d.%d %s %s", owner.Uid, owner.Gid, users, groups), err
}

// subordinates returns the ranges that a file like /etc/subuid gives a user, as
// START:COUNT with commas between them.
func subordinates(path, uid string) (string, error) {
	name := uid
	if u, err := user.LookupId(uid); err == nil {
		name = u.Username
	}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	var ranges []string
	for line := range strings.Lines(string(text)) {
		who, which, ok := strings.Cut(strings.TrimSpace(line), ":")
		if ok && (who == name || who == uid) {
			ranges = append(ranges, which)
		}
	}
	return strings.Join(ranges, ","), nil
}
