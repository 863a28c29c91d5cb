package flinkjson

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/ckpt-tool/ckpt/metadata"
)

// Options say what is shown and how.
type Options struct {
	// First are fields to put before all others, in this order: values that
	// encoding/json knows.
	First []Field
	// ExclusiveDir is the checkpoint's own directory, below which relative paths lie.
	ExclusiveDir string
	// Resolve gives the place where a path was found, "" where that is the path itself.
	Resolve func(path string) string
	// Escape, where not nil, is applied to each piece of JSON text.
	Escape func([]byte) []byte
	// Operator and Subtask choose what is shown; nil shows all.
	Operator func(*metadata.OperatorState) bool
	Subtask  func(*metadata.SubtaskState) bool
}

// Field is one field of a JSON object.
type Field struct {
	Name  string
	Value any
}

// Write writes c, decoded from data, as one JSON object and a line feed. It is
// written piece by piece: what is held at a time is one handle's JSON, less its lists of
// handles, and the paths for referencedPaths.
func Write(w io.Writer, c *metadata.Checkpoint, data []byte, opts Options) error {
	v := &view{opts: opts, refs: map[string]int64{}, w: bufio.NewWriterSize(w, 64<<10)}
	v.enc = json.NewEncoder(&v.scratch)
	v.enc.SetEscapeHTML(false)
	v.open('{')
	for _, f := range opts.First {
		v.field(f.Name, f.Value)
	}
	v.field("metadataSize", len(data))
	v.field("metadataSha256", digest(data))
	v.field("magic", fmt.Sprintf("%x", data[:4]))
	v.field("metadataVersion", c.Version)
	v.field("trailingBytes", 0) // more would not have decoded
	v.field("checkpointId", c.ID)
	v.field("properties", properties(c.Properties))
	v.field("masterStates", masterStates(c.MasterStates))
	v.key("operators")
	v.open('[')
	for i := range c.Operators {
		if opts.Operator == nil || opts.Operator(&c.Operators[i]) {
			v.operator(&c.Operators[i])
		}
	}
	v.close(']')
	v.key("referencedPaths")
	v.referencedPaths()
	v.close('}')
	v.raw("\n")
	if v.err == nil {
		v.err = v.w.Flush()
	}
	return v.err
}

// view writes one checkpoint.
type view struct {
	opts    Options
	refs    map[string]int64
	w       *bufio.Writer
	enc     *json.Encoder
	scratch bytes.Buffer
	comma   bool // whether the next element needs one

	unfinished bool // leave the object that is being written open
	err        error
}

func (v *view) raw(s string) {
	if _, err := v.w.WriteString(s); err != nil && v.err == nil {
		v.err = err
	}
}

func (v *view) separate() {
	if v.comma {
		v.raw(",")
	}
	v.comma = true
}

func (v *view) open(c byte)  { v.raw(string(c)); v.comma = false }
func (v *view) close(c byte) { v.raw(string(c)); v.comma = true }

func (v *view) value(x any) {
	v.scratch.Reset()
	if err := v.enc.Encode(x); err != nil {
		if v.err == nil {
			v.err = err
		}
		return
	}
	text := bytes.TrimSuffix(v.scratch.Bytes(), []byte("\n"))
	if v.unfinished {
		text = bytes.TrimSuffix(text, []byte("}"))
	}
	if v.opts.Escape != nil {
		text = v.opts.Escape(text)
	}
	if _, err := v.w.Write(text); err != nil && v.err == nil {
		v.err = err
	}
}

func (v *view) key(name string) {
	v.separate()
	v.value(name)
	v.raw(":")
}

func (v *view) field(name string, x any) {
	v.key(name)
	v.value(x)
}

type typeJSON struct {
	Class    string `json:"class"`
	Name     string `json:"name"`
	Is       bool   `json:"isSavepoint"`
	Sharing  string `json:"sharingFilesStrategy"`
	Format   string `json:"format,omitempty"`
	PostSave string `json:"postCheckpointAction,omitempty"`
}

