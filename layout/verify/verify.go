// Package verify tells whether snapshots can be restored, as far as bytes can tell.
//
// There are three levels, each with all that those before it check:
//
//	metadata  the _metadata parses, encodes to the same bytes, and agrees with itself:
//	          key groups, sizes, paths, channel offsets
//	files     every file that it names is there and of the recorded size, every
//	          segment lies within its file
//	content   the bytes are what Flink writes there: headers, checksums, offsets; and all
//	          state is read entry by entry, and decodes
//
// What is wrong is a [Finding]. What could not be checked is no finding but makes the
// verdict [Unreadable]: it must never read as checked.
package verify

import (
	"io"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Level is how much is checked.
type Level string

// The levels, from the cheapest on.
const (
	Metadata Level = "metadata"
	Files    Level = "files"
	Content  Level = "content"
)

// Verdict is what a check of one snapshot comes to.
type Verdict string

// The verdicts.
const (
	OK         Verdict = "ok"
	Damaged    Verdict = "damaged"    // at least one finding is an Error
	Unreadable Verdict = "unreadable" // something could not be checked: Result.Err says what
)

// Severity is how bad a finding is.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // Flink cannot restore it, or would restore something else
	Warning Severity = "warning" // Flink restores it, and what comes of it may surprise
	Info    Severity = "info"    // worth knowing
)

// Reason is the kind of a finding.
type Reason string

// The reasons.
const (
	Missing   Reason = "missing"    // a file is not there
	Size      Reason = "size"       // a file is of another size than recorded
	Segment   Reason = "segment"    // a file ends before a segment of it does
	Path      Reason = "path"       // a path that names no file of the snapshot
	Encoding  Reason = "metadata"   // the _metadata does not parse, or not agree with itself
	KeyGroups Reason = "key-groups" // sub-tasks overlap, leave gaps or have foreign key groups
	Checksum  Reason = "checksum"   // a checksum does not fit
	Bytes     Reason = "content"    // the bytes are not what Flink writes there
)

// Finding is one thing that is wrong with a snapshot.
type Finding struct {
	Severity Severity
	Reason   Reason
	URL      string           // of the file that is wrong, or of the _metadata
	Offset   int64            // in that file, -1 where there is none to tell
	By       *layout.Referrer // the handle that is concerned; nil for the snapshot as a whole
	Message  string           // one sentence, without the path
	Hint     string           // what to do about it, may be empty
}

// Result is what the check of one snapshot gave.
type Result struct {
	layout.Entry
	URL      string // of the snapshot's directory
	Verdict  Verdict
	Findings []Finding
	Err      error // what could not be checked, where the verdict is Unreadable

	References int   // in its _metadata
	Files      int   // that it names, each once; its _metadata with them
	Bytes      int64 // of these
	Read       int   // files whose content was read
	ReadBytes  int64
	ByTail     int // references that were found by the tails of their paths only
}

// Part is what one handle refers to in a file, as content checks take it.
type Part struct {
	Place  metadata.Place
	Handle metadata.StreamHandle
	Start  int64 // within the file
	Size   int64 // -1 to the file's end
}

// Problem is what a content check found.
type Problem struct {
	Part     *Part
	Offset   int64 // in the file
	Message  string
	Checksum bool     // a checksum does not fit
	Severity Severity // Error where empty
}

// ContentCheck reads the file of size bytes to its end, once, and reports what is wrong
// with the parts. Its error is that of src. The room of the formats has it; it is handed in.
type ContentCheck func(parts []Part, size int64, src io.Reader, report func(Problem)) error

// Worst is the first of the findings that are errors, or else of all; nil where there is
// none.
func (r *Result) Worst() *Finding {
	for i := range r.Findings {
		if r.Findings[i].Severity == Error {
			return &r.Findings[i]
		}
	}
	if len(r.Findings) > 0 {
		return &r.Findings[0]
	}
	return nil
}
