package types

import "math/big"

// Char is a char of Java: one unit of UTF-16, which may be half of a pair.
type Char uint16

// Decimal is a BigDecimal: Unscaled / 10^Scale. It is kept as it is: 1.0 and 1.00 are two values.
type Decimal struct {
	Unscaled *big.Int
	Scale    int32
}

// Pair is an entry of a map.
type Pair struct{ Key, Value any }

// Pairs are the entries of a map, in the order of the bytes.
type Pairs []Pair

// RowKind is what a row does to a table (Flink: RowKind).
type RowKind uint8

// The kinds.
const (
	Insert RowKind = iota
	UpdateBefore
	UpdateAfter
	Delete
)

var rowKinds = [...]string{"+I", "-U", "+U", "-D"}

// String is Flink's short string: "+I".
func (k RowKind) String() string { return rowKinds[k&3] }

// Record is a Row or a RowData.
type Record struct {
	Kind   RowKind
	Fields []any
}

// Object is an object with named fields, in the order of the bytes.
type Object struct {
	Class  string // of Java; "" where only the type knows it
	Fields []Field
}

// Field is a field of an Object.
type Field struct {
	Name  string
	Value any
}

// Get is the value of the named field.
func (o *Object) Get(name string) (any, bool) {
	for _, f := range o.Fields {
		if f.Name == name {
			return f.Value, true
		}
	}
	return nil, false
}

// Symbol is the name of a constant of an enum.
type Symbol string

// Side is a value with the word that tells what it is one of: left or right of Either, one or two of a union,
// some of an option.
type Side struct {
	Name  string
	Value any
}

// Window is the time [Start, End), in milliseconds since 1970 (Flink: TimeWindow).
type Window struct{ Start, End int64 }

// Date is a day of the proleptic Gregorian calendar (Java: LocalDate).
type Date struct {
	Year       int32
	Month, Day int8
}

// Time is a time of day (Java: LocalTime).
type Time struct {
	Hour, Minute, Second int8
	Nano                 int32
}

// DateTime is a day and a time, nowhere in particular (Java: LocalDateTime).
type DateTime struct {
	Date Date
	Time Time
}

// Instant is a point in time: seconds since 1970, and nanoseconds from 0 on (Java: Instant; the dates of
// java.util and java.sql, which are milliseconds).
type Instant struct {
	Seconds int64
	Nanos   int32
}

// Timestamp is java.sql.Timestamp: milliseconds since 1970, and the nanoseconds of the second, which hold
// those of Millis once more.
type Timestamp struct {
	Millis int64
	Nanos  int32
}
