package types

import (
	"fmt"
	"math"
	"strings"

	"github.com/ckpt-tool/ckpt/backends"
)

// Form is how values of a type stand in a table with typed columns, and in the JSON that they are read from.
type Form uint8

// The forms.
const (
	AnyForm      Form = iota // any JSON: maps, unions, what only the job knows
	BoolForm                 // true, false
	IntForm                  // a number of Bits
	FloatForm                // a number of Bits, or "NaN", "Infinity", "-Infinity"
	TextForm                 // a string
	BytesForm                // "hex:…"
	DecimalForm              // a string: a number with up to Precision digits, Scale of them behind the point
	DateForm                 // "2024-02-29"
	TimeForm                 // "23:59:58.5", with Precision digits of a second
	DateTimeForm             // "2024-02-29T23:59:58.5", in no zone, with Precision digits of a second
	InstantForm              // "2024-02-29T23:59:58.5Z", with Precision digits of a second
	WindowForm               // "[start,end)", each in milliseconds since 1970
	ListForm                 // an array of Element
	TupleForm                // an array with an element for each of Fields
	ObjectForm               // an object with Fields as its members
	RowForm                  // an object with rowKind, and fields: an array with an element for each of Fields
)

// Shape is what a type looks like in a table. Any value may be null, whatever its form.
type Shape struct {
	Form             Form
	Bits             int
	Precision, Scale int32
	Element          *Shape
	Fields           []ShapeField
	// Open is whether an object may have members besides Fields: those of a subclass.
	Open bool
}

// ShapeField is a field of a shape.
type ShapeField struct {
	Name string
	Shape
}

// The digits of a second.
const (
	millis = 3
	nanos  = 9
)

// leafShapes are the shapes of types that hold no others, by their names.
var leafShapes = map[string]Shape{
	"Boolean": {Form: BoolForm}, "Byte": {Form: IntForm, Bits: 8}, "Short": {Form: IntForm, Bits: 16}, "Integer": {Form: IntForm, Bits: 32},
	"Long": {Form: IntForm, Bits: 64}, "Float": {Form: FloatForm, Bits: 32}, "Double": {Form: FloatForm, Bits: 64}, "Character": {Form: TextForm},
	"String": {Form: TextForm}, "BigInteger": {Form: TextForm}, "BigDecimal": {Form: TextForm}, "Bytes": {Form: BytesForm},
	"Date": {Form: InstantForm, Precision: millis}, "SqlDate": {Form: InstantForm, Precision: millis}, "SqlTime": {Form: InstantForm, Precision: millis},
	"Timestamp": {Form: InstantForm, Precision: nanos}, "Instant": {Form: InstantForm, Precision: nanos}, "LocalDate": {Form: DateForm},
	"LocalTime": {Form: TimeForm, Precision: nanos}, "LocalDateTime": {Form: DateTimeForm, Precision: nanos}, "TimeWindow": {Form: WindowForm},
	"GlobalWindow": {Form: TextForm}, "DATE": {Form: DateForm}, "TIME": {Form: TimeForm, Precision: millis},
}

// ShapeOf is the shape of the values of a type.
func ShapeOf(t backends.Type) Shape { return shapeOf(t, 0) }

func shapeOf(t backends.Type, depth int) Shape {
	if t == nil || depth > maxDepth {
		return Shape{}
	}
	switch t := t.(type) {
	case *renamed:
		return shapeOf(t.Type, depth+1)
	case *nullable:
		return shapeOf(t.inner, depth+1)
	case *enum:
		return Shape{Form: TextForm}
	case *List:
		return listShape(t.element, depth)
	case *sequence:
		return listShape(t.element, depth)
	case *RowData:
		return rowShape(t.row, depth)
	case *Row:
		s := Shape{Form: RowForm}
		for i, f := range t.Fields {
			s.Fields = append(s.Fields, ShapeField{fmt.Sprintf("f%d", i), shapeOf(f, depth+1)})
		}
		return s
	case *product:
		return productShape(t, depth)
	case *Pojo:
		return Shape{Form: ObjectForm, Fields: partShapes(t.parts, depth), Open: true}
	case *decimalData:
		return t.column.shape(depth + 1)
	}
	return leafShape(t.String())
}

func leafShape(name string) Shape {
	if s, ok := leafShapes[name]; ok {
		return s
	}
	for prefix, form := range map[string]Form{"TIMESTAMP(": DateTimeForm, "TIMESTAMP_LTZ(": InstantForm} {
		var precision int32
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			if _, err := fmt.Sscanf(rest, "%d)", &precision); err == nil {
				return Shape{Form: form, Precision: precision}
			}
		}
	}
	return Shape{}
}

