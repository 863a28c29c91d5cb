package engine

import (
	"fmt"
	"math"
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
		if equalFold(name, s) {
			return Kind(i), nil
		}
	}
	return 0, fmt.Errorf("column type %q: want one of %v", s, kindNames)
}

func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i]|0x20 != b[i]|0x20 {
			return false
		}
	}
	return true
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

// Vector is the values of one column. Which of the slices has them is by the column's Kind. Nulls is nil where no value
// is null; where one is, the slot holds the zero value.
type Vector struct {
	Bools   []bool
	Longs   []int64 // of Long and Timestamp
	Doubles []float64
	Strings []string // of String and Bytes
	Nulls   []bool
}

// NewBatch makes an empty batch with room for n records.
func NewBatch(s *Schema, n int) *Batch {
	b := &Batch{Schema: s, Vectors: make([]Vector, len(s.Columns))}
	for i := range b.Vectors {
		b.Vectors[i].grow(s.Columns[i].Kind, n)
	}
	return b
}

func (v *Vector) grow(k Kind, n int) {
	switch k {
	case Boolean:
		v.Bools = make([]bool, 0, n)
	case Long, Timestamp:
		v.Longs = make([]int64, 0, n)
	case Double:
		v.Doubles = make([]float64, 0, n)
	default:
		v.Strings = make([]string, 0, n)
	}
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
func (b *Batch) Null(column, i int) bool {
	n := b.Vectors[column].Nulls
	return n != nil && n[i]
}

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
	b.appendTime(time)
	b.N++
}

func (b *Batch) appendTime(time int64) {
	if b.Times == nil {
		if time == NoTime {
			return
		}
		b.Times = make([]int64, b.N, max(b.N+1, 16))
		for i := range b.Times {
			b.Times[i] = NoTime
		}
	}
	b.Times = append(b.Times, time)
}

func (b *Batch) appendValue(column int, value any) {
	v, kind := &b.Vectors[column], b.Schema.Columns[column].Kind
	if value == nil {
		v.appendNull(kind, b.N)
		return
	}
	switch kind {
	case Boolean:
		v.Bools = append(v.Bools, value.(bool))
	case Long, Timestamp:
		if n, ok := value.(int); ok {
			value = int64(n)
		}
		v.Longs = append(v.Longs, value.(int64))
	case Double:
		v.Doubles = append(v.Doubles, value.(float64))
	case Bytes:
		v.Strings = append(v.Strings, string(value.([]byte)))
	default:
		v.Strings = append(v.Strings, value.(string))
	}
	if v.Nulls != nil {
		v.Nulls = append(v.Nulls, false)
	}
}

// appendNull appends a null to a vector of n values.
func (v *Vector) appendNull(k Kind, n int) {
	switch k {
	case Boolean:
		v.Bools = append(v.Bools, false)
	case Long, Timestamp:
		v.Longs = append(v.Longs, 0)
	case Double:
		v.Doubles = append(v.Doubles, 0)
	default:
		v.Strings = append(v.Strings, "")
	}
	if v.Nulls == nil {
		v.Nulls = make([]bool, n, n+1)
	}
	v.Nulls = append(v.Nulls, true)
}

// AppendFrom appends record i of another batch of the same schema, with its time, without its key.
func (b *Batch) AppendFrom(from *Batch, i int) {
	for c := range b.Vectors {
		b.Vectors[c].appendFrom(b.Schema.Columns[c].Kind, b.N, &from.Vectors[c], i)
	}
	b.appendTime(from.Time(i))
	b.N++
}

func (v *Vector) appendFrom(k Kind, n int, from *Vector, i int) {
	if from.Nulls != nil && from.Nulls[i] {
		v.appendNull(k, n)
		return
	}
	switch k {
	case Boolean:
		v.Bools = append(v.Bools, from.Bools[i])
	case Long, Timestamp:
		v.Longs = append(v.Longs, from.Longs[i])
	case Double:
		v.Doubles = append(v.Doubles, from.Doubles[i])
	default:
		v.Strings = append(v.Strings, from.Strings[i])
	}
	if v.Nulls != nil {
		v.Nulls = append(v.Nulls, false)
	}
}
