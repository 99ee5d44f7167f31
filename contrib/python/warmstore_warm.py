"""Warm snapshots of an app's volumes: the functions of the script that warmstore
replaced, on top of the warmstore command. Callers change one import:

    from warmstore_warm import snapshot, restore, has_snapshot, read_meta

The store is where the script kept its own: $WARMSTORE_ROOT, $CCCI_WARM_ROOT or
/var/lib/ci-warm. $WARMSTORE names the command if it is not in $PATH. Needs
nothing but Python 3.8 and the command; runs as root, as that does.
"""

import json
import logging
import os
import subprocess

__all__ = [
    "SnapshotError", "has_snapshot", "read_meta", "restore", "snapshot", "stack_volumes",
]

# Exit codes of the command, as SnapshotError.code has them.
USAGE, DEPLOYED, NOT_FOUND, CORRUPT, LOCKED, FULL, UNFINISHED = 2, 3, 4, 5, 6, 7, 8

_log = logging.getLogger("warmstore")


class SnapshotError(Exception):
    """What the command refused or failed to do, in its own words. code is its
    exit code: DEPLOYED means "undeploy it first"."""

    def __init__(self, message, code=1):
        super().__init__(message)
        self.code = code


def snapshot(recipe, domain, commit="", version="", *, labels=None, keep=1, dirs=None):
    """Take a snapshot of all volumes of the undeployed app and make it the
    recipe's last-good. Returns its record, as read_meta does.

    The volumes are those of the Swarm stack of the domain or, if dirs is given,
    directories: a dict of volume names and paths. Raises SnapshotError, with the
    last-good of before untouched, if the app is deployed, has no volumes, or
    anything fails.
    """
    args = ["--domain=" + domain, "--commit=" + commit, "--version=" + version, "--keep=%d" % keep]
    args += ["--label=%s=%s" % item for item in (labels or {}).items()]
    _warmstore("snapshot", recipe, args + _dirs(dirs))
    return read_meta(recipe)


def restore(recipe, domain=None, *, dirs=None):
    """Make the volumes of the undeployed app exactly what the recipe's last-good
    has. Returns its record.

    Without a domain or dirs the volumes are looked for where the snapshot was
    taken. Raises SnapshotError if there is no complete snapshot, if a volume of
    it is absent, or if the app is deployed. If it was killed, call it again.
    """
    args = ["--domain=" + domain] if domain else []
    _warmstore("restore", recipe, args + _dirs(dirs))
    return read_meta(recipe)


def has_snapshot(recipe):
    """Tell whether the recipe has a complete last-good."""
    try:
        _warmstore("has", recipe, [])
    except SnapshotError as error:
        if error.code == NOT_FOUND:
            return False
        raise
    return True


def read_meta(recipe):
    """Return the record of the recipe's last-good, None if there is none: a dict
    of recipe, domain, commit, version, volumes (names, sorted) and ts (UTC, as in
    2026-01-31T02:30:00Z)."""
    try:
        shown = _warmstore("show", recipe, [])
    except SnapshotError as error:
        if error.code == NOT_FOUND:
            return None
        raise
    return {key: shown[key] for key in ("recipe", "domain", "commit", "version", "volumes", "ts")}


def stack_volumes(domain):
    """Return the names of the volumes of the domain's Swarm stack, sorted. Dots
    become underscores in the stack's name."""
    label = "label=com.docker.stack.namespace=" + domain.replace(".", "_")
    return sorted(_run(["docker", "volume", "ls", "--filter", label, "--format", "{{.Name}}"]).split())


def _dirs(dirs):
    return ["--dir=%s=%s" % (name, os.fspath(path)) for name, path in sorted((dirs or {}).items())]


def _warmstore(verb, recipe, args):
    """Run the command on the recipe and return the object that it prints."""
    command = os.environ.get("WARMSTORE", "warmstore")
    return json.loads(_run([command, "--json", verb] + args + ["--", recipe]))


def _run(args):
    """Run a program and return what it printed. Its warnings are logged."""
    try:
        done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    except OSError as error:
        raise SnapshotError("%s: %s" % (args[0], error.strerror)) from error
    said = done.stderr.strip()
    if done.returncode != 0:
        raise SnapshotError(said or "%s: exit code %d" % (args[0], done.returncode), done.returncode)
    if said:
        _log.warning("%s", said)
    return done.stdout
