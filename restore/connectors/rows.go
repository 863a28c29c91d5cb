package connectors

import (
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// rows appends records to a batch, each whole or not at all. The texts of a batch are gathered, and become strings at once.
type rows struct {
	columns []engine.Column
	batch   *engine.Batch
	cells   []cell // of the record at hand
	text    []byte
	kept    int // bytes of text that belong to records in the batch
	spans   []span
}

// cell is one value. Its zero value is null.
type cell struct {
	set      bool
	boolean  bool
	long     int64
	double   float64
	from, to int // in text
}

// span is a string to be.
type span struct{ column, row, from, to int }

func newRows(columns []engine.Column) rows {
	return rows{columns: columns, cells: make([]cell, len(columns))}
}

func (r *rows) begin(b *engine.Batch) {
	r.batch, r.text, r.spans, r.kept = b, r.text[:0], r.spans[:0], 0
	clear(r.cells)
}

// commit appends the record at hand.
func (r *rows) commit() {
	b := r.batch
	for c := range r.cells {
		r.append(&b.Vectors[c], c, &r.cells[c])
	}
	b.N++
	r.kept = len(r.text)
	clear(r.cells)
}

// drop forgets the record at hand.
func (r *rows) drop() {
	r.text = r.text[:r.kept]
	clear(r.cells)
}

func (r *rows) append(v *engine.Vector, c int, x *cell) {
	switch kind := r.columns[c].Kind; {
	case !x.set:
		v.AppendNull(kind)
	case kind == engine.Boolean:
		v.AppendBoolean(x.boolean)
	case kind == engine.Long || kind == engine.Timestamp:
		v.AppendLong(x.long)
	case kind == engine.Double:
		v.AppendDouble(x.double)
	default:
		v.AppendString("") // what it is to be comes at the end
		if x.to > x.from {
			r.spans = append(r.spans, span{c, r.batch.N, x.from, x.to})
		}
	}
}

// end makes the strings.
func (r *rows) end() {
	text := string(r.text[:r.kept])
	for _, s := range r.spans {
		r.batch.Vectors[s.column].Strings[s.row] = text[s.from:s.to]
	}
}
