package cmd

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/offsets"
	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/ckpt-tool/ckpt/metadata"
)

// offsetsRun is one run of the command.
type offsetsRun struct {
	*openedState
	faults      stateFaults
	lists       []*offsetsList // in the order of the handles
	enumerators []offsetsEnumeratorOf
	notShown    []*metadata.OperatorState // have list states that nothing is known of
}

// offsetsList is what was found in one list state of one sub-task.
type offsetsList struct {
	operator *metadata.OperatorState
	subtask  int32
	state    *backends.State
	found    offsets.Found
	raw      []rawElement
	left     int64 // elements that were not kept
}

// offsetsEnumeratorOf is what the enumerator of a source keeps.
type offsetsEnumeratorOf struct {
	operator *metadata.OperatorState
	*offsets.Coordinator
	raw []byte // instead, where it is not known
}

// rawElement is an element that is not understood.
type rawElement struct {
	value  json.RawMessage
	reason string // "" where nothing was expected of it
}

// mostRaw is how many elements of a list state are kept that are not understood.
const mostRaw = 100

// read reads the states that have the names of those of sources and sinks, and then others where they could be
// of sources as well.
func (o *offsetsRun) read(ctx context.Context) error {
	p := o.startProgress("reading the sources of")
	defer p.stop()
	known := func(s string) bool { return offsets.NewList(s) != nil }
	if err := o.readLists(ctx, o.holding(known), known, (*offsetsRun).known); err != nil {
		return err
	}
	o.readEnumerators()
	rest := func(s string) bool { l := offsets.NewList(s); return l == nil || !l.Certain() }
	var handles []*snapshot.Handle
	for _, h := range o.holding(rest) {
		switch {
		case o.showsRaw(h.Operator):
			handles = append(handles, h)
		case !o.understood(h.Operator) && !slices.Contains(o.notShown, h.Operator):
			o.notShown = append(o.notShown, h.Operator)
		}
	}
	return o.readLists(ctx, handles, rest, (*offsetsRun).plain)
}

// holding are the handles of operator state with a list state of such a name.
func (o *offsetsRun) holding(named func(string) bool) []*snapshot.Handle {
	var handles []*snapshot.Handle
	for _, h := range o.handles {
		if hasList(h.Subtask.ManagedOperator, named) {
			handles = append(handles, h)
		}
	}
	return handles
}

func hasList(h *metadata.OperatorStateHandle, named func(string) bool) bool {
	if h == nil {
		return false
	}
	for _, s := range h.States {
		if s.Mode != metadata.Broadcast && len(s.Offsets) > 0 && named(s.Name.String()) {
			return true
		}
	}
	return false
}

