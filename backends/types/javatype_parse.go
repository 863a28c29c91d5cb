package types

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/ckpt-tool/ckpt/metadata/javaobj"
)

// logicalPackage holds the classes of LogicalTypes.
const logicalPackage = "org.apache.flink.table.types.logical."

// maxColumns are the columns of all rows of one type of SQL.
const maxColumns = 1 << 17

// logicalTypes makes columns of the objects of one stream. Each object is read once, however often
// others refer to it.
type logicalTypes struct {
	known   map[*javaobj.Object]*column
	depth   int
	columns int
}

// columnOf makes the column of a LogicalType.
func columnOf(root any) (*column, error) {
	l := &logicalTypes{known: map[*javaobj.Object]*column{}}
	return l.column(root)
}

var errDeepTypes = fmt.Errorf("types of SQL lie more than %d deep within each other", maxDepth)

func (l *logicalTypes) column(v any) (*column, error) {
	o, ok := v.(*javaobj.Object)
	if !ok || o == nil {
		return nil, fmt.Errorf("a type of SQL was expected, not %T", v)
	}
	if c := l.known[o]; c != nil {
		return c, nil
	}
	if l.depth++; l.depth > maxDepth {
		return nil, errDeepTypes
	}
	defer func() { l.depth-- }()
	name, ok := strings.CutPrefix(o.Class.Name, logicalPackage)
	if !ok {
		return nil, fmt.Errorf("a type of SQL was expected, not %s", o.Class.Name)
	}
	c, err := l.named(name, o)
	if err != nil {
		return nil, err
	}
	if c.height = 1 + c.inner(); c.height > maxDepth {
		return nil, errDeepTypes
	}
	l.known[o] = c
	return c, nil
}

// inner is the height of the highest type within c.
func (c *column) inner() int {
	most := 0
	for _, e := range []*column{c.key, c.element} {
		if e != nil {
			most = max(most, e.height)
		}
	}
	if c.row != nil {
		for _, e := range c.row.columns {
			most = max(most, e.height)
		}
	}
	return most
}

// simpleTypes are the types that need no more than their names.
var simpleTypes = map[string]column{
	"BooleanType":            {kind: sqlBoolean, text: "BOOLEAN"},
	"TinyIntType":            {kind: sqlTinyInt, text: "TINYINT"},
	"SmallIntType":           {kind: sqlSmallInt, text: "SMALLINT"},
	"IntType":                {kind: sqlInt, text: "INT"},
	"YearMonthIntervalType":  {kind: sqlInt, text: "INTERVAL YEAR TO MONTH"},
	"DateType":               {kind: sqlDate, text: "DATE"},
	"FloatType":              {kind: sqlFloat, text: "FLOAT"},
	"BigIntType":             {kind: sqlBigInt, text: "BIGINT"},
	"DayTimeIntervalType":    {kind: sqlBigInt, text: "INTERVAL DAY TO SECOND"},
	"DoubleType":             {kind: sqlDouble, text: "DOUBLE"},
	"VariantType":            {kind: sqlRaw, text: "VARIANT"},
	"RawType":                {kind: sqlRaw, text: "RAW"},
	"TypeInformationRawType": {kind: sqlRaw, text: "RAW"},
}

func (l *logicalTypes) named(name string, o *javaobj.Object) (*column, error) {
	if c, ok := simpleTypes[name]; ok {
		return &c, nil
	}
	switch name {
	case "CharType", "VarCharType", "BinaryType", "VarBinaryType":
		return textColumn(name, o)
	case "TimeType", "TimestampType", "LocalZonedTimestampType":
		return timeColumn(name, o)
	case "DecimalType":
		return decimalColumn(o)
	case "ArrayType", "MultisetType", "MapType":
		return l.collection(name, o)
	case "RowType":
		return l.row("ROW", o, "fields")
	case "StructuredType":
		return l.row("STRUCTURED", o, "attributes")
	case "DistinctType":
		return l.column(field(o, "sourceType"))
	}
	return nil, fmt.Errorf("values of the SQL type %s cannot be in state", name)
}

func field(o *javaobj.Object, name string) any {
	v, _ := o.Get(name)
	return v
}

// intField is a field of type int, from 0 to limit.
func intField(o *javaobj.Object, name string, limit int32) (int32, error) {
	v, ok := field(o, name).(int32)
	if !ok || v < 0 || v > limit {
		return 0, fmt.Errorf("%s has an impossible %s: %v", o.Class.Name, name, field(o, name))
	}
	return v, nil
}

