package inventory

import "errors"

// Error says why a report is of no use.
type Error struct {
	Path    string // URL of the manifest or of a data file
	Message string
	Hint    string
	Err     error // behind it, may be nil
}

// Error implements error.
func (e *Error) Error() string {
	text := e.Path + ": " + e.Message
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap gives the error behind it.
func (e *Error) Unwrap() error { return e.Err }

// ErrPath is the file that is concerned.
func (e *Error) ErrPath() string { return e.Path }

// ErrHint is what to do about it.
func (e *Error) ErrHint() string { return e.Hint }

// ErrOtherTree is behind the error of [Open] for a report of another bucket, or for a tree
// that is not in S3. Where several reports and trees are given, another one may fit.
var ErrOtherTree = errors.New("not a report of this tree")

// errStop ends a reading that nobody wants more of.
var errStop = errors.New("no more is wanted")
