package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/flinkconf"
	"github.com/ckpt-tool/ckpt/layout/gate"
	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore"
	"github.com/ckpt-tool/ckpt/restore/checkpoints"
	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/ckpt-tool/ckpt/restore/job"
	"github.com/ckpt-tool/ckpt/restore/settings"
)

// Code is an exit code. 2 is never used: a panic of Go exits with it.
type Code int

// The exit codes, as docs/scripting.md promises them.
const (
	OK           Code = 0   // done; nothing wrong found
	Failed       Code = 1   // storage, network, I/O
	Findings     Code = 3   // what was asked for was found
	NotFound     Code = 4   // no such checkpoint, job, state or operator
	Unreadable   Code = 5   // not a checkpoint, corrupt, or of an unsupported version
	Refused      Code = 6   // refused for safety
	Incompatible Code = 7   // the job cannot be restored from the checkpoint
	Usage        Code = 64  // the command line is wrong
	Interrupted  Code = 130 // by SIGINT
	Terminated   Code = 143 // by SIGTERM
)

// precedence is which code wins where several apply: "could not check" must
// never read as "checked".
var precedence = [...]Code{Terminated, Interrupted, Usage, Refused, Failed, Unreadable, Incompatible, Findings, NotFound}

// worst is the code to exit with where several apply, OK where none does. A
// code that is not in the table counts as Failed.
func worst(codes ...Code) Code {
	best := len(precedence)
	for _, c := range codes {
		if c != OK {
			best = min(best, rank(c))
		}
	}
	if best == len(precedence) {
		return OK
	}
	return precedence[best]
}

func rank(c Code) int {
	failed := 0
	for i, p := range precedence {
		if p == c {
			return i
		}
		if p == Failed {
			failed = i
		}
	}
	return failed
}

// exitEntry is what the table knows of one error.
type exitEntry struct {
	code   Code
	hint   string
	offset *int64
	silent bool // the output has said it already
}

// lookUp is the table from errors to exit codes. It looks at err alone; entryOf
// walks down what err wraps.
func lookUp(err error) (exitEntry, bool) {
	switch e := err.(type) { //nolint:errorlint // search walks the chain
	case *statusError:
		return exitEntry{code: e.code, silent: true}, true
	case *signalError:
		return exitEntry{code: e.code()}, true
	case *usageError:
		return exitEntry{code: Usage, hint: e.hint}, true
	case *notFoundError:
		return exitEntry{code: NotFound}, true
	case *findingsError:
		return exitEntry{code: Findings}, true
	case *refusedError:
		return exitEntry{code: Refused}, true
	case *prune.StoppedError:
		return exitEntry{code: Refused, hint: guardHints[e.Guard]}, true
	case *layout.LookupError:
		return exitEntry{code: Failed}, true
	case *layout.NotFoundError:
		return exitEntry{code: NotFound}, true
	case *layout.NotCheckpointError:
		return exitEntry{code: Unreadable, offset: offsetOf(e.Err)}, true
	case *layout.AmbiguousError, *storage.SchemeError, *flinkconf.Error, *gate.Error:
		return exitEntry{code: Usage}, true
	case *outputError:
		return exitEntry{code: Failed}, true
	case *metadata.Error:
		return exitEntry{code: Unreadable, hint: e.Hint, offset: &e.Offset}, true
	case *backends.Error:
		return exitEntry{code: severityOf(e), hint: e.Hint, offset: &e.Offset}, true
	case *backends.OpaqueError:
		return exitEntry{code: Findings, hint: e.Hint}, true
	case *types.SnapshotError:
		return exitEntry{code: severityOf(e), hint: e.Hint}, true
	case *incompatibleError:
		return exitEntry{code: Incompatible, hint: e.hint}, true
	case *restore.IncompatibleError, *backends.IncompatibleError:
		return exitEntry{code: Incompatible}, true
	case *job.Error, job.Errors, *engine.ValidationError, *settings.Error, *checkpoints.UnknownStorageError:
		return exitEntry{code: Usage}, true
	case *uncomparedError:
		return exitEntry{code: Failed}, true
	case *layout.FileError:
		if isTruncated(e) {
			return exitEntry{code: Unreadable, hint: "the file is shorter than the checkpoint says: ckpt verify lists all such files"}, true
		}
		return exitEntry{code: Failed, hint: fileHint(e.Err)}, true
	case *fs.PathError:
		return exitEntry{code: Failed, hint: systemHint(e)}, true
	}
	if err == context.Canceled || err == context.DeadlineExceeded {
		return exitEntry{code: Failed}, true
	}
	return exitEntry{}, false
}

// offsetOf is where in a `_metadata` err lies, nil where it does not say.
func offsetOf(err error) *int64 {
	if broken := new(metadata.Error); errors.As(err, &broken) {
		return &broken.Offset
	}
	return nil
}

func systemHint(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "run ckpt as a user who may read it"
	case errors.Is(err, fs.ErrNotExist):
		return "check the path"
	}
	return ""
}

// fileHint is systemHint for a file that state lies in.
func fileHint(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return "ckpt verify CKPT tells which files are missing; --map OLD=NEW says where the files of a copied tree lie now"
	}
	return systemHint(err)
}

