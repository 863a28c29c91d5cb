package types

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

// text is a shape in short.
func (s Shape) text() string {
	names := [...]string{"any", "bool", "int", "float", "text", "bytes", "decimal", "date", "time", "datetime", "instant", "window", "list", "tuple", "object", "row"}
	b := names[s.Form]
	if s.Bits > 0 {
		b += fmt.Sprint(s.Bits)
	}
	if s.Precision > 0 || s.Scale > 0 {
		b += fmt.Sprintf("(%d,%d)", s.Precision, s.Scale)
	}
	if s.Element != nil {
		b += "<" + s.Element.text() + ">"
	}
	var fields []string
	for _, f := range s.Fields {
		fields = append(fields, f.Name+":"+f.text())
	}
	if len(fields) > 0 {
		b += "{" + strings.Join(fields, " ") + "}"
	}
	if s.Open {
		b += "+"
	}
	return b
}

func TestShapes(t *testing.T) {
	for spec, want := range map[string]string{
		"Boolean": "bool", "Byte": "int8", "Short": "int16", "Integer": "int32", "Long": "int64", "Float": "float32", "Double": "float64",
		"Character": "text", "String": "text", "BigDecimal": "text", "BigInteger": "text", "Bytes": "bytes", "Date": "instant(3,0)",
		"Instant": "instant(9,0)", "LocalDate": "date", "LocalTime": "time(9,0)", "LocalDateTime": "datetime(9,0)", "TimeWindow": "window",
		"List<Long>": "list<int64>", "Set<String>": "list<text>", "Array<Tuple<Long>>": "list<tuple{f0:int64}>", "Map<Long, Long>": "any",
		"Nullable<Long>": "int64", "PaddedNullable<Long>": "int64", "Enum(A, B)": "text", "Either<Long, String>": "any",
		"Tuple<Long, List<String>>": "tuple{f0:int64 f1:list<text>}", "Struct{a:Long, b:Tuple<Long>}": "object{a:int64 b:tuple{f0:int64}}",
		"Row<Long, String>": "row{f0:int64 f1:text}", "Pojo(com.x.Y){a:Long, b:Double}": "object{a:int64 b:float64}+", "Opaque": "any",
	} {
		typ, err := ParseSpec(spec)
		if err != nil {
			t.Errorf("%s: %v", spec, err)
			continue
		}
		if got := ShapeOf(typ).text(); got != want {
			t.Errorf("%s: %s, not %s", spec, got, want)
		}
	}
	if got := ShapeOf(nil).text(); got != "any" {
		t.Error(got)
	}
}

func TestColumnShapes(t *testing.T) {
	row := newLayout([]*column{
		{kind: sqlBigInt}, {kind: sqlDecimal, precision: 10, scale: 2}, {kind: sqlTimestamp, precision: 6}, {kind: sqlInstant, precision: 3},
		{kind: sqlArray, element: &column{kind: sqlInt}}, {kind: sqlMap, key: &column{kind: sqlInt}, element: &column{kind: sqlInt}}, {kind: sqlRaw},
		{kind: sqlRow, row: newLayout([]*column{{kind: sqlString}}, []string{"name"})}, {kind: sqlDate}, {kind: sqlTime}, {kind: sqlBinary},
	}, nil)
	want := "row{f0:int64 f1:decimal(10,2) f2:datetime(6,0) f3:instant(3,0) f4:list<int32> f5:any f6:any f7:row{name:text} f8:date f9:time(3,0) f10:bytes}"
	if got := ShapeOf(&RowData{row: row}).text(); got != want {
		t.Error(got)
	}
	for name, want := range map[string]string{"TIMESTAMP(3)": "datetime(3,0)", "TIMESTAMP_LTZ(9)": "instant(9,0)", "TIMESTAMP(x)": "any", "com.x.Long": "any"} {
		if got := leafShape(name).text(); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestCount(t *testing.T) {
	for _, c := range []struct {
		form   Form
		digits int32
		json   string
		want   int64
		fails  bool
	}{
		{DateForm, 0, `"1970-01-01"`, 0, false},
		{DateForm, 0, `"1969-12-31"`, -1, false},
		{DateForm, 0, `"yesterday"`, 0, true},
		{TimeForm, 3, `"00:00:01.5"`, 1500, false},
		{TimeForm, 9, `"00:00:01.5"`, 1_500_000_000, false},
		{TimeForm, 3, `"00:00:01.0005"`, 0, true},
		{DateTimeForm, 6, `"1970-01-01T00:00:01.000001"`, 1_000_001, false},
		{InstantForm, 3, `"1969-12-31T23:59:59.999Z"`, -1, false},
		{InstantForm, 9, `"1969-12-31T23:59:59.999999999Z"`, -1, false},
		{InstantForm, 9, `"2262-04-11T23:47:15Z"`, 9223372035_000_000_000, false},
		{InstantForm, 9, `"2262-04-12T00:00:00Z"`, 0, true},
		{InstantForm, 9, `"1600-01-01T00:00:00Z"`, 0, true},
		{InstantForm, 3, `"9999-12-31T00:00:00Z"`, 253402214400000, false},
		{InstantForm, 3, `7`, 0, true},
		{TextForm, 0, `"x"`, 0, true},
	} {
		s := Shape{Form: c.form, Precision: c.digits}
		if got, err := s.Count([]byte(c.json)); (err != nil) != c.fails || err == nil && got != c.want {
			t.Errorf("%d of %s: %d, %v", c.form, c.json, got, err)
		}
	}
	for precision, want := range map[int32]int32{0: 3, 1: 3, 3: 3, 4: 6, 6: 6, 7: 9, 9: 9, math.MaxInt32 / 2: 9} {
		if got := (&Shape{Precision: precision}).Digits(); got != want {
			t.Errorf("%d: %d", precision, got)
		}
	}
}
