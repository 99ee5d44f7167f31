package docker

import "errors"

// The sentinels read as the middle of a sentence, for they are wrapped in one:
// "stack sso has no volumes". Match them with errors.Is.
var (
	// ErrUnreachable means that no engine answers, which says nothing about
	// what runs. A hint is to start it, or to set DOCKER_HOST.
	ErrUnreachable = errors.New("no docker engine answers")

	// ErrRemote means that the engine's files are not this machine's files.
	ErrRemote = errors.New("docker engine is on another machine")

	// ErrNoVolume means that a volume was named which does not exist.
	ErrNoVolume = errors.New("no such volume")

	// ErrNoVolumes means that no volume carries the app's label.
	ErrNoVolumes = errors.New("no volumes")

	// ErrNotWalkable means that a volume's files are not in a directory of
	// this machine while no container uses it.
	ErrNotWalkable = errors.New("not walkable")

	// ErrMapping means that the engine maps the users of containers to others
	// than the one the snapshot was taken on, so that the owners of files would
	// be wrong.
	ErrMapping = errors.New("users are mapped in another way")

	// ErrInUse means that something runs, or is about to, that could write
	// to the volumes. The error is an *InUseError.
	ErrInUse = errors.New("in use")

	// ErrDiffers means that a volume of that name exists, but is not the one
	// that was recorded.
	ErrDiffers = errors.New("not as recorded")
)

// An InUseError says what uses an app's volumes. It matches ErrInUse.
type InUseError struct {
	App    App    // as it was asked for
	Volume string // the volume that By uses; empty if By belongs to the app by label
	By     string // "container sso_db.1 is running", "service sso_db wants 1 task"
}

// Error says what is in use and, in brackets, by what.
func (e *InUseError) Error() string {
	if e.Volume == "" {
		return e.App.String() + " is still deployed (" + e.By + ")"
	}
	return "volume " + e.Volume + " is in use (" + e.By + ")"
}

// Unwrap makes the error match ErrInUse.
func (e *InUseError) Unwrap() error { return ErrInUse }
