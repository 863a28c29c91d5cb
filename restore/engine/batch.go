package engine

import (
	"fmt"
	"math"
	"strings"
)

// Kind is the type of a column.
type Kind uint8

// The types. Behind each: what it is in Go, and what Flink's state has for it.
const (
	Boolean   Kind = iota // bool; Boolean
	Long                  // int64; Long
	Double                // float64; Double
	String                // string; String
	Bytes                 // []byte, kept as string; byte[]
	Timestamp             // int64, milliseconds since 1970; Long
)

var kindNames = [...]string{"BOOLEAN", "BIGINT", "DOUBLE", "STRING", "BYTES", "TIMESTAMP"}

// String is Flink SQL's name of the type.
func (k Kind) String() string { return kindNames[k] }

// ParseKind reads what String gives, in any case of letters.
func ParseKind(s string) (Kind, error) {
	for i, name := range kindNames {
		if strings.EqualFold(name, s) {
			return Kind(i), nil
		}
	}
	return 0, fmt.Errorf("column type %q: want one of %v", s, kindNames)
}

// Column is one column of records.
type Column struct {
	Name string
	Kind Kind
}

// Schema is the columns of a stream. It is immutable.
type Schema struct{ Columns []Column }

// NewSchema makes a schema.
func NewSchema(columns ...Column) *Schema { return &Schema{Columns: columns} }

// Index is the place of the named column, -1 where there is none.
func (s *Schema) Index(name string) int {
	for i := range s.Columns {
		if s.Columns[i].Name == name {
			return i
		}
	}
	return -1
}

// NoTime is the event time of records that have none (Flink: Long.MIN_VALUE).
const NoTime = math.MinInt64

// Batch is some records of one stream, by columns. Who gets a batch owns it and may change it; who has passed it on must
// not touch it any more. Strings may lie in common memory, which is never changed.
type Batch struct {
	Schema  *Schema
	N       int      // records
	Vectors []Vector // one per column
	Times   []int64  // event times; nil where no record has one

	// Of a keyed stream: the encoded key of record i is Keys[KeyEnds[i-1]:KeyEnds[i]], and its key group.
	Keys      []byte
	KeyEnds   []int32
	KeyGroups []int32

	spare []int64 // memory for Times
	home  *pool   // where Release brings it, nil for nowhere
}

// NewBatch makes an empty batch with room for n records.
func NewBatch(s *Schema, n int) *Batch {
	b := &Batch{Schema: s, Vectors: make([]Vector, len(s.Columns))}
	for i := range b.Vectors {
		b.Vectors[i].grow(s.Columns[i].Kind, n)
	}
	return b
}

// Time is the event time of record i, NoTime where it has none.
func (b *Batch) Time(i int) int64 {
	if b.Times == nil {
		return NoTime
	}
	return b.Times[i]
}

// Key is the encoded key of record i of a keyed stream.
func (b *Batch) Key(i int) []byte {
	from := int32(0)
	if i > 0 {
		from = b.KeyEnds[i-1]
	}
	return b.Keys[from:b.KeyEnds[i]:b.KeyEnds[i]]
}

// Null tells whether a value is null.
func (b *Batch) Null(column, i int) bool { return b.Vectors[column].Null(i) }

// Value is a value as Go has it: nil, bool, int64, float64, string or []byte.
func (b *Batch) Value(column, i int) any {
	if b.Null(column, i) {
		return nil
	}
	v := &b.Vectors[column]
	switch b.Schema.Columns[column].Kind {
	case Boolean:
		return v.Bools[i]
	case Long, Timestamp:
		return v.Longs[i]
	case Double:
		return v.Doubles[i]
	case Bytes:
		return []byte(v.Strings[i])
	}
	return v.Strings[i]
}

// Append appends one record, its values as Value gives them (also int), with an event time or NoTime. It panics where a value is not of its
// column's kind: that is a mistake of the program, not of its input.
func (b *Batch) Append(time int64, values ...any) {
	if len(values) != len(b.Vectors) {
		panic(fmt.Sprintf("engine: %d values for %d columns", len(values), len(b.Vectors)))
	}
	for i, v := range values {
		b.appendValue(i, v)
	}
	b.AppendTime(time)
	b.N++
}

func (b *Batch) appendValue(column int, value any) {
	v, kind := &b.Vectors[column], b.Schema.Columns[column].Kind
	if value == nil {
		v.AppendNull(kind)
		return
	}
	switch kind {
	case Boolean:
		v.AppendBoolean(value.(bool))
	case Long, Timestamp:
		if n, ok := value.(int); ok {
			value = int64(n)
		}
		v.AppendLong(value.(int64))
	case Double:
		v.AppendDouble(value.(float64))
	case Bytes:
		v.AppendString(string(value.([]byte)))
	default:
		v.AppendString(value.(string))
	}
}

// AppendFrom appends record i of another batch of the same schema, with its time, without its key.
func (b *Batch) AppendFrom(from *Batch, i int) {
	for c := range b.Vectors {
		b.Vectors[c].AppendFrom(b.Schema.Columns[c].Kind, &from.Vectors[c], i)
	}
	b.AppendTime(from.Time(i))
	b.N++
}

// appendBatch appends all records of another batch of the same schema, without their keys.
func (b *Batch) appendBatch(from *Batch) {
	for c := range b.Vectors {
		b.Vectors[c].AppendAll(b.Schema.Columns[c].Kind, &from.Vectors[c])
	}
	b.AppendTimes(from)
	b.N += from.N
}

// AppendTime appends the event time of a record, or NoTime, where its values are appended column by column. N is then still without it.
func (b *Batch) AppendTime(time int64) {
	if b.Times == nil {
		if time == NoTime {
			return
		}
		b.timed(max(b.N+1, fewTimes))
	}
	b.Times = append(b.Times, time)
}

// fewTimes is how many event times the first one makes room for at least.
const fewTimes = 16

// AppendTimes appends the event times of all records of another batch. N is then still without them.
func (b *Batch) AppendTimes(from *Batch) {
	switch {
	case from.Times != nil:
		b.timed(b.N + from.N)
		b.Times = append(b.Times, from.Times...)
	case b.Times != nil:
		b.Times = appendNoTimes(b.Times, from.N)
	}
}

// timed makes sure that there are event times for the records so far. Where there is no memory for them yet, it is for so many.
func (b *Batch) timed(room int) {
	if b.Times == nil {
		if b.spare == nil {
			b.spare = make([]int64, 0, max(room, b.N))
		}
		b.Times = appendNoTimes(b.spare, b.N)
		b.spare = nil
	}
}

func appendNoTimes(dst []int64, n int) []int64 {
	for range n {
		dst = append(dst, NoTime)
	}
	return dst
}
