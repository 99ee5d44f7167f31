package restore

import "errors"

var (
	// ErrInvalid means that a target cannot be restored into as asked.
	ErrInvalid = errors.New("invalid")
	// ErrMissing means that a target does not exist. It comes with ErrInvalid.
	ErrMissing = errors.New("there is no such directory")
)
