package metadata

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/metadata/javaobj"
)

// Annotation says what the bytes [From, To) of a `_metadata` file are. One with
// From = To is the heading of what follows.
type Annotation struct {
	From, To int64
	Operator int    // index of the operator entry that it belongs to, -1 outside of all
	Subtask  int    // index of the sub-task entry, -1 in the operator's own fields
	Label    string // "parallelism"
	Value    string // "4"; "" where the bytes speak for themselves
}

// Annotate explains data byte by byte, in order and without a gap, as far as it can
// be read. It ends with the error that Decode would give, or where yield returns false.
func Annotate(data []byte, yield func(Annotation) bool) error {
	r := newReader(data)
	r.notes = &annotator{yield: yield}
	_, err := scan(r, Visitor{})
	return err
}

// annotator passes on what the reader reads. Its methods are called behind the bytes.
type annotator struct {
	yield func(Annotation) bool
	done  bool
}

func (a *annotator) add(r *reader, n int, label, value string) {
	if a.done {
		return
	}
	end := r.offset()
	a.done = !a.yield(Annotation{From: end - int64(n), To: end, Operator: r.operator, Subtask: r.subtask, Label: label, Value: value})
}

func (a *annotator) number(r *reader, n int, label string, v int64) {
	if strings.HasPrefix(label, "magic") {
		a.bytes(r, n, label)
		return
	}
	a.add(r, n, label, fmt.Sprint(v))
}

func (a *annotator) text(r *reader, n int, label, value string) { a.add(r, n, label, value) }

// bytes shows those that are short enough, such as ids.
func (a *annotator) bytes(r *reader, n int, label string) {
	if n <= 16 {
		a.add(r, n, label, hex.EncodeToString(r.buf[r.pos-n:r.pos]))
		return
	}
	a.add(r, n, label, fmt.Sprintf("%d bytes", n))
}

func (a *annotator) utf(r *reader, label string, b []byte) {
	a.add(r, 2+len(b), label, fmt.Sprintf("%q", UTF(b).String()))
}

// section begins a new part of the file.
func (r *reader) section(label string) {
	if r.notes == nil || r.notes.done {
		return
	}
	switch label {
	case "operator":
		label = fmt.Sprintf("operator entry %d", r.operator)
	case "sub-task":
		label = fmt.Sprintf("operator entry %d, sub-task entry %d", r.operator, r.subtask)
	}
	r.notes.done = !r.notes.yield(Annotation{From: r.offset(), To: r.offset(), Operator: r.operator, Subtask: r.subtask, Label: label})
}

// javaNote passes on the notes about an object stream that begins at start.
func (a *annotator) javaNote(start int64) javaobj.Note {
	if a == nil {
		return nil
	}
	return func(from, to int, what, value string) {
		if a.done {
			return
		}
		n := Annotation{From: start + int64(from), To: start + int64(to), Operator: -1, Subtask: -1, Label: what, Value: value}
		a.done = !a.yield(n)
	}
}
