package operators

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// IntervalJoinOptions are of IntervalJoin.
type IntervalJoinOptions struct {
	LeftKey, RightKey       []string // whose values are equal in records that belong together
	LeftPrefix, RightPrefix string   // of the columns of the output
	// Lower and Upper bound the time of the right record minus that of the left. Both belong to it, and may be below 0.
	Lower, Upper time.Duration
}

// IntervalJoin joins records of two inputs, the left is input 0, with
//
//	key of left = key of right and time of left + Lower <= time of right <= time of left + Upper
//
// It emits all columns of left, then of right, at the later of both times, as soon as both are there (Flink: IntervalJoinOperator).
// A record whose time is below the watermark is late: it is dropped and counted. All others meet each other: a record is kept in the
// buffer of its side until none that it belongs to can come any more that is not late. A job that resumes with other bounds joins by these; what its
// buffers held by the old ones may then stay there.
func IntervalJoin(left, right *engine.Schema, o IntervalJoinOptions) (*engine.Schema, func() engine.Operator, error) {
	p := &joinPlan{schemas: [2]*engine.Schema{left, right}}
	if err := p.keys(o); err != nil {
		return nil, nil, err
	}
	if err := p.bounds(o); err != nil {
		return nil, nil, err
	}
	for side, name := range []string{"left-buffer", "right-buffer"} {
		list, err := types.ParseSpec("List<" + rowSpec(p.schemas[side]) + ">")
		if err != nil {
			return nil, nil, err
		}
		p.buffers[side] = &backends.Descriptor{Name: name, Kind: backends.Map, MapKey: long, Value: list}
	}
	out := engine.NewSchema(append(prefixed(left.Columns, o.LeftPrefix), prefixed(right.Columns, o.RightPrefix)...)...)
	if err := distinct(out); err != nil {
		return nil, nil, fmt.Errorf("%w: a prefix tells them apart", err)
	}
	return out, func() engine.Operator { return &join{joinPlan: p} }, nil
}

// joinPlan is what all sub-tasks share; by side.
type joinPlan struct {
	schemas [2]*engine.Schema
	from    [2]int64 // the times of the other side that a record belongs to, from its own on
	to      [2]int64
	buffers [2]*backends.Descriptor
}

func (p *joinPlan) keys(o IntervalJoinOptions) error {
	l, err := keyColumns(p.schemas[0], o.LeftKey)
	if err != nil {
		return fmt.Errorf("left: %w", err)
	}
	r, err := keyColumns(p.schemas[1], o.RightKey)
	if err != nil {
		return fmt.Errorf("right: %w", err)
	}
	return sameKinds(p.schemas[0], l, p.schemas[1], r)
}

func (p *joinPlan) bounds(o IntervalJoinOptions) error {
	lower, err := millis(o.Lower, "a lower bound")
	if err != nil {
		return err
	}
	upper, err := millis(o.Upper, "an upper bound")
	if err != nil {
		return err
	}
	if lower > upper {
		return fmt.Errorf("the lower bound %s is above the upper bound %s", o.Lower, o.Upper)
	}
	p.from, p.to = [2]int64{lower, -upper}, [2]int64{upper, -lower}
	return nil
}

// cleanup is when a record of a side can go: records at the watermark are not late, and may still need it.
func (p *joinPlan) cleanup(side int, ts int64) int64 { return ts + max(p.to[side], 0) + 1 }

// cleanupSides are the namespaces of timers, by side.
var cleanupSides = [2][]byte{mustEncode("left"), mustEncode("right")}

func mustEncode(text string) []byte {
	b, err := stringType.Encode(nil, text)
	if err != nil {
		panic(err) // a constant of this package is wrong
	}
	return b
}

type join struct {
	*joinPlan
	context *engine.Context
	states  [2]backends.MapState
	timers  engine.Timers
	late    int64

	matches  []match
	key, row []byte // scratch
}

// match is the records of the other side with one time.
type match struct {
	ts   int64
	rows []any
}

// Open implements engine.Operator.
func (j *join) Open(c *engine.Context) (err error) {
	j.context = c
	for side, d := range j.joinPlan.buffers {
		if j.states[side], err = stateOf[backends.MapState](c, d); err != nil {
			return err
		}
	}
	j.timers, err = c.Timers("cleanup", stringType, j.fire)
	return err
}

