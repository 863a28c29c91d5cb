package relocate

import "fmt"

// RefusedError says why a copy is not begun, or not gone on with: the destination is not
// what it should be. Nothing there was changed.
type RefusedError struct {
	Path    string
	Message string
	Hint    string
}

// Error implements error.
func (e *RefusedError) Error() string { return e.Path + ": " + e.Message }

// ErrPath is what is in the way.
func (e *RefusedError) ErrPath() string { return e.Path }

// ErrHint is what to do about it.
func (e *RefusedError) ErrHint() string { return e.Hint }

// DamagedError says that a snapshot is not whole, so that there is nothing to copy.
type DamagedError struct {
	Path    string // of the file that is missing or wrong
	Message string
}

// Error implements error.
func (e *DamagedError) Error() string { return e.Path + ": " + e.Message }

// ErrPath is the file.
func (e *DamagedError) ErrPath() string { return e.Path }

// refuse makes a RefusedError.
func refuse(path, hint, format string, args ...any) error {
	return &RefusedError{Path: path, Message: fmt.Sprintf(format, args...), Hint: hint}
}
