package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/columns"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/layout"
)

// stateFaults gathers what of the state could not be read or shown, so that the rest of it still is. Any
// goroutine may add to it.
//
//	what does not decode as only the job has the class   a warning; 3 at the end
//	wrong bytes, whether what follows is read or not     the first is the error; 5
//	a file that cannot be read, too little memory        ends the command at once; 1
type stateFaults struct {
	env *Env

	mu      sync.Mutex
	notes   []faultNote
	more    int // were not kept
	corrupt []faultNote
}

// faultNote is a fault of the part with the number part.
type faultNote struct {
	part, nth int
	err       error
}

// mostFaults is how many warnings are shown.
const mostFaults = 5

// add takes an error that came while part i was read. It gives the error back if nothing more can be read
// at all.
func (f *stateFaults) add(i int, err error) error {
	severity := severityOf(err)
	if severity == Failed {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	list := &f.notes
	if severity == Unreadable {
		list = &f.corrupt
	}
	n := 0
	for j, note := range *list {
		if note.err.Error() == err.Error() {
			(*list)[j].part = min(note.part, i) // all parts of a handle that does not open say the same
			return nil
		}
		if note.part == i {
			n++
		}
	}
	if n >= mostFaults {
		f.more++
		return nil
	}
	*list = append(*list, faultNote{i, n, err})
	return nil
}

// severityOf is the exit code that an error of reading state calls for.
func severityOf(err error) Code {
	var wrong *backends.Error
	var opaque *backends.OpaqueError
	var snapshot *types.SnapshotError
	var file *layout.FileError
	var unfit *columns.RowError
	switch {
	case errors.Is(err, backends.ErrBudget):
		return Failed
	case errors.As(err, &file) && isTruncated(file):
		return Unreadable
	case errors.As(err, &file):
		return Failed
	case errors.As(err, &opaque), errors.As(err, &snapshot) && snapshot.Unknown:
		return Findings
	case errors.As(err, &unfit):
		return Findings
	case errors.As(err, &wrong), errors.As(err, &snapshot):
		return Unreadable
	}
	return Failed
}

// isTruncated tells whether the file ended before its handle says. A connection that broke has another error.
func isTruncated(e *layout.FileError) bool {
	return e.Err == io.ErrUnexpectedEOF //nolint:errorlint // wrapped, it is the connection's
}

// any tells whether there are faults.
func (f *stateFaults) any() bool { return len(f.notes)+len(f.corrupt) > 0 }

// end warns of the first faults, in the order of the state, and gives the error to end with.
func (f *stateFaults) end() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	order := func(a, b faultNote) int {
		return cmp.Or(cmp.Compare(a.part, b.part), cmp.Compare(a.nth, b.nth), cmp.Compare(a.err.Error(), b.err.Error()))
	}
	slices.SortFunc(f.notes, order)
	slices.SortFunc(f.corrupt, order)
	for _, n := range f.notes[:min(mostFaults, len(f.notes))] {
		f.warn(n.err)
	}
	for _, n := range f.corrupt[min(1, len(f.corrupt)):min(mostFaults, len(f.corrupt))] {
		f.warn(n.err)
	}
	shown := min(mostFaults, len(f.notes)) + min(mostFaults, len(f.corrupt))
	if left := f.more + len(f.notes) + len(f.corrupt) - shown; left > 0 {
		f.env.Log.Warn(fmt.Sprintf("%d more of the like are not shown", left))
	}
	switch {
	case len(f.corrupt) > 0:
		return f.corrupt[0].err
	case len(f.notes) > 0:
		return status(Findings)
	}
	return nil
}

func (f *stateFaults) warn(err error) {
	if hint := hintOf(err, entryOf(err)); hint != "" {
		f.env.Log.Warn(messageOf(err), "hint", hint)
		return
	}
	f.env.Log.Warn(messageOf(err))
}
