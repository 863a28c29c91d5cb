package columns

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/parquet-go/parquet-go"
)

func typed(t testing.TB, spec string) backends.Type {
	t.Helper()
	if spec == "" {
		return nil
	}
	typ, err := types.ParseSpec(spec)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

type want struct {
	name string
	cell string // JSON, "" for null
}

var tables = map[string]struct {
	kind                   backends.Kind
	key, ns, mapKey, value string
	ttl                    bool
	entry                  string
	want                   []want
}{
	"a value": {backends.Value, "String", "VoidNamespace", "", "Long", false,
		`{"op":"a","state":"s","kind":"value","kg":7,"key":"ann","value":12}`,
		[]want{{"key_group", "7"}, {"key", `"ann"`}, {"value", "12"}}},
	"a tuple": {backends.Value, "Tuple<String, Long>", "TimeWindow", "", "Tuple<Boolean, List<Long>>", false,
		`{"kg":7,"key":["ann",7],"namespace":"[0,1000)","value":[true,[1,2]]}`,
		[]want{{"key_group", "7"}, {"key.f0", `"ann"`}, {"key.f1", "7"}, {"namespace.start", "0"}, {"namespace.end", "1000"}, {"value.f0", "true"}, {"value.f1", "[1,2]"}}},
	"a POJO": {backends.Value, "Long", "Long", "", "Pojo(com.x.Y){a:Long, b:Nullable<String>}", false,
		`{"kg":7,"key":1,"namespace":"5","value":{"a":1,"b":null}}`,
		[]want{{"key_group", "7"}, {"key", "1"}, {"namespace", "5"}, {"value.a", "1"}, {"value.b", ""}, {"value.@other", ""}}},
	"a subclass": {backends.Value, "Long", "", "", "Pojo(com.x.Y){a:Long}", false,
		`{"kg":7,"key":1,"value":{"@class":"com.x.Z","a":1,"c":[2]}}`,
		[]want{{"key_group", "7"}, {"key", "1"}, {"value.a", "1"}, {"value.@other", `{"@class":"com.x.Z","c":[2]}`}}},
	"null": {backends.Map, "Long", "", "String", "Tuple<Long, Long>", false,
		`{"kg":7,"key":1,"mapKey":"m","value":null}`,
		[]want{{"key_group", "7"}, {"key", "1"}, {"map_key", `"m"`}, {"value.f0", ""}, {"value.f1", ""}}},
	"a row": {backends.Value, "Row<Long>", "", "", "Row<String, Row<Long>>", false,
		`{"kg":7,"key":{"rowKind":"+I","fields":[3]},"value":{"rowKind":"-D","fields":["x",{"rowKind":"+I","fields":[1]}]}}`,
		[]want{{"key_group", "7"}, {"key.rowKind", `"+I"`}, {"key.f0", "3"}, {"value.rowKind", `"-D"`}, {"value.f0", `"x"`}, {"value.f1", `{"rowKind":"+I","fields":[1]}`}}},
	"a list with TTL": {backends.List, "Long", "", "", "TTL<Long>", true,
		`{"kg":7,"key":1,"value":[1,2],"lastAccess":[5,6]}`,
		[]want{{"key_group", "7"}, {"key", "1"}, {"value", "[1,2]"}, {"last_access", "[5,6]"}}},
	"a value with TTL": {backends.Value, "Long", "", "", "TTL<Long>", true,
		`{"kg":7,"key":1,"value":1,"lastAccess":5}`,
		[]want{{"key_group", "7"}, {"key", "1"}, {"value", "1"}, {"last_access", "5"}}},
	"a timer": {backends.Timer, "Long", "TimeWindow", "", "", false,
		`{"kg":7,"key":1,"namespace":"[-5,9223372036854775807)","ts":4102444800005,"service":"x"}`,
		[]want{{"key_group", "7"}, {"key", "1"}, {"namespace.start", "-5"}, {"namespace.end", "9223372036854775807"}, {"ts", "4102444800005"}, {"service", `"x"`}}},
	"operator state": {backends.OperatorList, "", "", "", "Long", false, `{"op":"a","kind":"list","value":3}`, []want{{"value", "3"}}},
	"broadcast":      {backends.Broadcast, "", "", "Long", "String", false, `{"mapKey":3,"value":"x"}`, []want{{"map_key", "3"}, {"value", `"x"`}}},
	"no type":        {backends.Value, "Long", "", "", "", false, `{"kg":1,"key":3,"value":"hex:00"}`, []want{{"key_group", "1"}, {"key", "3"}, {"value", `"hex:00"`}}},
}

func TestTables(t *testing.T) {
	for name, c := range tables {
		st := &backends.State{Name: name, Kind: c.kind, Key: typed(t, c.key), Namespace: typed(t, c.ns), MapKey: typed(t, c.mapKey), Value: typed(t, c.value), TTL: c.ttl}
		table := Of([]*backends.State{st, st})
		cells := make([][]byte, len(table.Columns))
		if err := table.Cells([]byte(c.entry), cells); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []want
		for i := range cells {
			got = append(got, want{table.Columns[i].Name, string(cells[i])})
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v\nnot %v", name, got, c.want)
		}
		var file bytes.Buffer
		p := NewParquet(&file, table, RowGroup, nil)
		if err := errors.Join(p.Add([]byte(c.entry)), p.Close()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if rows := readParquet(t, file.Bytes()); len(rows) != 1 {
			t.Errorf("%s: %v", name, rows)
		}
	}
}

// A value that is not as its type says is refused, not squeezed in.
func TestUnfit(t *testing.T) {
	for spec, value := range map[string]string{
		"Tuple<Long, Long>": `[1]`, "Tuple<Long>": `[1,2]`, "Long": `"x"`, "Integer": `2147483648`, "Byte": `128`, "Boolean": `1`, "Row<Long>": `7`,
		"TimeWindow": `"[1;2)"`, "LocalDate": `"yesterday"`, "Double": `{"a":1}`, "Instant": `"9999-12-31T00:00:00Z"`, "String": `7`, "Bytes": `"00"`,
		"List<Long>": `7`, "List<Integer>": `[1,"x"]`, "Struct{a:Long}": `{"b":1}`,
	} {
		table := Of([]*backends.State{{Kind: backends.Value, Key: typed(t, "Long"), Value: typed(t, spec)}})
		p := NewParquet(io.Discard, table, RowGroup, nil)
		var row *RowError
		if err := p.Add(fmt.Appendf(nil, `{"kg":1,"key":1,"value":%s}`, value)); !errors.As(err, &row) {
			t.Errorf("%s as %s: %v", value, spec, err)
		}
	}
}

// Where sub-tasks have different types, the column is JSON.
func TestDifferentTypes(t *testing.T) {
	state := func(value string) *backends.State {
		return &backends.State{Kind: backends.Value, Key: typed(t, "Long"), Value: typed(t, value)}
	}
	table := Of([]*backends.State{state("Long"), state("Tuple<Long>")})
	if len(table.Columns) != 3 || table.Columns[2].Shape.Form != types.AnyForm || table.Columns[1].Shape.Form != types.IntForm {
		t.Errorf("%+v", table.Columns)
	}
}

// A column of a row may be called as one of ours.
func TestNames(t *testing.T) {
	table := &Table{Columns: []Column{{Name: "a"}, {Name: "a_"}, {Name: "a"}, {Name: "b"}}}
	table.tellApart()
	var names []string
	for _, c := range table.Columns {
		names = append(names, c.Name)
	}
	if got := strings.Join(names, " "); got != "a a_ a__ b" {
		t.Error(got)
	}
}

// readParquet gives all rows of a file.
func readParquet(t *testing.T, file []byte) (all []parquet.Row) {
	t.Helper()
	f, err := parquet.OpenFile(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range f.RowGroups() {
		rows := g.Rows()
		buf := make([]parquet.Row, g.NumRows())
		if n, err := rows.ReadRows(buf); n != len(buf) || err != nil && err != io.EOF {
			t.Fatalf("%d rows: %v", n, err)
		}
		for _, row := range buf {
			all = append(all, row.Clone())
		}
		rows.Close()
	}
	return all
}

// The values of Parquet are those of the entries, by their types.
func TestParquetValues(t *testing.T) {
	for _, c := range []struct {
		spec, value string
		kind        string // logical or physical type of the column
		want        any
	}{
		{"Long", `-9223372036854775808`, "INT(64,true)", int64(math.MinInt64)},
		{"Integer", `-5`, "INT(32,true)", int32(-5)},
		{"Boolean", `true`, "BOOLEAN", true},
		{"Double", `1.5`, "DOUBLE", 1.5},
		{"Double", `"Infinity"`, "DOUBLE", math.Inf(1)},
		{"Float", `1.5`, "FLOAT", float32(1.5)},
		{"String", `"a\"é"`, "STRING", []byte(`a"é`)},
		{"Bytes", `"hex:00ff"`, "BYTE_ARRAY", []byte{0, 255}},
		{"Instant", `"1970-01-01T00:00:01.000000002Z"`, "TIMESTAMP(isAdjustedToUTC=true,unit=NANOS)", int64(1_000_000_002)},
		{"Date", `"1969-12-31T23:59:59.999Z"`, "TIMESTAMP(isAdjustedToUTC=true,unit=MILLIS)", int64(-1)},
		{"LocalDate", `"1970-02-01"`, "DATE", int32(31)},
		{"LocalTime", `"00:00:01"`, "TIME(isAdjustedToUTC=false,unit=NANOS)", int64(1_000_000_000)},
		{"LocalDateTime", `"1970-01-02T00:00:00"`, "TIMESTAMP(isAdjustedToUTC=false,unit=NANOS)", int64(86_400_000_000_000)},
		{"Map<String, Long>", `{"a":1}`, "JSON", []byte(`{"a":1}`)},
		{"BigDecimal", `"1.50"`, "STRING", []byte("1.50")},
	} {
		table := Of([]*backends.State{{Kind: backends.Value, Value: typed(t, c.spec)}})
		var file bytes.Buffer
		p := NewParquet(&file, table, RowGroup, map[string]string{"ckpt.state": "s"})
		entry := `{"kg":0,"value":` + c.value + `}`
		if err := errors.Join(p.Add([]byte(entry)), p.Add([]byte(`{"kg":1,"value":null}`)), p.Close()); err != nil {
			t.Errorf("%s: %v", c.spec, err)
			continue
		}
		f, err := parquet.OpenFile(bytes.NewReader(file.Bytes()), int64(file.Len()))
		if err != nil {
			t.Fatal(err)
		}
		if s, _ := f.Lookup("ckpt.state"); s != "s" {
			t.Errorf("metadata %q", s)
		}
		columns := f.Root().Columns()
		if got := columns[1].Type().String(); columns[0].Name() != "key_group" || got != c.kind {
			t.Errorf("%s: columns %v, of %s", c.spec, columns, got)
		}
		rows := readParquet(t, file.Bytes())
		if got := goValue(rows[0][1]); fmt.Sprintf("%T%v", got, got) != fmt.Sprintf("%T%v", c.want, c.want) {
			t.Errorf("%s %s: %v (%T)", c.spec, c.value, got, got)
		}
		if !rows[1][1].IsNull() {
			t.Errorf("%s: %v for null", c.spec, rows[1][1])
		}
	}
}

func goValue(v parquet.Value) any {
	switch v.Kind() {
	case parquet.Boolean:
		return v.Boolean()
	case parquet.Int32:
		return v.Int32()
	case parquet.Int64:
		return v.Int64()
	case parquet.Float:
		return v.Float()
	case parquet.Double:
		return v.Double()
	}
	return v.ByteArray()
}

func TestParquetLists(t *testing.T) {
	table := Of([]*backends.State{{Kind: backends.List, Key: typed(t, "Long"), Value: typed(t, "Long")}})
	var file bytes.Buffer
	p := NewParquet(&file, table, 30, nil) // several row groups
	lists := []string{`[1,2,3]`, `[]`, `null`, `[null,7]`, `[9]`}
	for i, l := range lists {
		if err := p.Add(fmt.Appendf(nil, `{"kg":%d,"key":1,"value":%s}`, i, l)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := parquet.OpenFile(bytes.NewReader(file.Bytes()), int64(file.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.RowGroups()) < 3 {
		t.Errorf("%d row groups", len(f.RowGroups()))
	}
	var got []string
	for _, row := range readParquet(t, file.Bytes()) {
		got = append(got, listText(row))
	}
	if !slices.Equal(got, lists) {
		t.Errorf("%q", got)
	}
}

// listText is the list in the third column.
func listText(row parquet.Row) string {
	var elements []string
	for _, v := range row {
		if v.Column() != 2 {
			continue
		}
		switch v.DefinitionLevel() {
		case 0:
			return "null"
		case 1:
			return "[]"
		case 2:
			elements = append(elements, "null")
		default:
			elements = append(elements, v.String())
		}
	}
	return "[" + strings.Join(elements, ",") + "]"
}

func TestDecimals(t *testing.T) {
	for _, c := range []struct {
		precision, scale int
		text, want       string
	}{
		{5, 2, `"12.5"`, "1250"}, {5, 2, `"-12.50"`, "-1250"}, {5, 2, `"12.500"`, "1250"}, {5, 2, `"12.505"`, ""}, {5, 2, `"1234.5"`, ""},
		{18, 0, `"123456789012345678"`, "123456789012345678"}, {38, 10, `"-1"`, "ffffffffffffffffffffffffdabf41c00"[1:]}, {38, 0, `"1E5"`, ""},
	} {
		l := decimalLeaf(c.precision, c.scale)
		v, err := l.value([]byte(c.text))
		got := ""
		switch {
		case err != nil:
		case c.precision > 18:
			got = fmt.Sprintf("%x", v.ByteArray())
		case c.precision > 9:
			got = fmt.Sprint(v.Int64())
		default:
			got = fmt.Sprint(v.Int32())
		}
		if got != c.want {
			t.Errorf("%s as DECIMAL(%d, %d): %q, %v", c.text, c.precision, c.scale, got, err)
		}
	}
}

// Any reader of CSV gets back what was written.
func TestCSV(t *testing.T) {
	table := Of([]*backends.State{{Kind: backends.Value, Key: typed(t, "String"), Value: typed(t, "Tuple<String, List<Long>>")}})
	var file bytes.Buffer
	c, err := NewCSV(&file, table)
	if err != nil {
		t.Fatal(err)
	}
	keys := []string{`"plain"`, `"a,b"`, `"say \"hi\""`, `"two\nlines"`, `""`, `" space"`}
	for i, k := range keys {
		if err := c.Add(fmt.Appendf(nil, `{"kg":%d,"key":%s,"value":[null,[1,2]]}`, i, k)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(bytes.NewReader(file.Bytes())).ReadAll()
	if err != nil || len(records) != 1+len(keys) {
		t.Fatalf("%d records, %v", len(records), err)
	}
	if got := strings.Join(records[0], " "); got != "key_group key value.f0 value.f1" {
		t.Error(got)
	}
	for i, want := range []string{"plain", "a,b", `say "hi"`, "two\nlines", "", " space"} {
		if r := records[1+i]; r[0] != fmt.Sprint(i) || r[1] != want || r[2] != "" || r[3] != "[1,2]" {
			t.Errorf("%q", r)
		}
	}
	if !strings.Contains(file.String(), "\n4,\"\",,") {
		t.Errorf("the empty text and null look the same:\n%s", file.String())
	}
}

// Whatever an entry looks like, it is written or refused.
func FuzzEntries(f *testing.F) {
	for _, c := range tables {
		f.Add(c.entry)
	}
	for _, value := range []string{`""`, `"`, `[`, `{}`, `"["`, `"[,)"`, `null`, `{"rowKind":1,"fields":{}}`} {
		f.Add(`{"kg":1,"key":` + value + `,"namespace":` + value + `,"mapKey":` + value + `,"value":` + value + `,"lastAccess":` + value + `}`)
	}
	f.Fuzz(func(t *testing.T, entry string) {
		for name, c := range tables {
			st := &backends.State{Name: name, Kind: c.kind, Key: typed(t, c.key), Namespace: typed(t, c.ns), MapKey: typed(t, c.mapKey), Value: typed(t, c.value), TTL: c.ttl}
			table := Of([]*backends.State{st})
			p := NewParquet(io.Discard, table, RowGroup, nil)
			csv, err := NewCSV(io.Discard, table)
			for _, err := range []error{err, csv.Add([]byte(entry)), p.Add([]byte(entry)), csv.Close(), p.Close()} {
				var row *RowError
				if err != nil && !errors.As(err, &row) {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
	})
}

func BenchmarkParquet(b *testing.B) {
	table := Of([]*backends.State{{Kind: backends.Value, Key: typed(b, "String"), Value: typed(b, "Long")}})
	p := NewParquet(io.Discard, table, RowGroup, nil)
	i := 0
	for b.Loop() {
		i++
		if err := p.Add(fmt.Appendf(nil, `{"op":"a","state":"s","kind":"value","kg":7,"key":"user-%d","value":%d}`, i, i*31)); err != nil {
			b.Fatal(err)
		}
	}
}