// messageOf is the message of err. That of a file does not name its path twice.
func messageOf(err error) string {
	var file *layout.FileError
	var system *fs.PathError
	if errors.As(err, &file) && errors.As(file.Err, &system) {
		return strings.Replace(err.Error(), file.Error(), file.Path+": "+system.Err.Error(), 1)
	}
	return err.Error()
}

// entryOf finds the outermost error that the table knows. Of several errors
// joined the worst counts, and what nothing knows has failed.
func entryOf(err error) exitEntry {
	if e, ok := search(err); ok {
		return e
	}
	return exitEntry{code: Failed}
}

func search(err error) (found exitEntry, ok bool) {
	if err == nil {
		return exitEntry{}, false
	}
	if e, ok := lookUp(err); ok {
		return e, true
	}
	switch w := err.(type) {
	case interface{ Unwrap() error }:
		return search(w.Unwrap())
	case interface{ Unwrap() []error }:
		for _, each := range w.Unwrap() {
			e, known := search(each)
			if known && (!ok || worst(e.code, found.code) == e.code) {
				found, ok = e, true
			}
		}
	}
	return found, ok
}

// pathOf is the path that err is about, "" where it names none.
func pathOf(err error) string {
	var named interface{ ErrPath() string }
	if errors.As(err, &named) {
		return named.ErrPath()
	}
	var wrong *backends.Error
	var file *layout.FileError
	switch {
	case errors.As(err, &file):
		return file.Path
	case errors.As(err, &wrong):
		return wrong.Path
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Path
	}
	return ""
}

// hintOf is what a user who saw err may do.
func hintOf(err error, e exitEntry) string { return quotedTypes(rawHint(err, e)) }

// quotedTypes puts what follows --type into quotes where a shell would change it.
func quotedTypes(hint string) string {
	const flag = "--type "
	before, rest, ok := strings.Cut(hint, flag)
	if !ok {
		return hint
	}
	word, after, more := strings.Cut(rest, " ")
	if strings.ContainsRune(word, '\'') || !strings.ContainsAny(word, "$<>(){};&|*?`\\\"") {
		return hint
	}
	if more {
		after = " " + after
	}
	return before + flag + "'" + word + "'" + after
}

// rawHint prefers the hint of an error itself over the one of the table.
func rawHint(err error, e exitEntry) string {
	var hinted interface{ ErrHint() string }
	if errors.As(err, &hinted) && hinted.ErrHint() != "" {
		return hinted.ErrHint()
	}
	if broken := new(metadata.Error); e.hint == "" && errors.As(err, &broken) {
		return broken.Hint
	}
	return e.hint
}

// statusError ends a command with a code whose reason stands in its output.
type statusError struct{ code Code }

// Error implements error.
func (e *statusError) Error() string { return fmt.Sprintf("exit code %d", int(e.code)) }

// status is the error that makes a command exit with c and say nothing more.
func status(c Code) error {
	if c == OK {
		return nil
	}
	return &statusError{c}
}

// notFoundError is for something that was named and is not there.
type notFoundError struct{ message, path string }

// Error implements error.
func (e *notFoundError) Error() string { return e.message }

// ErrPath is where it should be.
func (e *notFoundError) ErrPath() string { return e.path }

// findingsError is for an answer that is not there because of what was found.
type findingsError struct{ message, path, hint string }

// Error implements error.
func (e *findingsError) Error() string { return e.message }

// ErrPath is where it was found.
func (e *findingsError) ErrPath() string { return e.path }

// ErrHint says how to look closer.
func (e *findingsError) ErrHint() string { return e.hint }

// usageError is a wrong command line.
type usageError struct{ message, hint string }

// Error implements error.
func (e *usageError) Error() string { return e.message }

func usagef(hint, format string, args ...any) error {
	return &usageError{message: fmt.Sprintf(format, args...), hint: hint}
}

// conclude tells the user of err and gives the code to exit with.
func (e *Env) conclude(ctx context.Context, out *guardedWriter, err error) Code {
	if stopped := new(signalError); err != nil && errors.As(context.Cause(ctx), &stopped) {
		err = interrupted(stopped, err)
	}
	if failed := new(outputError); errors.As(out.err, &failed) {
		if failed.closed() {
			return worst(OK, signalCode(err))
		}
		err = out.err
	}
	if err == nil {
		return OK
	}
	entry := entryOf(err)
	if !entry.silent {
		e.complain(errorReport{entry.code, messageOf(err), guardOf(err), pathOf(err), entry.offset, hintOf(err, entry)})
	}
	return entry.code
}

// resumableError is for a command that ended in the middle of what it does, and has a way
// to go on with it.
type resumableError struct {
	err  error
	hint string
}

// Error implements error.
func (e *resumableError) Error() string { return e.err.Error() }

// Unwrap gives the error itself.
func (e *resumableError) Unwrap() error { return e.err }

// ErrHint prefers what the error itself says.
func (e *resumableError) ErrHint() string {
	if hint := hintOf(e.err, entryOf(e.err)); hint != "" {
		return hint
	}
	return e.hint
}

// interrupted is the error of a command that a signal has stopped: what it ran into
// thereby tells nothing but how to go on.
func interrupted(stopped *signalError, err error) error {
	if resume := new(resumableError); errors.As(err, &resume) {
		return &resumableError{stopped, resume.hint}
	}
	return stopped
}

// signalCode is the code of err if a signal caused it.
func signalCode(err error) Code {
	if s := new(signalError); errors.As(err, &s) {
		return s.code()
	}
	return OK
}