// Process implements engine.Operator.
func (j *join) Process(side int, b *engine.Batch, out *engine.Output) error {
	for i := range b.N {
		ts := b.Time(i)
		if ts == engine.NoTime {
			return errNoTime
		}
		if ts < -timeBound || ts > timeBound {
			return fmt.Errorf("a time of %d ms since 1970 is no time to join by", ts)
		}
		if ts < j.timers.CurrentWatermark() {
			j.late++
			continue
		}
		if err := j.context.Keyed.SetCurrentKeyBytes(b.Key(i), b.KeyGroups[i]); err != nil {
			return err
		}
		if err := j.record(side, b, i, ts, out); err != nil {
			return err
		}
	}
	b.Release()
	return nil
}

// record keeps a record, and joins it with those of the other side that are there.
func (j *join) record(side int, b *engine.Batch, i int, ts int64, out *engine.Output) error {
	if err := j.store(side, b, i, ts); err != nil {
		return err
	}
	if err := j.timers.RegisterEventTime(cleanupSides[side], j.cleanup(side, ts)); err != nil {
		return err
	}
	if err := j.find(1-side, ts+j.from[side], ts+j.to[side]); err != nil {
		return err
	}
	for _, m := range j.matches {
		for _, other := range m.rows {
			if err := j.emit(side, b, i, other, max(ts, m.ts), out); err != nil {
				return err
			}
		}
	}
	return nil
}

// store appends a record to those of its time.
func (j *join) store(side int, b *engine.Batch, i int, ts int64) error {
	j.key = binary.BigEndian.AppendUint64(j.key[:0], uint64(ts))
	before, ok, err := j.states[side].GetBytes(j.key)
	if err != nil {
		return err
	}
	n := uint32(0)
	if ok {
		if len(before) < 4 {
			return fmt.Errorf("%w: %d bytes are no list in the state %s", backends.ErrShort, len(before), j.buffers[side].Name)
		}
		n, before = binary.BigEndian.Uint32(before), before[4:]
	}
	if n >= math.MaxInt32 {
		return backends.ErrTooLarge
	}
	j.row = append(binary.BigEndian.AppendUint32(j.row[:0], n+1), before...)
	if j.row, err = appendRow(j.row, b, i); err != nil {
		return err
	}
	return j.states[side].PutBytes(j.key, j.row)
}

// find sets matches to what a side has from one time to another, by time.
func (j *join) find(side int, from, to int64) error {
	j.matches = j.matches[:0]
	for e, err := range j.states[side].Entries() {
		if err != nil {
			return err
		}
		ts, isTime := e.Key.(int64)
		rows, isList := e.Value.([]any)
		if !isTime || !isList {
			return fmt.Errorf("a %T and a %T in the state %s", e.Key, e.Value, j.buffers[side].Name)
		}
		if from <= ts && ts <= to {
			j.matches = append(j.matches, match{ts, rows})
		}
	}
	slices.SortFunc(j.matches, func(a, b match) int { return cmp.Compare(a.ts, b.ts) })
	return nil
}

// emit sends on record i of a side with one of the other side.
func (j *join) emit(side int, b *engine.Batch, i int, other any, ts int64, out *engine.Output) error {
	r, err := recordOf(other, len(j.schemas[1-side].Columns))
	if err != nil {
		return err
	}
	to := out.Batch()
	columns := [2][]engine.Vector{to.Vectors[:len(j.schemas[0].Columns)], to.Vectors[len(j.schemas[0].Columns):]}
	for c := range columns[side] {
		columns[side][c].AppendFrom(j.schemas[side].Columns[c].Kind, &b.Vectors[c], i)
	}
	for c := range columns[1-side] {
		if err := appendField(&columns[1-side][c], j.schemas[1-side].Columns[c].Kind, r.Fields[c]); err != nil {
			return err
		}
	}
	to.AppendTime(ts)
	to.N++
	return nil
}

// fire forgets the records of one time.
func (j *join) fire(t engine.FiredTimer, _ *engine.Output) error {
	side := 0
	if string(t.Namespace) == string(cleanupSides[1]) {
		side = 1
	}
	return j.states[side].Remove(t.Time - j.cleanup(side, 0))
}

// Close implements engine.Operator.
func (j *join) Close() error {
	warnLate(j.context, j.late)
	return nil
}

// warnLate tells of late records, if there were any.
func warnLate(c *engine.Context, n int64) {
	if n > 0 {
		c.Log.Warn("late records were dropped", "records", n)
	}
}
