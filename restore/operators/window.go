package operators

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// Trigger says when a window emits besides its end. Both may be 0.
type Trigger struct {
	Count int64         // after so many records since it emitted
	Every time.Duration // at the multiples of it within the window, in the window's own time; of those that pass at once, once
}

// WindowOptions are of Window.
type WindowOptions struct {
	Key        []string
	Aggregates []Aggregation
	Windows    Windows
	// ProcessingTime is whether windows go by the clock, and not by event time. Those that are open at the end of the input do not emit then,
	// as they have not ended.
	ProcessingTime bool
	// Lateness is how long after its end a window still takes records, and emits again for each. Later ones are dropped and counted.
	Lateness time.Duration
	Trigger  Trigger
}

// Names of the columns that Window adds.
const (
	WindowStart = "window_start"
	WindowEnd   = "window_end"
)

// Window aggregates the records of each key in windows of time, and emits when a window ends: the key columns, WindowStart, WindowEnd and
// the aggregates, at the last millisecond of the window (Flink: WindowOperator).
func Window(in *engine.Schema, o WindowOptions) (*engine.Schema, func() engine.Operator, error) {
	p := &windowPlan{trigger: o.Trigger, processing: o.ProcessingTime}
	var err error
	if p.key, err = keyColumns(in, o.Key); err != nil {
		return nil, nil, err
	}
	if p.accs, err = newAccumulators(o.Aggregates); err != nil {
		return nil, nil, err
	}
	if p.assigner, err = o.Windows.assigner(); err != nil {
		return nil, nil, err
	}
	if p.lateness, err = millis(o.Lateness, "lateness"); err != nil {
		return nil, nil, err
	}
	if p.every, err = millis(o.Trigger.Every, "a trigger"); err != nil {
		return nil, nil, err
	}
	if p.lateness < 0 || p.every < 0 || o.Trigger.Count < 0 || p.processing && p.lateness > 0 {
		return nil, nil, fmt.Errorf("lateness and triggers must not be below zero, and lateness is of event time")
	}
	if err := p.describe(in); err != nil {
		return nil, nil, err
	}
	out, err := outputOf(in, p.key, append([]engine.Column{{Name: WindowStart, Kind: engine.Timestamp}, {Name: WindowEnd, Kind: engine.Timestamp}}, p.accs.columns()...))
	return out, func() engine.Operator { return &window{windowPlan: p, accs: p.accs.fork()} }, err
}

// windowPlan is what all sub-tasks share.
type windowPlan struct {
	key             []int
	kinds           []engine.Kind
	accs            *accumulators
	assigner        assigner
	processing      bool
	lateness, every int64
	trigger         Trigger
	contents, sets  *backends.Descriptor
}

var timeWindow = mustParse("TimeWindow")

// describe makes the descriptors of the state.
func (p *windowPlan) describe(in *engine.Schema) error {
	for _, c := range p.key {
		p.kinds = append(p.kinds, in.Columns[c].Kind)
	}
	var before []string
	if p.trigger.Count > 0 {
		before = []string{"Long"} // the records since the last firing
	}
	typ, err := p.accs.typ(before...)
	p.contents = &backends.Descriptor{Name: "window-contents", Kind: backends.Value, Namespace: timeWindow, Value: typ}
	p.sets = &backends.Descriptor{Name: "merging-window-set", Kind: backends.List, Value: timeWindow}
	return err
}

type window struct {
	*windowPlan
	accs     *accumulators
	context  *engine.Context
	contents backends.ValueState
	sessions backends.ListState // nil but for sessions
	timers   engine.Timers
	late     int64

	spans          []span
	acc, namespace []byte // scratch
}

// Open implements engine.Operator.
func (w *window) Open(c *engine.Context) error {
	w.context = c
	var err error
	if w.contents, err = stateOf[backends.ValueState](c, w.windowPlan.contents); err != nil {
		return err
	}
	if w.assigner.gap > 0 {
		if w.sessions, err = stateOf[backends.ListState](c, w.sets); err != nil {
			return err
		}
	}
	w.timers, err = c.Timers("window-timers", timeWindow, w.fire)
	return err
}

// now is how far the windows' time is.
func (w *window) now() int64 {
	if w.processing {
		return w.context.Now().UnixMilli()
	}
	return w.timers.CurrentWatermark()
}

// passed is the last time of which the timers fire, or have fired. In processing time that is the millisecond that is over.
func (w *window) passed() int64 {
	if w.processing {
		return w.now() - 1
	}
	return w.now()
}

// Process implements engine.Operator.
func (w *window) Process(_ int, b *engine.Batch, out *engine.Output) error {
	if err := w.accs.read(b); err != nil {
		return err
	}
	for i := range b.N {
		if err := w.context.Keyed.SetCurrentKeyBytes(b.Key(i), b.KeyGroups[i]); err != nil {
			return err
		}
		if err := w.record(b, i, out); err != nil {
			return err
		}
	}
	b.Release()
	return nil
}

