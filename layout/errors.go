package layout

import (
	"fmt"
	"strings"
	"time"
)

// NotFoundError says that there is no such checkpoint, job or directory.
type NotFoundError struct {
	Path    string
	Message string
	Hint    string
	Err     error // behind it, may be nil
}

// Error implements error.
func (e *NotFoundError) Error() string { return e.Path + ": " + e.Message }

// Unwrap gives the error behind it.
func (e *NotFoundError) Unwrap() error { return e.Err }

// ErrPath is where it was looked for.
func (e *NotFoundError) ErrPath() string { return e.Path }

// ErrHint is what to do about it.
func (e *NotFoundError) ErrHint() string { return e.Hint }

// NotCheckpointError says that something exists, but is no checkpoint that can be read.
type NotCheckpointError struct {
	Path    string
	Message string
	Hint    string
	Err     error // behind it, may be nil
}

// Error implements error.
func (e *NotCheckpointError) Error() string { return e.Path + ": " + e.Message }

// Unwrap gives the error behind it.
func (e *NotCheckpointError) Unwrap() error { return e.Err }

// ErrPath is what is no checkpoint.
func (e *NotCheckpointError) ErrPath() string { return e.Path }

// ErrHint is what to do about it.
func (e *NotCheckpointError) ErrHint() string { return e.Hint }

// AmbiguousError says that several things answer to what was asked for, and lists
// them, so that the user chooses.
type AmbiguousError struct {
	Path       string
	Message    string
	Candidates []Candidate
	Hint       string
}

// Candidate is one of several.
type Candidate struct {
	Path     string // of the snapshot, a URL
	Job      string // or "" where it is not known
	Modified time.Time
}

// maxListed is how many candidates a message names.
const maxListed = 8

// Error implements error.
func (e *AmbiguousError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s: ", e.Path, e.Message)
	for i, c := range e.Candidates {
		if i == maxListed {
			fmt.Fprintf(&b, " and %d more", len(e.Candidates)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.Path)
		if !c.Modified.IsZero() {
			fmt.Fprintf(&b, " (%s)", c.Modified.UTC().Format(time.RFC3339))
		}
	}
	return b.String()
}

// ErrPath is below which there are several.
func (e *AmbiguousError) ErrPath() string { return e.Path }

// ErrHint is how to choose.
func (e *AmbiguousError) ErrHint() string { return e.Hint }

// LookupError says that it could not be found out whether a file is there. What stands in
// a _metadata can cause it as well as the storage, so that it is no fault of the command line.
type LookupError struct {
	URL string // of the file
	Err error
}

// Error implements error.
func (e *LookupError) Error() string { return e.Err.Error() }

// Unwrap gives the cause, for its hint.
func (e *LookupError) Unwrap() error { return e.Err }

// ErrPath is the file.
func (e *LookupError) ErrPath() string { return e.URL }
