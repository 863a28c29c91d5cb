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
		if e.key(b, e.by, i) {
			r = e.rows[string(e.lookup)]
		}
		e.found, e.keep = append(e.found, r), append(e.keep, r != nil)
		n += b2i(r != nil)
	}
	return n
}