var errNoTime = errors.New("a record without an event time: the source needs a watermark")

// record puts record i into its windows.
func (w *window) record(b *engine.Batch, i int, out *engine.Output) (err error) {
	ts := b.Time(i)
	if w.processing {
		ts = w.now()
	} else if ts == engine.NoTime {
		return errNoTime
	}
	if w.spans, err = w.assigner.assign(w.spans[:0], ts); err != nil {
		return err
	}
	if w.sessions != nil {
		return w.session(w.spans[0], i, out)
	}
	taken := false
	for _, s := range w.spans {
		if w.isLate(s) {
			continue
		}
		taken = true
		if err := w.into(s, i, out); err != nil {
			return err
		}
	}
	if !taken && w.isLate(span{ts, ts + 1}) { // there may be gaps between windows
		w.late++
	}
	return nil
}

// isLate is whether a window has been cleaned up.
func (w *window) isLate(s span) bool { return !w.processing && s.last()+w.lateness <= w.now() }

// into adds record i to one window.
func (w *window) into(s span, i int, out *engine.Output) error {
	acc, err := w.load(s)
	if err != nil {
		return err
	}
	fresh := acc == nil
	since, accs, err := w.split(acc)
	if err != nil {
		return err
	}
	since++
	if w.acc, err = w.accs.add(w.head(since), accs, i); err != nil {
		return err
	}
	if err := w.prepare(s, fresh); err != nil {
		return err
	}
	return w.settle(s, since, out)
}

// prepare sees to the timers of a window that gets a record. Event time begins anew where a job is resumed: a window that
// had ended may end once more.
func (w *window) prepare(s span, fresh bool) error {
	if fresh {
		return w.arm(s)
	}
	if w.context.Restored < 0 {
		return nil
	}
	return w.armEnd(s)
}

// settle stores w.acc, after it was emitted where the window's trigger says so.
func (w *window) settle(s span, since int64, out *engine.Output) error {
	due := w.trigger.Count > 0 && since >= w.trigger.Count
	if due || !w.processing && s.last() <= w.now() {
		if err := w.emit(s, w.acc[w.headLen():], out); err != nil {
			return err
		}
		since = 0
	}
	if w.trigger.Count > 0 {
		binary.BigEndian.PutUint64(w.acc, uint64(since))
	}
	return w.contents.UpdateBytes(w.acc)
}

// load reads the contents of a window; nil where there are none. The namespace is then the window's.
func (w *window) load(s span) ([]byte, error) {
	w.namespace = s.append(w.namespace[:0])
	if err := w.contents.SetNamespaceBytes(w.namespace); err != nil {
		return nil, err
	}
	return w.contents.Bytes()
}

func (w *window) headLen() int {
	if w.trigger.Count > 0 {
		return 8
	}
	return 0
}

// head begins new contents in w.acc.
func (w *window) head(since int64) []byte {
	if w.trigger.Count > 0 {
		return binary.BigEndian.AppendUint64(w.acc[:0], uint64(since))
	}
	return w.acc[:0]
}

// split takes contents apart; of nil it makes empty ones.
func (w *window) split(acc []byte) (since int64, accs []byte, err error) {
	if acc == nil {
		return 0, w.accs.empty, nil
	}
	n := w.headLen()
	if len(acc) < n {
		return 0, nil, errState
	}
	if n > 0 {
		since = int64(binary.BigEndian.Uint64(acc))
	}
	return since, acc[n:], nil
}

// emit sends a window's result on.
func (w *window) emit(s span, accs []byte, out *engine.Output) error {
	b := out.Batch()
	key, err := w.context.Keyed.CurrentKey()
	if err != nil {
		return err
	}
	if err := appendKey(b, w.kinds, key); err != nil {
		return err
	}
	n := len(w.key)
	b.Vectors[n].AppendLong(s.start)
	b.Vectors[n+1].AppendLong(s.end)
	if err := w.accs.emit(b, n+2, accs); err != nil {
		return err
	}
	b.AppendTime(s.last())
	b.N++
	return nil
}

// appendKey appends a key, as Type.Decode gives it, to the first columns of b.
func appendKey(b *engine.Batch, kinds []engine.Kind, key any) error {
	fields := []any{key}
	if len(kinds) > 1 {
		var ok bool
		if fields, ok = key.([]any); !ok || len(fields) != len(kinds) {
			return fmt.Errorf("a key of type %T for %d columns", key, len(kinds))
		}
	}
	for c, f := range fields {
		if f == nil {
			return fmt.Errorf("a key with a null")
		}
		if err := appendField(&b.Vectors[c], kinds[c], f); err != nil {
			return err
		}
	}
	return nil
}

// Close implements engine.Operator.
func (w *window) Close() error {
	warnLate(w.context, w.late)
	return nil
}
