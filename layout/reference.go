package layout

import (
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/metadata"
)

// Reference is one use of a file by a snapshot: a stream handle, and what the
// listings show of the file that it names.
type Reference struct {
	Place  metadata.Place
	Handle metadata.StreamHandle // *FileHandle, *RelativeFileHandle or *SegmentHandle
	Path   string                // as it stands in _metadata
	Scope  Scope
	Found  Found
	Fault  Fault
}

// Found is where a file was looked for, and what lies there.
type Found struct {
	URL    string   // canonical; "" where a Reference has an Object, which knows it
	How    How      // by what rule this place was chosen
	Object ObjectID // NoObject where no listing of a tree shows it
	Seen   Seen
	Size   int64 // where Seen is Present
	Err    error // where Seen is Unclear
}

// Seen is whether a file is there.
type Seen uint8

// What can be known of a file.
const (
	Unlooked Seen = iota // it lies outside of the trees, and nobody looked
	Present
	Absent
	Unclear // it could not be found out: Found.Err says why
)

// Fault is what is wrong with a file that a snapshot refers to.
type Fault string

// The faults.
const (
	NoFault     Fault = ""
	FaultAbsent Fault = "missing"  // no such file
	FaultSize   Fault = "size"     // of another size than recorded
	FaultShort  Fault = "segment"  // ends before a segment of it does
	FaultPath   Fault = "path"     // names no file that could be the snapshot's
	FaultDoubt  Fault = "unclear"  // could not be checked
	FaultLog    Fault = "log-size" // only the content of a changelog's file tells whether its size is right
)

// need is what a reference asks of a file.
type need struct {
	kind needKind
	size int64 // -1 where not recorded
}

type needKind uint8

const (
	wholeFile needKind = iota
	logFile            // size is that of the body before compression
	segment            // size is where it ends
)

func needOf(role metadata.Role, h metadata.StreamHandle) need {
	switch h := h.(type) {
	case *metadata.FileHandle:
		if role == metadata.ChangelogLog {
			return need{logFile, h.Size}
		}
		return need{wholeFile, h.Size}
	case *metadata.RelativeFileHandle:
		return need{wholeFile, h.Size}
	case *metadata.SegmentHandle:
		if h.Start < 0 || h.Size < 0 || h.Start > 1<<62 || h.Size > 1<<62 {
			return need{segment, 1<<63 - 1} // no file is as long
		}
		return need{segment, h.Start + h.Size}
	}
	return need{wholeFile, -1}
}

// judge compares what is needed with what was found.
func (n need) judge(f Found) Fault {
	switch f.Seen {
	case Absent:
		return FaultAbsent
	case Unclear:
		return FaultDoubt
	case Unlooked:
		return NoFault
	}
	switch {
	case n.size == -1:
	case n.kind == segment && f.Size < n.size:
		return FaultShort
	case n.kind == wholeFile && f.Size != n.size:
		return FaultSize
	case n.kind == logFile:
		return n.judgeLog(f.Size)
	}
	return NoFault
}

// judgeLog knows that the body follows a byte which says whether it is compressed
// (Flink: StateChangeFsUploader).
func (n need) judgeLog(size int64) Fault {
	switch size {
	case n.size + 1:
		return NoFault
	case 0:
		return FaultSize
	}
	return FaultLog
}

// Broken is a reference with a fault, in a form that outlives the reading.
type Broken struct {
	Fault Fault
	Path  string // as it stands in _metadata
	Found Found
	Want  int64 // bytes that the file should have, of a segment at least; -1 where not recorded
	By    Referrer
	Scope Scope

	need need
}

// Referrer says in words which handle it is.
type Referrer struct {
	Operator  metadata.OperatorID
	Name, UID string // of the operator, "" where not recorded
	Subtask   int32  // -1 for the state of the operator's coordinator
	Slot      metadata.Slot
	Role      metadata.Role
	Class     string // of the stream handle, in Flink
	File      string // its name within a database, such as 000012.sst
}

// ReferrerOf describes the handle h at p; with nil, only the place.
func ReferrerOf(p metadata.Place, h metadata.StreamHandle) Referrer {
	r := Referrer{Subtask: -1}
	if o := p.Operator; o != nil {
		r.Operator, r.Name, r.UID = o.ID, strings.Clone(o.Name.String()), strings.Clone(o.UID.String())
	}
	r.at(p, h)
	return r
}

// at completes a referrer that knows its operator.
func (r *Referrer) at(p metadata.Place, h metadata.StreamHandle) {
	r.Slot, r.Role, r.Subtask = p.Slot, p.Role, -1
	if h != nil {
		r.Class = h.Class()
	}
	r.File = strings.Clone(p.Name.String())
	if p.Subtask != nil {
		r.Subtask = p.Subtask.Index
	}
}

// Label is what people call the operator: its uid, or else its name, or else its id.
func (r *Referrer) Label() string {
	switch {
	case r.UID != "":
		return r.UID
	case r.Name != "":
		return r.Name
	}
	return r.Operator.String()
}

// String says it for people: "operator counter, sub-task 1, managedKeyed,
// FileStateHandle, 000012.sst".
func (r *Referrer) String() string {
	s := "operator " + r.Label()
	if r.Subtask >= 0 {
		s += fmt.Sprintf(", sub-task %d", r.Subtask)
	}
	if r.Class != "" {
		s += ", " + r.Slot.String() + ", " + r.Class
	}
	if r.File != "" {
		s += ", " + r.File
	}
	return s
}
