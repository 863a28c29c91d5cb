package columns

import (
	"bytes"
	"io"
	"reflect"

	"github.com/ckpt-tool/ckpt/backends/line"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/parquet-go/parquet-go"
)

// RowGroup is about how many bytes of JSON make a row group of a Parquet file, which is held in memory, encoded, until it
// is whole.
const RowGroup = 64 << 20

// Parquet writes a table as a Parquet file. All columns are optional.
type Parquet struct {
	w        *parquet.GenericWriter[any]
	table    *Table
	leaves   []leaf
	lists    []bool
	cells    [][]byte
	row      parquet.Row
	rowGroup int64
	held     int64
}

// NewParquet begins a file. A row group ends after about rowGroup bytes of JSON. metadata goes into the file.
func NewParquet(w io.Writer, t *Table, rowGroup int64, metadata map[string]string) *Parquet {
	p := &Parquet{table: t, cells: make([][]byte, len(t.Columns)), rowGroup: rowGroup}
	root := &ordered{Group: parquet.Group{}}
	for i := range t.Columns {
		c := &t.Columns[i]
		shape, list := &c.Shape, c.Shape.Form == types.ListForm
		if list {
			shape = shape.Element
			if shape.Form == types.ListForm {
				shape = &types.Shape{} // JSON: Parquet's lists of lists are more than most readers take
			}
		}
		l := leafOf(shape, c.Millis)
		node := parquet.Optional(l.node)
		if list {
			node = parquet.Optional(parquet.List(node))
		}
		p.leaves, p.lists = append(p.leaves, l), append(p.lists, list)
		root.Group[c.Name] = node
		root.fields = append(root.fields, field{node, c.Name})
	}
	options := []parquet.WriterOption{parquet.NewSchema("entry", root), parquet.Compression(&parquet.Zstd)}
	for k, v := range metadata {
		options = append(options, parquet.KeyValueMetadata(k, v))
	}
	p.w = parquet.NewGenericWriter[any](w, options...)
	return p
}

// ordered is a group whose fields stay in their order.
type ordered struct {
	parquet.Group
	fields []parquet.Field
}

// Fields implements parquet.Node.
func (o *ordered) Fields() []parquet.Field { return o.fields }

// field is a field of ordered.
type field struct {
	parquet.Node
	name string
}

// Name implements parquet.Field.
func (f field) Name() string { return f.name }

// Value implements parquet.Field. Rows are written without it.
func (f field) Value(base reflect.Value) reflect.Value { return base.MapIndex(reflect.ValueOf(f.name)) }

// Add writes an entry. An error that is *RowError leaves it out, and nothing else.
func (p *Parquet) Add(entry []byte) error {
	if err := p.table.Cells(entry, p.cells); err != nil {
		return &RowError{err}
	}
	p.row = p.row[:0]
	for i := range p.cells {
		if err := p.column(i); err != nil {
			return &RowError{&columnError{p.table.Columns[i].Name, err}}
		}
	}
	if _, err := p.w.WriteRows([]parquet.Row{p.row}); err != nil {
		return err
	}
	if p.held += int64(len(entry)); p.held < p.rowGroup {
		return nil
	}
	p.held = 0
	return p.w.Flush()
}

// column appends the values of one column: with the levels of an optional value, or of an optional list of
// optional elements.
func (p *Parquet) column(i int) error {
	cell := p.cells[i]
	switch {
	case cell == nil:
		p.row = append(p.row, parquet.NullValue().Level(0, 0, i))
		return nil
	case p.lists[i]:
		return p.list(i, cell)
	}
	v, err := p.leaves[i].value(cell)
	p.row = append(p.row, v.Level(0, 1, i))
	return err
}

func (p *Parquet) list(i int, cell []byte) error {
	if !bytes.HasPrefix(cell, []byte{'['}) {
		return unfit(cell)
	}
	repetition := 0
	for e := range line.Elements(cell) {
		if isNull(e) {
			p.row = append(p.row, parquet.NullValue().Level(repetition, 2, i))
		} else {
			v, err := p.leaves[i].value(e)
			if err != nil {
				return err
			}
			p.row = append(p.row, v.Level(repetition, 3, i))
		}
		repetition = 1
	}
	if repetition == 0 {
		p.row = append(p.row, parquet.NullValue().Level(0, 1, i))
	}
	return nil
}

// Close ends the file. It does not close the writer below.
func (p *Parquet) Close() error { return p.w.Close() }

type columnError struct {
	column string
	err    error
}

// Error implements error.
func (e *columnError) Error() string { return e.column + ": " + e.err.Error() }

// Unwrap gives what is wrong.
func (e *columnError) Unwrap() error { return e.err }