func listShape(element backends.Type, depth int) Shape {
	s := shapeOf(element, depth+1)
	return Shape{Form: ListForm, Element: &s}
}

func productShape(t *product, depth int) Shape {
	form := TupleForm
	if t.objects {
		form = ObjectForm
	}
	return Shape{Form: form, Fields: partShapes(t.parts, depth)}
}

func partShapes(parts []part, depth int) []ShapeField {
	fields := make([]ShapeField, len(parts))
	for i, p := range parts {
		name := p.name
		if name == "" {
			name = fmt.Sprintf("f%d", i)
		}
		fields[i] = ShapeField{name, shapeOf(p.t, depth+1)}
	}
	return fields
}

func rowShape(l *layout, depth int) Shape {
	s := Shape{Form: RowForm}
	for i, c := range l.columns {
		name := fmt.Sprintf("f%d", i)
		if i < len(l.names) {
			name = l.names[i]
		}
		s.Fields = append(s.Fields, ShapeField{name, c.shape(depth + 1)})
	}
	return s
}

// columnShapes are the shapes of types of SQL that hold no others and have no precision.
var columnShapes = map[sqlKind]Shape{
	sqlBoolean: {Form: BoolForm}, sqlTinyInt: {Form: IntForm, Bits: 8}, sqlSmallInt: {Form: IntForm, Bits: 16}, sqlInt: {Form: IntForm, Bits: 32},
	sqlBigInt: {Form: IntForm, Bits: 64}, sqlFloat: {Form: FloatForm, Bits: 32}, sqlDouble: {Form: FloatForm, Bits: 64},
	sqlDate: {Form: DateForm}, sqlTime: {Form: TimeForm, Precision: millis}, sqlString: {Form: TextForm}, sqlBinary: {Form: BytesForm},
}

func (c *column) shape(depth int) Shape {
	if depth > maxDepth {
		return Shape{}
	}
	switch c.kind {
	case sqlTimestamp:
		return Shape{Form: DateTimeForm, Precision: c.precision}
	case sqlInstant:
		return Shape{Form: InstantForm, Precision: c.precision}
	case sqlDecimal:
		return Shape{Form: DecimalForm, Precision: c.precision, Scale: c.scale}
	case sqlArray:
		s := c.element.shape(depth + 1)
		return Shape{Form: ListForm, Element: &s}
	case sqlRow:
		return rowShape(c.row, depth)
	}
	return columnShapes[c.kind]
}

// Count is a day, a time or a point in time as a number: of DateForm the days since 1970, of TimeForm the units since
// midnight, else the units since 1970. A unit is the second divided by 10^Digits. What has more digits, or does not
// fit, is an error.
func (s *Shape) Count(json []byte) (int64, error) {
	switch s.Form {
	case DateForm:
		d, err := parsed("a date", readDate)(json)
		return d.days(), err
	case TimeForm:
		t, err := parsed("a time", readTime)(json)
		if err != nil {
			return 0, err
		}
		return s.units(int64(t.second()), t.Nano)
	case DateTimeForm:
		d, err := parsed("a date and time", readDateTime)(json)
		if err != nil {
			return 0, err
		}
		i := d.instant()
		return s.units(i.Seconds, i.Nanos)
	case InstantForm:
		i, err := parseInstant(json)
		if err != nil {
			return 0, err
		}
		return s.units(i.Seconds, i.Nanos)
	}
	return 0, wanted("a time", json)
}

// Digits is how finely Count counts: 3, 6 or 9.
func (s *Shape) Digits() int32 { return min((max(s.Precision, 1)+2)/3*3, nanos) }

func (s *Shape) units(seconds int64, ns int32) (int64, error) {
	perSecond, perUnit := int64(1), int64(nanosPerSecond)
	for range s.Digits() {
		perSecond, perUnit = perSecond*10, perUnit/10
	}
	if int64(ns)%perUnit != 0 {
		return 0, fmt.Errorf("a time has more than %d digits of a second", s.Digits())
	}
	n := seconds*perSecond + int64(ns)/perUnit
	if seconds > math.MaxInt64/perSecond-1 || seconds < math.MinInt64/perSecond {
		return 0, fmt.Errorf("a time is too far from 1970 to be told in 10^-%d seconds", s.Digits())
	}
	return n, nil
}
