package metadata

import (
	"errors"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/metadata/javaobj"
)

// Properties say what kind of snapshot this is and what Flink does with it when
// (Flink: CheckpointProperties). They end files of version 4 and up, as the bytes of a
// Java object stream.
type Properties struct {
	Type SnapshotType

	Forced           bool // taken though a checkpoint was not due: every savepoint that a user asks for
	DiscardSubsumed  bool // deleted when a newer checkpoint completes
	DiscardFinished  bool // deleted when the job ends so
	DiscardCancelled bool
	DiscardFailed    bool
	DiscardSuspended bool
	Unclaimed        bool // not owned by the job; never seen in a file

	// Understood is false where the object stream is well-formed but not what Flink
	// up to 2.2 writes. The other fields then hold what could be made out.
	Understood bool

	raw []byte
}

// SnapshotType is the kind of a snapshot (Flink: CheckpointType, SavepointType).
type SnapshotType struct {
	Class  string // simple name of the Java class: "CheckpointType" or "SavepointType"
	Name   string // "Checkpoint", "Full Checkpoint", "Savepoint", "Suspend Savepoint", "Terminate Savepoint"
	Format string // of a savepoint: "CANONICAL" or "NATIVE"
	Action string // of a savepoint, after it: "NONE", "SUSPEND" or "TERMINATE"

	// Sharing is what may be shared with other checkpoints: "FORWARD_BACKWARD",
	// "FORWARD" (a full checkpoint) or "NO_SHARING" (a savepoint).
	Sharing string
}

// IsSavepoint tells savepoints from checkpoints.
func (t SnapshotType) IsSavepoint() bool { return t.Class == classSavepoint }

const (
	classCheckpoint = "CheckpointType"
	classSavepoint  = "SavepointType"
	classProperties = "CheckpointProperties"

	packageCheckpoint = "org.apache.flink.runtime.checkpoint."
)

// The ids that Java computes for these classes; the same from Flink 1.16 to 2.2.
var (
	uidCheckpointType uint64 = 0xD6DE4F0305AE1D3A
	uidSavepointType  uint64 = 0xA087D308A45814B8
)

// properties reads the rest of the file.
func (r *reader) properties() *Properties {
	r.section("checkpoint properties")
	start := r.offset()
	if start == r.size {
		r.fail(start, "the file ends before the checkpoint properties")
		return nil
	}
	if !r.need(int(r.left()), "checkpoint properties") {
		return nil
	}
	rest := r.buf[r.pos:][:r.left()]
	root, n, err := javaobj.ParseNoted(rest, r.notes.javaNote(start))
	if err != nil {
		var e *javaobj.Error
		errors.As(err, &e)
		r.fail(start+int64(e.Offset), "checkpoint properties: %s", e.Message)
		return nil
	}
	p := interpret(root)
	p.raw = rest[:n:n]
	r.pos += n
	return p
}

// interpret makes out what it can of a parsed object stream.
func interpret(root any) *Properties {
	p := &Properties{Understood: true}
	o, ok := root.(*javaobj.Object)
	if !ok || o.Class.Name != packageCheckpoint+classProperties {
		return &Properties{}
	}
	for _, f := range p.flags() {
		v, ok := o.Get(f.name)
		b, isBool := v.(bool)
		if !ok || !isBool {
			p.Understood = false
		}
		*f.value = b
	}
	if len(o.Values) != len(p.flags())+1 {
		p.Understood = false
	}
	t, _ := o.Get("checkpointType")
	p.snapshotType(t)
	return p
}

// flags are the primitive fields, in the order in which Java writes them.
func (p *Properties) flags() []flag {
	return []flag{
		{"discardCancelled", &p.DiscardCancelled},
		{"discardFailed", &p.DiscardFailed},
		{"discardFinished", &p.DiscardFinished},
		{"discardSubsumed", &p.DiscardSubsumed},
		{"discardSuspended", &p.DiscardSuspended},
		{"forced", &p.Forced},
		{"unclaimed", &p.Unclaimed},
	}
}

type flag struct {
	name  string
	value *bool
}

func (p *Properties) snapshotType(v any) {
	o, ok := v.(*javaobj.Object)
	if !ok {
		p.Understood = false
		return
	}
	name := o.Class.Name
	p.Type.Class = name[strings.LastIndexByte(name, '.')+1:]
	get := func(field string) string {
		switch v, _ := o.Get(field); v := v.(type) {
		case string:
			return v
		case *javaobj.Enum:
			return v.Name
		}
		p.Understood = false
		return ""
	}
	p.Type.Name = get("name")
	switch name {
	case packageCheckpoint + classCheckpoint:
		p.Type.Sharing = get("sharingFilesStrategy")
	case packageCheckpoint + classSavepoint:
		p.Type.Format, p.Type.Action = get("formatType"), get("postCheckpointAction")
		p.Type.Sharing = "NO_SHARING"
	default:
		p.Understood = false
	}
	p.Understood = p.Understood && p.Type.known()
}

