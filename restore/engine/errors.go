package engine

import (
	"errors"
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/restore"
)

// OperatorError is a failure of one sub-task of a node: its error, or its panic.
type OperatorError struct {
	UID         string
	Subtask     int // from 0
	Parallelism int
	Err         error
	Stack       []byte // of a panic, else nil
}

// Error implements error. The stack is left out.
func (e *OperatorError) Error() string {
	return fmt.Sprintf("%s (%d/%d): %v", e.UID, e.Subtask+1, e.Parallelism, e.Err)
}

// Unwrap gives Err.
func (e *OperatorError) Unwrap() error { return e.Err }

// errCanceled is the cause of an attempt that ends without a failure.
var errCanceled = errors.New("the job is cancelled")

func errSchema(got, want *Schema) error {
	return fmt.Errorf("a batch of %s was emitted where the output is %s", got, want)
}

func errLength(column string, got, want int) error {
	return fmt.Errorf("a batch of %d records was emitted with %d values of %s", want, got, column)
}

// ValidationError is what is wrong with a job, all of it.
type ValidationError struct{ Problems []string }

// Error implements error.
func (e *ValidationError) Error() string {
	return "the job cannot run: " + strings.Join(e.Problems, "; ")
}

// SuppressRestarts wraps an error that a restart would only bring about again: the job fails with it at once (Flink:
// SuppressRestartsException). State that does not fit the job is such an error by itself.
func SuppressRestarts(err error) error { return &permanentError{err} }

type permanentError struct{ err error }

// Error implements error.
func (e *permanentError) Error() string { return e.err.Error() }

// Unwrap gives the error.
func (e *permanentError) Unwrap() error { return e.err }

// permanent tells whether a restart is of no use.
func permanent(err error) bool {
	var p *permanentError
	var state *backends.IncompatibleError
	var job *restore.IncompatibleError
	return errors.As(err, &p) || errors.As(err, &state) || errors.As(err, &job)
}
