package restore

import "errors"

// ErrInvalid means that a target cannot be restored into as asked.
var ErrInvalid = errors.New("invalid")