type propertiesJSON struct {
	CheckpointType   typeJSON `json:"checkpointType"`
	Forced           bool     `json:"forced"`
	DiscardSubsumed  bool     `json:"discardSubsumed"`
	DiscardFinished  bool     `json:"discardFinished"`
	DiscardCancelled bool     `json:"discardCancelled"`
	DiscardFailed    bool     `json:"discardFailed"`
	DiscardSuspended bool     `json:"discardSuspended"`
	Unclaimed        bool     `json:"unclaimed"`
}

func properties(p *metadata.Properties) *propertiesJSON {
	if p == nil {
		return nil
	}
	t := p.Type
	return &propertiesJSON{
		typeJSON{t.Class, t.Name, t.IsSavepoint(), t.Sharing, t.Format, t.Action},
		p.Forced, p.DiscardSubsumed, p.DiscardFinished, p.DiscardCancelled, p.DiscardFailed, p.DiscardSuspended, p.Unclaimed,
	}
}

type masterStateJSON struct {
	Name    string `json:"name"`
	Version int32  `json:"version"`
	Size    int    `json:"size"`
	SHA256  string `json:"sha256"`
}

func masterStates(states []metadata.MasterState) []masterStateJSON {
	out := make([]masterStateJSON, len(states))
	for i, m := range states {
		out[i] = masterStateJSON{m.Name.String(), m.Version, len(m.Data), digest(m.Data)}
	}
	return out
}

func (v *view) operator(o *metadata.OperatorState) {
	v.separate()
	v.open('{')
	v.field("id", o.ID.String())
	v.field("uid", optional(o.UID))
	v.field("name", optional(o.Name))
	class := "OperatorState"
	if o.FullyFinished {
		class = "FullyFinishedOperatorState"
	}
	v.field("class", class)
	v.field("parallelism", o.Parallelism)
	v.field("maxParallelism", o.MaxParallelism)
	v.field("fullyFinished", o.FullyFinished)
	var coordinator any
	if o.Coordinator != nil {
		coordinator = v.stream(o.Coordinator)
	}
	v.field("coordinatorState", coordinator)
	v.key("subtasks")
	v.open('[')
	for _, s := range byIndex(o.Subtasks) {
		if v.opts.Subtask == nil || v.opts.Subtask(s) {
			v.subtask(s)
		}
	}
	v.close(']')
	if sizes := o.Sizes(); !o.FullyFinished {
		v.field("stateSize", sizes.State)
		v.field("checkpointedSize", sizes.Checkpointed)
	}
	v.close('}')
}

func byIndex(subtasks []metadata.SubtaskState) []*metadata.SubtaskState {
	out := make([]*metadata.SubtaskState, len(subtasks))
	for i := range subtasks {
		out[i] = &subtasks[i]
	}
	slices.SortFunc(out, func(a, b *metadata.SubtaskState) int { return int(a.Index) - int(b.Index) })
	return out
}

func (v *view) subtask(s *metadata.SubtaskState) {
	v.separate()
	v.open('{')
	v.field("index", s.Index)
	v.field("finished", s.Finished)
	v.operatorStates("managedOperator", s.ManagedOperator)
	v.operatorStates("rawOperator", s.RawOperator)
	v.list("managedKeyed", s.ManagedKeyed)
	v.list("rawKeyed", s.RawKeyed)
	v.channels("inputChannel", s.InputChannels)
	v.channels("resultSubpartition", s.OutputChannels)
	sizes := s.Sizes()
	v.field("stateSize", sizes.State)
	v.field("checkpointedSize", sizes.Checkpointed)
	v.close('}')
}

// list writes the handles that are there.
func (v *view) list(name string, handles ...metadata.KeyedHandle) {
	v.key(name)
	v.open('[')
	for _, h := range handles {
		if h != nil { // Flink drops a null handle
			v.handle(h)
		}
	}
	v.close(']')
}

func (v *view) operatorStates(name string, h *metadata.OperatorStateHandle) {
	v.key(name)
	v.open('[')
	if h != nil {
		v.handle(h)
	}
	v.close(']')
}

func (v *view) channels(name string, handles []metadata.ChannelHandle) {
	v.key(name)
	v.open('[')
	for _, h := range handles {
		v.handle(h)
	}
	v.close(']')
}

func (v *view) referencedPaths() {
	paths := make([]string, 0, len(v.refs))
	for p := range v.refs {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	v.open('{')
	for _, p := range paths {
		v.field(p, v.refs[p])
	}
	v.close('}')
}
