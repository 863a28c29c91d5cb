package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/metadata"
)

// State is what is known of a snapshot. The package comment tells what each means.
type State string

// The states.
const (
	Complete    State = "complete"
	Damaged     State = "damaged"
	InProgress  State = "in-progress"
	Incomplete  State = "incomplete"
	Corrupt     State = "corrupt"
	Unsupported State = "unsupported"
	Unreadable  State = "unreadable"
)

// States are all of them.
var States = []State{Complete, Damaged, InProgress, Incomplete, Corrupt, Unsupported, Unreadable}

// DefaultGrace is how recent a change must be for a snapshot without _metadata to
// count as in progress. Flink's own timeout of checkpoints is 10 minutes.
const DefaultGrace = 15 * time.Minute

// Facts are all that a state depends on.
type Facts struct {
	Now   time.Time
	Grace time.Duration

	HasMetadata bool      // the listing showed one
	Empty       bool      // of no bytes
	ReadErr     error     // why it could not be read to its end, nil where it was
	ListErr     error     // why the directory could not be listed, nil where it was
	Pending     bool      // a _metadata is being written under its temporary name
	Files       int       // in the directory
	Newest      time.Time // latest change of the directory or an entry; zero where not known

	// From a check of references, which a listing does not do.
	Missing, Resized int
}

// Judge gives the state that the facts allow, and the reason in words. A complete
// snapshot has no reason.
func Judge(f Facts) (State, string) {
	switch {
	case f.HasMetadata && f.ReadErr == nil:
		return f.judgeFiles()
	case f.HasMetadata && !errors.Is(f.ReadErr, fs.ErrNotExist):
		return f.judgeMetadata()
	case f.ListErr != nil:
		return Unreadable, "could not check: " + cause(f.ListErr)
	}
	return f.judgeAge()
}

// judgeFiles is for a _metadata that was read to its end.
func (f Facts) judgeFiles() (State, string) {
	if f.Missing == 0 && f.Resized == 0 {
		return Complete, ""
	}
	var what []string
	if f.Missing > 0 {
		what = append(what, fmt.Sprintf("%d %s missing", f.Missing, isOrAre(f.Missing)))
	}
	if f.Resized > 0 {
		what = append(what, fmt.Sprintf("%d %s of another size", f.Resized, isOrAre(f.Resized)))
	}
	return Damaged, "of the files it names, " + strings.Join(what, ", ")
}

func isOrAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// judgeMetadata is for a _metadata that is there but was not read to its end.
func (f Facts) judgeMetadata() (State, string) {
	var format *metadata.Error
	switch {
	case errors.As(f.ReadErr, &format) && format.Kind == metadata.Unsupported:
		return Unsupported, format.Error()
	case errors.As(f.ReadErr, &format):
		return Corrupt, format.Error() + f.stillWritten(format.Kind)
	case errors.Is(f.ReadErr, ErrNotFile):
		return Corrupt, "_metadata is " + cause(f.ReadErr)
	}
	return Unreadable, "could not check: " + cause(f.ReadErr)
}

// stillWritten warns where what looks torn may be half of a write: storage without
// an atomic commit shows a _metadata before it is whole.
func (f Facts) stillWritten(kind metadata.Kind) string {
	begun := kind == metadata.Corrupt || f.Empty
	if !begun || f.Newest.IsZero() || f.Now.Sub(f.Newest) >= f.Grace {
		return ""
	}
	return "; it changed " + f.age() + ", so it may still be being written"
}

// judgeAge is for a snapshot without _metadata.
func (f Facts) judgeAge() (State, string) {
	what := "no _metadata"
	switch {
	case f.HasMetadata:
		what = "its _metadata was deleted while it was read"
	case f.Pending:
		what = "no _metadata, only its temporary file"
	}
	switch {
	case f.Files == 0:
		what += ", no files"
	case f.Files == 1:
		what += ", 1 file"
	default:
		what += fmt.Sprintf(", %d files", f.Files)
	}
	if f.Newest.IsZero() {
		return Incomplete, what + "; the storage tells no time"
	}
	what += "; last change " + f.age()
	if f.Now.Sub(f.Newest) < f.Grace {
		return InProgress, what + ", within " + shortDuration(f.Grace)
	}
	return Incomplete, what
}

// age says how long ago the newest change was. A change in the future means that
// two clocks disagree; it counts as young.
func (f Facts) age() string {
	if d := f.Now.Sub(f.Newest); d >= 0 {
		return shortDuration(d) + " ago"
	}
	return shortDuration(f.Newest.Sub(f.Now)) + " in the future (clocks disagree)"
}

// shortDuration gives the largest unit only: reasons are for people.
func shortDuration(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// cause is an error without the path, which stands beside it.
func cause(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
