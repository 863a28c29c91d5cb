package types

import (
	"strings"
)

// sqlKind is how the values of a SQL type lie in binary rows.
type sqlKind uint8

const (
	sqlBoolean sqlKind = iota
	sqlTinyInt
	sqlSmallInt
	sqlInt // and INTERVAL YEAR TO MONTH, which is months
	sqlDate
	sqlTime
	sqlFloat
	sqlBigInt // and INTERVAL DAY TO SECOND, which is milliseconds
	sqlDouble
	sqlTimestamp
	sqlInstant // TIMESTAMP_LTZ
	sqlDecimal
	sqlString // CHAR, VARCHAR
	sqlBinary // BINARY, VARBINARY
	sqlArray
	sqlMap // and MULTISET
	sqlRow // and STRUCTURED
	sqlRaw // and VARIANT: bytes, of which no more is known here
)

// sqlWidths are the bytes of an element of an array. In a row all values have 8.
var sqlWidths = [...]int{sqlBoolean: 1, sqlTinyInt: 1, sqlSmallInt: 2, sqlInt: 4, sqlDate: 4, sqlTime: 4, sqlFloat: 4, sqlBigInt: 8, sqlDouble: 8,
	sqlTimestamp: 8, sqlInstant: 8, sqlDecimal: 8, sqlString: 8, sqlBinary: 8, sqlArray: 8, sqlMap: 8, sqlRow: 8, sqlRaw: 8}

// The greatest values of Flink's types.
const (
	compactDecimal   = 18 // digits that fit into a long
	compactTimestamp = 3  // digits of a second that fit into a long
	maxDecimal       = 38
	maxTimestamp     = 9
)

// column is a type of SQL (Flink: LogicalType). Whether it is NOT NULL does not matter: null occurs all the same.
type column struct {
	kind             sqlKind
	text             string // VARCHAR(5), without the types within
	precision, scale int32
	key, element     *column // of a map and of an array
	row              *layout
	height           int // of the types within, this one included
}

// layout is the columns of a row.
type layout struct {
	columns []*column
	names   []string // of nested rows; else nil
	nulls   int      // bytes of the row kind and the null bits
	fixed   int      // bytes before the variable part
}

func newLayout(columns []*column, names []string) *layout {
	nulls := (len(columns) + 63 + 8) / 64 * 8
	return &layout{columns: columns, names: names, nulls: nulls, fixed: nulls + 8*len(columns)}
}

// String is the type in SQL. A type that holds itself often is cut.
func (c *column) String() string {
	var b strings.Builder
	c.write(&b)
	return b.String()
}

const maxTypeText = 4 << 10

func (c *column) write(b *strings.Builder) {
	if b.Len() > maxTypeText {
		b.WriteString("…")
		return
	}
	b.WriteString(c.text)
	switch c.kind {
	case sqlArray:
		writeTypes(b, nil, c.element)
	case sqlMap:
		if c.text == "MULTISET" {
			writeTypes(b, nil, c.key)
		} else {
			writeTypes(b, nil, c.key, c.element)
		}
	case sqlRow:
		writeTypes(b, c.row.names, c.row.columns...)
	}
}

func writeTypes(b *strings.Builder, names []string, columns ...*column) {
	b.WriteByte('<')
	for i, c := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		if b.Len() > maxTypeText {
			b.WriteString("…")
			break
		}
		if i < len(names) {
			b.WriteString(names[i] + " ")
		}
		c.write(b)
	}
	b.WriteByte('>')
}
