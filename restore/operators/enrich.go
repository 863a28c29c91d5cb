package operators

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// EnrichOptions are of Enrich.
type EnrichOptions struct {
	By     []string // columns of the input
	Key    []string // columns of the table that they equal
	Prefix string   // of the table's columns in the output
	// DropMissing is whether records without one of the table are dropped. Else they get nulls.
	DropMissing bool
}

// Enrich gives each record of input 0 the columns of a record of a table, but for the table's key. The table is input 1, of which each
// sub-task is to have all (a broadcast). Its record for a key is the latest that has come: that of the highest event time, where they
// have one, and of equal ones the last. A null equals nothing. What of the table comes later does not change what was emitted.
//
// The table is the broadcast state "table": from its key to a Row of its columns and the event time.
func Enrich(in, table *engine.Schema, o EnrichOptions) (*engine.Schema, func() engine.Operator, error) {
	p := &enrichPlan{table: table, drop: o.DropMissing, inputs: len(in.Columns)}
	var err error
	if p.by, err = keyColumns(in, o.By); err != nil {
		return nil, nil, err
	}
	if p.key, err = keyColumns(table, o.Key); err != nil {
		return nil, nil, fmt.Errorf("table: %w", err)
	}
	if err := sameKinds(in, p.by, table, p.key); err != nil {
		return nil, nil, err
	}
	if err := p.describe(); err != nil {
		return nil, nil, err
	}
	var others []engine.Column
	for c, column := range table.Columns {
		if !slices.Contains(p.key, c) {
			p.columns = append(p.columns, c)
			others = append(others, column)
		}
	}
	p.output = engine.NewSchema(append(slices.Clone(in.Columns), prefixed(others, o.Prefix)...)...)
	if err := distinct(p.output); err != nil {
		return nil, nil, fmt.Errorf("%w: a prefix of the table tells them apart", err)
	}
	return p.output, func() engine.Operator { return &enrich{enrichPlan: p} }, nil
}

// enrichPlan is what all sub-tasks share.
type enrichPlan struct {
	output, table *engine.Schema
	inputs        int   // columns of the input
	by, key       []int // columns of the input and of the table
	columns       []int // of the table, in the output
	drop          bool
	state         *backends.OperatorDescriptor
}

func (p *enrichPlan) describe() error {
	kinds := make([]engine.Kind, len(p.key))
	for i, c := range p.key {
		kinds[i] = p.table.Columns[c].Kind
	}
	key, err := engine.KeyType(kinds)
	if err != nil {
		return err
	}
	row, err := types.ParseSpec(rowSpec(p.table, "Long"))
	p.state = &backends.OperatorDescriptor{Name: "table", MapKey: key, Value: row}
	return err
}

type enrich struct {
	*enrichPlan
	context *engine.Context
	state   backends.BroadcastState
	rows    map[string]*types.Record // what is in state, by lookup key
	keyless int64

	found  []*types.Record // of the batch at hand; nil where there is none
	keep   []bool
	lookup []byte
}

// Open implements engine.Operator.
func (e *enrich) Open(c *engine.Context) (err error) {
	e.context, e.rows = c, map[string]*types.Record{}
	if e.state, err = c.State.Broadcast(e.enrichPlan.state); err != nil {
		return err
	}
	for entry, err := range e.state.Entries() {
		if err != nil {
			return err
		}
		r, err := recordOf(entry.Value, len(e.table.Columns)+1)
		if err != nil {
			return err
		}
		e.lookup = e.lookup[:0]
		for _, c := range e.key {
			if e.lookup, err = appendLookupField(e.lookup, r.Fields[c]); err != nil {
				return err
			}
		}
		e.rows[string(e.lookup)] = r
	}
	return nil
}

// Process implements engine.Operator.
func (e *enrich) Process(input int, b *engine.Batch, out *engine.Output) error {
	if input == 1 {
		return e.learn(b)
	}
	found := e.find(b)
	if e.drop && found < b.N {
		compact(b, e.keep, found)
		e.found = slices.DeleteFunc(e.found, func(r *types.Record) bool { return r == nil })
	}
	if b.N == 0 {
		b.Release()
		return nil
	}
	return into(e.output, b, out, e.fill)
}