// readLists reads the list states of handles that have such names, many handles at a time.
func (o *offsetsRun) readLists(ctx context.Context, handles []*snapshot.Handle, named func(string) bool, read func(*offsetsRun, *listReader, *backends.Entry)) error {
	parts := make([]*snapshot.Part, len(handles))
	for i, h := range handles {
		parts[i] = h.Whole()
	}
	found := make([][]*offsetsList, len(parts))
	wanted := func(st *backends.State) bool {
		return (st.Kind == backends.OperatorList || st.Kind == backends.Union) && named(st.Name) && o.opts.wantsState(st)
	}
	var first firstFailure
	whole := ctx
	err := snapshot.Fold(ctx, parts, o.workers, func(ctx context.Context, i int, p *snapshot.Part) error {
		if first.before(i) {
			return nil
		}
		_, _ = p.Handle.Reader(whole) // which is read again for other states; what fails does so again below
		r := &listReader{handle: p.Handle, printer: o.Printer()}
		for e, err := range p.Entries(ctx, wanted) {
			if err == nil {
				read(o, r, &e)
				continue
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := o.faults.add(i, err); err != nil {
				first.set(i, err)
				return nil
			}
		}
		found[i] = r.done()
		return nil
	})
	for _, lists := range found {
		o.lists = append(o.lists, lists...)
	}
	return errors.Join(err, first.err)
}

// listReader reads the list states of one handle.
type listReader struct {
	handle  *snapshot.Handle
	printer *snapshot.Printer
	lists   []*offsetsList
	decoder *offsets.List // of the last of lists
	foreign bool          // the last of lists is none of a source after all
}

// list is that of the entry: the entries of a state follow each other.
func (r *listReader) list(e *backends.Entry) *offsetsList {
	if n := len(r.lists); n > 0 && r.lists[n-1].state == e.State {
		return r.lists[n-1]
	}
	r.close()
	r.decoder, r.foreign = offsets.NewList(e.State.Name), false
	l := &offsetsList{operator: r.handle.Operator, subtask: e.State.Subtask, state: e.State}
	r.lists = append(r.lists, l)
	return l
}

// close ends the last of lists.
func (r *listReader) close() {
	n := len(r.lists)
	switch {
	case n == 0 || r.decoder == nil:
	case r.foreign:
		r.lists = r.lists[:n-1]
	default:
		r.lists[n-1].found = r.decoder.Found()
	}
	r.decoder = nil
}

func (r *listReader) done() []*offsetsList {
	r.close()
	return r.lists
}

// known takes an element of a state that a source or a sink has.
func (o *offsetsRun) known(r *listReader, e *backends.Entry) {
	l := r.list(e)
	if r.foreign {
		return
	}
	err := r.decoder.Add(e.Value)
	switch {
	case err == nil:
	case r.decoder.Certain():
		r.keep(l, e, err.Error())
	default:
		r.foreign = true
	}
}

// plain takes an element of any other state.
func (o *offsetsRun) plain(r *listReader, e *backends.Entry) {
	l := r.list(e)
	r.decoder = nil
	r.keep(l, e, "")
}

// keep keeps an element as JSON.
func (r *listReader) keep(l *offsetsList, e *backends.Entry, reason string) {
	if len(l.raw) >= mostRaw {
		l.left++
		return
	}
	l.raw = append(l.raw, rawElement{value: elementJSON(r.printer, e), reason: reason})
}

// elementJSON is the value of an element as `ckpt state cat` shows it; its bytes where it does not decode.
func elementJSON(p *snapshot.Printer, e *backends.Entry) json.RawMessage {
	var line struct {
		Value json.RawMessage `json:"value"`
	}
	if text, err := p.Append(nil, e); err == nil && json.Unmarshal(text, &line) == nil && line.Value != nil {
		return line.Value
	}
	return json.RawMessage(hexJSON(e.Value))
}

func hexJSON(b []byte) string { return `"hex:` + hex.EncodeToString(b) + `"` }

// readEnumerators reads the states of coordinators. Those of operators that are no sources are passed over.
func (o *offsetsRun) readEnumerators() {
	for _, op := range o.operators {
		if op.Coordinator == nil {
			continue
		}
		c, err := offsets.Enumerator(op.Coordinator.Data)
		switch {
		case err == nil:
			o.enumerators = append(o.enumerators, offsetsEnumeratorOf{operator: op, Coordinator: c})
		case isSource(op):
			o.enumerators = append(o.enumerators, offsetsEnumeratorOf{operator: op, Coordinator: &offsets.Coordinator{}, raw: op.Coordinator.Data})
		}
	}
}

// isSource tells whether an operator is one by its state or, where the file has names, by its name.
func isSource(op *metadata.OperatorState) bool {
	if strings.HasPrefix(op.Name.String(), "Source: ") {
		return true
	}
	for i := range op.Subtasks {
		if hasList(op.Subtasks[i].ManagedOperator, func(s string) bool { return s == "SourceReaderState" }) {
			return true
		}
	}
	return false
}

// showsRaw tells whether list states that nothing is known of are shown: those of what is called a source, of what was asked
// for, and of all operators where no source is known.
func (o *offsetsRun) showsRaw(op *metadata.OperatorState) bool {
	if o.understood(op) {
		return false
	}
	if len(o.opts.operators)+len(o.opts.states) > 0 || isSource(op) {
		return true
	}
	for _, other := range o.operators {
		if o.positions(other) {
			return false
		}
	}
	return true
}

// understood tells whether anything of op was.
func (o *offsetsRun) understood(op *metadata.OperatorState) bool {
	for _, l := range o.lists {
		if l.operator == op && len(l.found.Positions)+len(l.found.Transactions)+len(l.found.Writers) > 0 {
			return true
		}
	}
	return o.positions(op)
}

// positions tells whether op is a source that is known.
func (o *offsetsRun) positions(op *metadata.OperatorState) bool {
	for _, l := range o.lists {
		if l.operator == op && len(l.found.Positions) > 0 {
			return true
		}
	}
	for _, e := range o.enumerators {
		if e.operator == op && e.Connector != "" {
			return true
		}
	}
	return false
}