func textColumn(name string, o *javaobj.Object) (*column, error) {
	n, err := intField(o, "length", math.MaxInt32)
	c := &column{kind: sqlString, text: strings.ToUpper(strings.TrimSuffix(name, "Type"))}
	if strings.HasSuffix(c.text, "BINARY") {
		c.kind = sqlBinary
	}
	switch {
	case n < math.MaxInt32:
		c.text += "(" + strconv.Itoa(int(n)) + ")"
	case c.kind == sqlString:
		c.text = "STRING"
	default:
		c.text = "BYTES"
	}
	return c, err
}

func timeColumn(name string, o *javaobj.Object) (*column, error) {
	p, err := intField(o, "precision", maxTimestamp)
	c := &column{kind: sqlTime, text: "TIME", precision: p}
	switch name {
	case "TimestampType":
		c.kind, c.text = sqlTimestamp, "TIMESTAMP"
	case "LocalZonedTimestampType":
		c.kind, c.text = sqlInstant, "TIMESTAMP_LTZ"
	}
	c.text += "(" + strconv.Itoa(int(p)) + ")"
	return c, err
}

func decimalColumn(o *javaobj.Object) (*column, error) {
	p, err := intField(o, "precision", maxDecimal)
	if err != nil {
		return nil, err
	}
	s, err := intField(o, "scale", maxDecimal)
	return newDecimal(p, s), err
}

func newDecimal(precision, scale int32) *column {
	return &column{kind: sqlDecimal, text: fmt.Sprintf("DECIMAL(%d, %d)", precision, scale), precision: precision, scale: scale}
}

func (l *logicalTypes) collection(name string, o *javaobj.Object) (c *column, err error) {
	switch name {
	case "ArrayType":
		c = &column{kind: sqlArray, text: "ARRAY"}
		c.element, err = l.column(field(o, "elementType"))
	case "MultisetType":
		c = &column{kind: sqlMap, text: "MULTISET", element: &column{kind: sqlInt, text: "INT"}}
		c.key, err = l.column(field(o, "elementType"))
	default:
		c = &column{kind: sqlMap, text: "MAP"}
		if c.key, err = l.column(field(o, "keyType")); err == nil {
			c.element, err = l.column(field(o, "valueType"))
		}
	}
	return c, err
}

// row reads a ROW or a STRUCTURED type; the attributes of a supertype come first.
func (l *logicalTypes) row(text string, o *javaobj.Object, list string) (*column, error) {
	var columns []*column
	var names []string
	if super := field(o, "superType"); super != nil {
		c, err := l.column(super)
		if err != nil {
			return nil, err
		}
		if c.kind != sqlRow {
			return nil, fmt.Errorf("the supertype of a structured type is %s", c.text)
		}
		columns, names = append(columns, c.row.columns...), append(names, c.row.names...)
	}
	all, ok := javaList(field(o, list))
	if !ok {
		return nil, fmt.Errorf("%s has no list of %s", o.Class.Name, list)
	}
	for _, v := range all {
		f, ok := v.(*javaobj.Object)
		if !ok {
			return nil, fmt.Errorf("%s has a field that is none", o.Class.Name)
		}
		c, err := l.column(field(f, "type"))
		if err != nil {
			return nil, err
		}
		name, _ := field(f, "name").(string)
		columns, names = append(columns, c), append(names, name)
	}
	if l.columns += len(columns); l.columns > maxColumns {
		return nil, fmt.Errorf("a type of SQL has more than %d columns", maxColumns)
	}
	return &column{kind: sqlRow, text: text, row: newLayout(columns, names)}, nil
}

// javaList is the elements of a list of java.util: one that holds another or an array in a field, or that
// writes its elements itself.
func javaList(v any) ([]any, bool) {
	for range maxDepth {
		o, ok := v.(*javaobj.Object)
		if !ok {
			a, ok := v.(*javaobj.Array)
			if !ok {
				return nil, false
			}
			return a.Values, a.Bytes == nil
		}
		if elements, ok := written(o); ok {
			return elements, true
		}
		if o.Class.Name == "java.util.Collections$EmptyList" {
			return nil, true
		}
		v = nil
		for _, name := range []string{"list", "c", "a", "element"} {
			if inner := field(o, name); inner != nil {
				v = inner
				if name == "element" { // Collections.singletonList
					return []any{inner}, true
				}
				break
			}
		}
	}
	return nil, false
}

// written is what the list's class wrote behind its number of elements (ArrayList, LinkedList, List.of).
func written(o *javaobj.Object) ([]any, bool) {
	for _, a := range o.Annotations {
		if len(a.Contents) == 0 {
			continue
		}
		if block, ok := a.Contents[0].(javaobj.Block); ok && len(block) == 4 {
			return a.Contents[1:], true
		}
	}
	return nil, false
}