// find sets found and keep for a batch of the input, and counts what it found.
func (e *enrich) find(b *engine.Batch) (n int) {
	e.found, e.keep = e.found[:0], e.keep[:0]
	for i := range b.N {
		var r *types.Record
		if e.lookFor(b, e.by, i) {
			r = e.rows[string(e.lookup)]
		}
		e.found, e.keep = append(e.found, r), append(e.keep, r != nil)
		n += b2i(r != nil)
	}
	return n
}

// lookFor sets lookup to the key of record i in some columns. It is false where one of them is null.
func (e *enrich) lookFor(b *engine.Batch, columns []int, i int) bool {
	e.lookup = e.lookup[:0]
	for _, c := range columns {
		v := &b.Vectors[c]
		if v.Null(i) {
			return false
		}
		switch b.Schema.Columns[c].Kind {
		case engine.Boolean:
			e.lookup = append(e.lookup, byte(b2i(v.Bools[i])))
		case engine.Double:
			e.lookup = appendLookupDouble(e.lookup, v.Doubles[i])
		case engine.String:
			e.lookup = appendLookupText(e.lookup, v.Strings[i])
		default:
			e.lookup = binary.BigEndian.AppendUint64(e.lookup, uint64(v.Longs[i]))
		}
	}
	return true
}

// appendLookupField is lookFor of a value in state.
func appendLookupField(dst []byte, field any) ([]byte, error) {
	switch x := field.(type) {
	case bool:
		return append(dst, byte(b2i(x))), nil
	case int64:
		return binary.BigEndian.AppendUint64(dst, uint64(x)), nil
	case float64:
		return appendLookupDouble(dst, x), nil
	case string:
		return appendLookupText(dst, x), nil
	}
	return nil, fmt.Errorf("a record of the table with a %T in its key", field)
}

// appendLookupDouble takes all NaN for one, as Java does.
func appendLookupDouble(dst []byte, x float64) []byte {
	if math.IsNaN(x) {
		x = math.NaN()
	}
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(x))
}

func appendLookupText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// fill makes the output of the input's columns and what was found.
func (e *enrich) fill(b, to *engine.Batch) error {
	for c := range e.inputs {
		to.Vectors[c], b.Vectors[c] = b.Vectors[c], to.Vectors[c]
	}
	for at, c := range e.columns {
		kind, v := e.table.Columns[c].Kind, &to.Vectors[e.inputs+at]
		for _, r := range e.found {
			if r == nil {
				v.AppendNull(kind)
				continue
			}
			if err := appendField(v, kind, r.Fields[c]); err != nil {
				return err
			}
		}
	}
	return nil
}

// learn puts records into the table.
func (e *enrich) learn(b *engine.Batch) error {
	for i := range b.N {
		if !e.lookFor(b, e.key, i) {
			e.keyless++
			continue
		}
		r := e.recordAt(b, i)
		if before := e.rows[string(e.lookup)]; before != nil && older(r, before) {
			continue
		}
		if err := e.state.Put(e.stateKey(b, i), r); err != nil {
			return err
		}
		e.rows[string(e.lookup)] = r
	}
	b.Release()
	return nil
}

// recordAt is record i as the state has it.
func (e *enrich) recordAt(b *engine.Batch, i int) *types.Record {
	r := &types.Record{Fields: make([]any, len(b.Vectors)+1)}
	for c := range b.Vectors {
		r.Fields[c] = b.Value(c, i)
	}
	if ts := b.Time(i); ts != engine.NoTime {
		r.Fields[len(b.Vectors)] = ts
	}
	return r
}

// stateKey is the key of record i of the table, as Type.Decode gives it.
func (e *enrich) stateKey(b *engine.Batch, i int) any {
	if len(e.key) == 1 {
		return b.Value(e.key[0], i)
	}
	fields := make([]any, len(e.key))
	for at, c := range e.key {
		fields[at] = b.Value(c, i)
	}
	return fields
}

// older tells whether a record of the table is before another in event time, where both have one.
func older(a, b *types.Record) bool {
	one, ok := a.Fields[len(a.Fields)-1].(int64)
	other, too := b.Fields[len(b.Fields)-1].(int64)
	return ok && too && one < other
}

// Close implements engine.Operator.
func (e *enrich) Close() error {
	if e.keyless > 0 {
		e.context.Log.Warn("records of the table have a null in their key, and belong to nothing", "records", e.keyless)
	}
	return nil
}