// known tells whether Flink has such a type: it does not load an enum constant that
// it does not have.
func (t SnapshotType) known() bool {
	if t.Class == classCheckpoint {
		return t.Name == "Checkpoint" && t.Sharing == "FORWARD_BACKWARD" || t.Name == "Full Checkpoint" && t.Sharing == "FORWARD"
	}
	return slices.Contains([]string{"Savepoint", "Suspend Savepoint", "Terminate Savepoint"}, t.Name) &&
		slices.Contains([]string{"CANONICAL", "NATIVE"}, t.Format) &&
		slices.Contains([]string{"NONE", "SUSPEND", "TERMINATE"}, t.Action)
}

// properties writes what was read, unless p has been changed since or was made anew.
func (w *writer) properties(p *Properties) {
	if p.raw != nil {
		root, _, err := javaobj.Parse(p.raw)
		if err != nil {
			w.fail("checkpoint properties: %v", err)
			return
		}
		was := interpret(root)
		if was.same(p) {
			w.bytes(p.raw)
			return
		}
		if !was.Understood {
			w.fail("checkpoint properties that are not understood cannot be changed")
			return
		}
	}
	for _, s := range []string{p.Type.Name, p.Type.Format, p.Type.Action, p.Type.Sharing} {
		if len(s) > 0xFFFF || invalidAt(s) >= 0 {
			w.fail("string %.40q of the checkpoint properties is too long, or not modified UTF-8", s)
			return
		}
	}
	root, err := p.object()
	if err == nil {
		w.buf, err = javaobj.Append(w.buf, root)
	}
	if err != nil {
		w.fail("checkpoint properties: %v", err)
	}
}

// same compares the type and all flags.
func (p *Properties) same(q *Properties) bool {
	mine, theirs := p.flags(), q.flags()
	for i := range mine {
		if *mine[i].value != *theirs[i].value {
			return false
		}
	}
	return p.Type == q.Type
}

// object is p as the object that Flink serializes.
func (p *Properties) object() (*javaobj.Object, error) {
	class := javaClass(classProperties, 2)
	o := &javaobj.Object{Class: class}
	for _, f := range p.flags() {
		class.Fields = append(class.Fields, javaobj.Field{Code: 'Z', Name: f.name})
		o.Values = append(o.Values, *f.value)
	}
	class.Fields = append(class.Fields, objectField("checkpointType", packageCheckpoint+"SnapshotType"))
	t, err := p.Type.object()
	o.Values = append(o.Values, t)
	return o, err
}

func (t SnapshotType) object() (*javaobj.Object, error) {
	base := &javaobj.Class{Name: "java.lang.Enum", Flags: 0x12}
	enum := func(class, constant string) *javaobj.Enum {
		return &javaobj.Enum{Class: &javaobj.Class{Name: class, Flags: 0x12, Super: base}, Name: constant}
	}
	name := objectField("name", "java.lang.String")
	switch t.Class {
	case classCheckpoint:
		const strategy = packageCheckpoint + "SnapshotType$SharingFilesStrategy"
		c := javaClass(classCheckpoint, uidCheckpointType)
		c.Fields = []javaobj.Field{name, objectField("sharingFilesStrategy", strategy)}
		return &javaobj.Object{Class: c, Values: []any{t.Name, enum(strategy, t.Sharing)}}, nil
	case classSavepoint:
		const format = "org.apache.flink.core.execution.SavepointFormatType"
		const action = packageCheckpoint + "SavepointType$PostCheckpointAction"
		c := javaClass(classSavepoint, uidSavepointType)
		c.Fields = []javaobj.Field{objectField("formatType", format), name, objectField("postCheckpointAction", action)}
		return &javaobj.Object{Class: c, Values: []any{enum(format, t.Format), t.Name, enum(action, t.Action)}}, nil
	}
	return nil, errors.New("a snapshot is a CheckpointType or a SavepointType, not " + t.Class)
}

func javaClass(name string, uid uint64) *javaobj.Class {
	return &javaobj.Class{Name: packageCheckpoint + name, UID: int64(uid), Flags: 0x02}
}

func objectField(name, class string) javaobj.Field {
	return javaobj.Field{Code: 'L', Name: name, Type: "L" + strings.ReplaceAll(class, ".", "/") + ";"}
}
