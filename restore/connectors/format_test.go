package connectors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout/storage"
	"github.com/ckpt-tool/ckpt/restore/engine"
	"pgregory.net/rapid"
)

// allKinds has a column of each type.
var allKinds = []engine.Column{{Name: "b", Kind: engine.Boolean}, {Name: "l", Kind: engine.Long}, {Name: "d", Kind: engine.Double},
	{Name: "s", Kind: engine.String}, {Name: "y", Kind: engine.Bytes}, {Name: "t", Kind: engine.Timestamp}}

// textSource is a source of one text, by the name of a file.
func textSource(name, text string, r Records) *FileSource {
	m := new(storage.Memory)
	m.Put("b", name, []byte(text))
	return &FileSource{URL: "mem://b/" + name, Store: storage.Registry{m.Driver()}.Open, Records: r}
}

// decodeAll reads a text. The error is the first.
func decodeAll(t tb, text string, r Records) (all []string, err error) {
	t.Helper()
	s := textSource("x", text, r)
	reader := openSplit(t, s, discover(t, s)[0], nil, newFakeClock())
	defer reader.Close()
	for {
		b := engine.NewBatch(s.Schema(), 3)
		err := reader.Read(b, 3)
		all = append(all, rowsOf(t, b)...)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

func TestDecode(t *testing.T) {
	columns := func(kinds ...engine.Kind) (cs []engine.Column) {
		for i, k := range kinds {
			cs = append(cs, engine.Column{Name: string(rune('a' + i)), Kind: k})
		}
		return cs
	}
	two := columns(engine.Long, engine.String)
	csv := Format{Kind: CSV}
	for _, c := range []struct {
		name, text, want string // want is the rows, or behind ! what the error says
		r                Records
	}{
		{"lines", "a\n\nb\r\nc", "string:a,string:,string:b,string:c", Records{}},
		{"lines with a mark", "\ufeffa\n\ufeffb", "string:a,string:\ufeffb", Records{}},
		{"only a mark", "\ufeff", "", Records{}},
		{"half a mark", "\xef", "!x: record at byte 0: column line: not UTF-8", Records{}},
		{"no lines", "", "", Records{}},
		{"an empty line", "\n", "string:", Records{}},
		{"not UTF-8", "a\n\xff\n", "!mem://b/x: record at byte 2: column line: not UTF-8", Records{}},
		{"bytes", "a\xff\n", "[]uint8:[97 255]", Records{Columns: columns(engine.Bytes)}},
		{"a long line", strings.Repeat("x", 300_000) + "\ny\n", "string:" + strings.Repeat("x", 300_000) + ",string:y", Records{}},
		{"a line that is too long", strings.Repeat("x", 60) + "\n", "!more than the 50 bytes", Records{MaxRecord: 50}},
		{"a last line that is too long", "y\n" + strings.Repeat("x", 51), "!record at byte 2: it has more than the 50 bytes", Records{MaxRecord: 50}},
		{"a last line that is too long, with a mark", "\ufeff" + strings.Repeat("x", 51), "!more than the 50 bytes", Records{MaxRecord: 50}},
		{"a last line that is too long, with its end", strings.Repeat("x", 51) + "\r\n", "!more than the 50 bytes", Records{MaxRecord: 50, SkipBad: true}},
		{"a last line that may be so long", "\ufeff" + strings.Repeat("x", 50), "string:" + strings.Repeat("x", 50), Records{MaxRecord: 50}},
		{"a line that may be so long", strings.Repeat("x", 50) + "\r\n", "string:" + strings.Repeat("x", 50), Records{MaxRecord: 50}},

		{"csv", "1,x\n2,\"y\"\n", "int64:1|string:x,int64:2|string:y", Records{Format: csv, Columns: two}},
		{"csv nulls", ",\n1,\"\"\n", "<nil>:<nil>|<nil>:<nil>,int64:1|string:", Records{Format: csv, Columns: two}},
		{"csv another null", "\\N,\n1,\\N\n2,\"\\N\"", "<nil>:<nil>|string:,int64:1|<nil>:<nil>,int64:2|string:\\N",
			Records{Format: Format{Kind: CSV, Null: `\N`}, Columns: two}},
		{"csv quotes", "1,\"a\"\"b,\r\nc\"\r\n2,d", "int64:1|string:a\"b,\r\nc,int64:2|string:d", Records{Format: csv, Columns: two}},
		{"csv other characters", "1;'a''b;'\n", "int64:1|string:a'b;", Records{Format: Format{Kind: CSV, Delimiter: ';', Quote: '\''}, Columns: two}},
		{"csv header", "\ufeff\"b\",z,a\nx,?,1\n", "int64:1|string:x", Records{Format: Format{Kind: CSV, Header: true}, Columns: two}},
		{"csv header only", "a,b", "", Records{Format: Format{Kind: CSV, Header: true}, Columns: two}},
		{"csv header lacks", "a,c\n", `!record at byte 0: the header has no column b: it has ["a" "c"]`, Records{Format: Format{Kind: CSV, Header: true}, Columns: two}},
		{"csv header twice", "a,b,a\n", "!column a twice", Records{Format: Format{Kind: CSV, Header: true}, Columns: two}},
		{"csv blank lines", "1,x\n\n2,y\n", "int64:1|string:x,int64:2|string:y", Records{Format: csv, Columns: two}},
		{"csv blank line of one column", "1\n\n2\n", "int64:1,<nil>:<nil>,int64:2", Records{Format: csv, Columns: columns(engine.Long)}},
		{"csv too few", "1\n", "!byte 0: 1 fields, want 2", Records{Format: csv, Columns: two}},
		{"csv too many", "1,2,3\n", "!3 fields, want 2", Records{Format: csv, Columns: two}},
		{"csv open quote", "1,x\n2,\"y\n3,z\n", "!byte 4: a quote that is not closed", Records{Format: csv, Columns: two}},
		{"csv text behind a quote", "1,\"a\"b\n", "!text behind a closing quote", Records{Format: csv, Columns: two}},
		{"csv bare quote", "1,a\"b\n", "!a quote within a field", Records{Format: csv, Columns: two}},
		{"csv wrong number", "1,x\n1.5,y\n", `!record at byte 4: column a: want a whole number of 64 bits, found "1.5"`, Records{Format: csv, Columns: two}},
		{"csv large number", "9223372036854775808,y\n", "!whole number", Records{Format: csv, Columns: two}},
		{"csv kinds", "true,7,1e3,x,aGk=,2026-01-02T03:04:05.678Z\nFALSE,+07,-Infinity,\"\",\"\",-5\n",
			"bool:true|int64:7|float64:1000|string:x|[]uint8:[104 105]|int64:1767323045678,bool:false|int64:7|float64:-Inf|string:|[]uint8:[]|int64:-5",
			Records{Format: csv, Columns: allKinds}},
		{"csv bad boolean", "yes\n", "!want true or false", Records{Format: csv, Columns: columns(engine.Boolean)}},
		{"csv bad double", "0x1p3\n", "!want a number", Records{Format: csv, Columns: columns(engine.Double)}},
		{"csv double too large", "1e999\n", "!range of DOUBLE", Records{Format: csv, Columns: columns(engine.Double)}},
		{"csv bad bytes", "a\n", "!base64", Records{Format: csv, Columns: columns(engine.Bytes)}},
		{"csv not UTF-8", "\xff\n", "!not UTF-8", Records{Format: csv, Columns: columns(engine.String)}},
		{"csv times", "2026-01-02 03:04:05\n2026-01-02\n2026-01-02T04:04:05.5+01:00\n", "int64:1767323045000,int64:1767312000000,int64:1767323045500",
			Records{Format: csv, Columns: columns(engine.Timestamp)}},
		{"csv a fine time", "2026-01-02T03:04:05.0001Z\n", "!whole milliseconds", Records{Format: csv, Columns: columns(engine.Timestamp)}},
		{"csv a very fine time", "2026-01-02T03:04:05.0000000001Z\n", "!whole milliseconds", Records{Format: csv, Columns: columns(engine.Timestamp)}},
		{"csv more decimals than count", "2026-01-02T03:04:05.678000000000Z\n", "int64:1767323045678", Records{Format: csv, Columns: columns(engine.Timestamp)}},
		{"csv no such day", "2026-02-29T03:04:05.000Z\n", "!want a time", Records{Format: csv, Columns: columns(engine.Timestamp)}},
		{"csv no such hour", "2026-02-28T24:00:00.000Z\n", "!want a time", Records{Format: csv, Columns: columns(engine.Timestamp)}},
		{"csv no such month", "2026-13-28T23:00:00.000Z\n", "!want a time", Records{Format: csv, Columns: columns(engine.Timestamp)}},
		{"csv no time", "yesterday\n", "!want a time", Records{Format: csv, Columns: columns(engine.Timestamp)}},

		{"json", `{"a":1,"b":"x"}` + "\n\n " + `{ "b" : "y" , "a" : -0 } ` + "\n{}", "int64:1|string:x,int64:0|string:y,<nil>:<nil>|<nil>:<nil>", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json passes over", `{"z":{"a":[1,"}",{"q":null}],"b":[]},"y":"\"","a":null,"x":-1.5e+3,"w":true,"b":"x","v":{}}`, "<nil>:<nil>|string:x", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json escapes", `{"\u0062":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00","a":1}`, "int64:1|string:\"\\/\b\f\n\r\té😀", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json half a character", `{"b":"\ud83dx"}`, "<nil>:<nil>|string:\xed\xa0\xbdx", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json kinds", `{"b":true,"l":7,"d":1.5e3,"s":"x","y":"aGk=","t":"2026-01-02T03:04:05.678Z"}` + "\n" + `{"b":false,"d":"NaN","y":"","t":-5}`,
			"bool:true|int64:7|float64:1500|string:x|[]uint8:[104 105]|int64:1767323045678,bool:false|<nil>:<nil>|float64:NaN|<nil>:<nil>|[]uint8:[]|int64:-5",
			Records{Format: Format{Kind: JSON}, Columns: allKinds}},
		{"json twice", `{"a":1,"a":2}`, "!column a: it is there twice", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json twice null", `{"a":null,"a":2}`, "!column a: it is there twice", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json string for a number", `{"a":"1"}`, `!column a: byte 5 of the line: want a number, found`, Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json number for a string", `{"b":1}`, "!column b: byte 5 of the line: want a string", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json fraction", `{"a":1.0}`, "!column a: want a whole number", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json leading zero", `{"a":01}`, "!want , or }", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json plus", `{"a":+1}`, "!want a number", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json bad boolean", `{"b":1}`, "!want true or false", Records{Format: Format{Kind: JSON}, Columns: allKinds}},
		{"json double as text", `{"d":"1"}`, "!want a number, not a string", Records{Format: Format{Kind: JSON}, Columns: allKinds}},
		{"json time as text", `{"t":"20260102"}`, "!column t: want a time, or a number that is no string", Records{Format: Format{Kind: JSON}, Columns: allKinds}},
		{"json cut off", `{"a":1`, "!want , or }, and the line ends", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json cut in a string", `{"b":"x`, "!want the end of a string", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json cut in an escape", `{"b":"\`, "!the rest of an escape", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json bad escape", `{"b":"\x"}`, "!want an escape", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json bad hex", `{"b":"\u12g4"}`, "!four hexadecimal digits", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json raw control character", "{\"b\":\"\t\"}", "!want the end of a string", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json not UTF-8", "{\"b\":\"\xff\"}", "!column b: not UTF-8", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json more", `{} {}`, "!want the end of the line", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json array", `[1]`, "!want an object", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json trailing comma", `{"a":1,}`, "!want a string", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json no colon", `{"a" 1}`, "!want a colon", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json bad word", `{"z":nul}`, "!want a number", Records{Format: Format{Kind: JSON}, Columns: two}},
		{"json too deep", `{"z":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}`, "!nested deeper", Records{Format: Format{Kind: JSON}, Columns: two}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := decodeAll(t, c.text, c.r)
			if message, ok := strings.CutPrefix(c.want, "!"); ok {
				var e *RecordError
				if err == nil || !strings.Contains(err.Error(), message) || !errors.As(err, &e) || e.Source != "mem://b/x" {
					t.Errorf("%q, %v", got, err)
				}
				return
			}
			if err != nil || strings.Join(got, ",") != c.want {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// TestSkipBad leaves bad records out, tells of each, and keeps what is good around them.
func TestSkipBad(t *testing.T) {
	var told []string
	r := Records{Format: Format{Kind: JSON}, Columns: []engine.Column{{Name: "s", Kind: engine.String}, {Name: "n", Kind: engine.Long}}, SkipBad: true,
		OnBad: func(err error) { told = append(told, err.Error()) }}
	got, err := decodeAll(t, `{"s":"one","n":1}
{"s":"lost","n":"x"}
{"s":"two","n":2}
?
{"n":3,"s":"three"}
{"s":"lost"`, r)
	if want := "string:one|int64:1,string:two|int64:2,string:three|int64:3"; err != nil || strings.Join(got, ",") != want {
		t.Errorf("%q %v", got, err)
	}
	if len(told) != 3 || !strings.Contains(told[0], "record at byte 18: column n:") || !strings.Contains(told[1], "byte 57: ") {
		t.Errorf("%q", told)
	}
	r.OnBad = nil
	if again, err := decodeAll(t, "?\n", r); len(again) > 0 || err != nil {
		t.Error(again, err)
	}
}

// drawBatch makes records of all kinds, nulls and odd values among them.
func drawBatch(t *rapid.T) *engine.Batch {
	b := engine.NewBatch(engine.NewSchema(allKinds...), 4)
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "\"", ",", "\r", "\n", "\ufeff", "a\r\nb", "null", "\\N", " x ", "\x00", "\xed\xa0\xbd", "'", ";"}))
	double := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), math.Copysign(0, -1), math.MaxFloat64, 5e-324, 1e21, 1e-6}))
	long := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-100, 100))
	when := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-70_000_000_000_000, 300_000_000_000_000), rapid.SampledFrom([]int64{0, firstWritten, firstWritten - 1, lastWritten, lastWritten + 1}))
	for range rapid.IntRange(0, 5).Draw(t, "records") {
		values := []any{rapid.Bool().Draw(t, "b"), long.Draw(t, "l"), double.Draw(t, "d"), text.Draw(t, "s"), rapid.SliceOf(rapid.Byte()).Draw(t, "y"), when.Draw(t, "t")}
		for i := range values {
			if rapid.IntRange(0, 5).Draw(t, "null") == 0 {
				values[i] = nil
			}
		}
		b.Append(engine.NoTime, values...)
	}
	return b
}

// TestRoundTrip reads what sinks write.
func TestRoundTrip(t *testing.T) {
	formats := []Format{{Kind: JSON}, {Kind: CSV}, {Kind: CSV, Header: true, Null: "null"}, {Kind: CSV, Delimiter: ';', Quote: '\'', Null: `\N`}}
	rapid.Check(t, func(t *rapid.T) {
		b, f := drawBatch(t), formats[rapid.IntRange(0, len(formats)-1).Draw(t, "format")]
		for i := range b.N { // CSV has no escapes: a string must be UTF-8
			if s := b.Vectors[3].Strings[i]; f.Kind == CSV && strings.ToValidUTF8(s, "") != s {
				b.Vectors[3].Strings[i] = ""
			}
		}
		e, err := newEncoder(f, b.Schema)
		if err != nil {
			t.Fatal(err)
		}
		text := e.header(nil)
		for i := range b.N {
			text = e.record(text, b, i)
		}
		got, err := decodeAll(t, string(text), Records{Format: f, Columns: allKinds})
		if want := rowsOf(t, b); err != nil || !slices.Equal(got, want) {
			t.Fatalf("%q\n%q\n%q\n%v", text, got, want, err)
		}
		if f.Kind != JSON {
			return
		}
		for line := range strings.Lines(string(text)) {
			if !json.Valid([]byte(line)) {
				t.Fatalf("not JSON: %q", line)
			}
		}
	})
}

// TestSinksRefuse: a text that could not be read as it is is not written, and none of the texts that can be is refused.
func TestSinksRefuse(t *testing.T) {
	dir := t.TempDir()
	s := engine.NewSchema(engine.Column{Name: "y", Kind: engine.Bytes}, engine.Column{Name: "s", Kind: engine.String})
	for _, c := range []struct {
		text      string
		csv, json bool // whether it is written
	}{
		{"", true, true}, {"ä€𝄞\x00\ufffd", true, true}, {"half \xed\xa0\xbd", false, true}, {"\xed\xb0\x80\xed\xa0\x80x", false, true}, {"\xff", false, false},
		{"\xed\xa0", false, false}, {"\xed\xa0\xbdx\x80", false, false}, {"\xe0\x80\x80", false, false},
	} {
		for kind, want := range map[FormatKind]bool{CSV: c.csv, JSON: c.json} {
			files := &FileSink{URL: dir, Store: local.OpenMutable, Format: Format{Kind: kind}}
			printed := &Stdout{Out: io.Discard, Format: files.Format}
			for name, op := range map[string]engine.Operator{"files": files.New(), "stdout": printed.New()} {
				b := engine.NewBatch(s, 1)
				b.Append(engine.NoTime, []byte("\xff"), "before")
				b.Append(engine.NoTime, nil, c.text)
				err := op.Open(&engine.Context{Context: t.Context(), Inputs: []*engine.Schema{s}, State: newOpState(), Log: quiet, Parallelism: 1})
				if err == nil {
					err = op.Process(0, b, nil)
				}
				if want && err != nil || !want && (err == nil || !strings.Contains(err.Error(), "column s: want UTF-8, found ")) {
					t.Errorf("%s, %s: %q: %v", name, kind, c.text, err)
				}
				op.Close()
			}
		}
	}
}

// FuzzJSON holds the decoder against the standard library's.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"s":"x","d":1}`, `{"s":"\ud83d\ude00\u0000","d":-1.5e-3,"z":[{}]}`, `{"d":0.10}`, `{"s":null} `, `{"s":"a","s":"b"}`} {
		f.Add(s)
	}
	columns := []engine.Column{{Name: "s", Kind: engine.String}, {Name: "d", Kind: engine.Double}}
	f.Fuzz(func(t *testing.T, line string) {
		d, r := newJSONDecoder(columns), newRows(columns)
		b := engine.NewBatch(engine.NewSchema(columns...), 1)
		r.begin(b)
		if d.blank([]byte(line)) || d.decode([]byte(line), &r) != nil {
			return
		}
		r.commit()
		r.end()
		var want map[string]any
		if err := json.Unmarshal([]byte(line), &want); err != nil {
			t.Fatalf("%q is accepted: %v", line, err)
		}
		for c, column := range columns {
			w, got := want[column.Name], b.Value(c, 0)
			if s, ok := w.(string); ok && (column.Kind == engine.Double || strings.Contains(s, "\ufffd")) {
				continue // NaN and its like; halves of characters
			}
			if !reflect.DeepEqual(w, got) {
				t.Fatalf("%q: %s is %v, want %v", line, column.Name, got, w)
			}
		}
	})
}

// FuzzCSV frames at any cut as it frames the whole, and never panics.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"1,a\n2,b\n", "\"a\nb\"\n\"c\"\"\n\",d\n", "a\"b\n\"c\"d\n", "\r\n\n\"", "\"\"\"\"\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := newCSVDecoder(&Format{Kind: CSV}, []engine.Column{{Name: "s", Kind: engine.String}})
		record, width, ok := d.frame([]byte(text), false)
		if !ok {
			return
		}
		for cut := range len(text) + 1 {
			r, w, more := d.frame([]byte(text[:cut]), false)
			if more != (cut >= width) || more && (w != width || string(r) != string(record)) {
				t.Fatalf("%q, %d of it: %q %d", text, cut, r, w)
			}
		}
		_ = d.split(record, func(int, []byte, bool) error { return nil })
	})
}

func TestFormatCheck(t *testing.T) {
	x := []engine.Column{{Name: "x", Kind: engine.String}}
	for want, r := range map[string]Records{
		"no columns":                {Format: Format{Kind: JSON}},
		`"x" is there twice`:        {Format: Format{Kind: JSON}, Columns: append(x, x...)},
		"one column":                {Columns: []engine.Column{{Name: "x", Kind: engine.Long}}},
		"are the same":              {Format: Format{Kind: CSV, Delimiter: '"'}, Columns: x},
		"delimiter '\\n'":           {Format: Format{Kind: CSV, Delimiter: '\n'}, Columns: x},
		"quote '\\r'":               {Format: Format{Kind: CSV, Quote: '\r'}, Columns: x},
		"null literal":              {Format: Format{Kind: CSV, Null: "a,b"}, Columns: x},
		"records of at most -1 byt": {MaxRecord: -1},
	} {
		s := &FileSource{URL: "x", Records: r}
		if err := s.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for _, k := range []FormatKind{Lines, JSON, CSV} {
		if got, err := ParseFormatKind(strings.ToUpper(k.String())); got != k || err != nil {
			t.Error(k, err)
		}
	}
	if _, err := ParseFormatKind("xml"); err == nil {
		t.Error("xml")
	}
	if _, err := newEncoder(Format{}, engine.NewSchema(x...)); err == nil {
		t.Error("a sink of lines")
	}
}

func BenchmarkJSON(b *testing.B) {
	line := `{"user":"key-00012345","amount":12.75,"count":17,"time":"2026-01-02T03:04:05.678Z"}` + "\n"
	columns := []engine.Column{{Name: "user", Kind: engine.String}, {Name: "amount", Kind: engine.Double}, {Name: "count", Kind: engine.Long}, {Name: "time", Kind: engine.Timestamp}}
	benchmarkDecode(b, line, Records{Format: Format{Kind: JSON}, Columns: columns})
}

func BenchmarkCSV(b *testing.B) {
	benchmarkDecode(b, "key-00012345,12.75,17,1767323045678\n", Records{Format: Format{Kind: CSV}, Columns: []engine.Column{{Name: "user", Kind: engine.String},
		{Name: "amount", Kind: engine.Double}, {Name: "count", Kind: engine.Long}, {Name: "time", Kind: engine.Timestamp}}})
}

func BenchmarkLines(b *testing.B) { benchmarkDecode(b, strings.Repeat("x", 60)+"\n", Records{}) }

func benchmarkDecode(b *testing.B, line string, r Records) {
	s := textSource("x", strings.Repeat(line, 10_000), r)
	splits, err := s.Discover(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(line)) * 10_000)
	batch := engine.NewBatch(s.Schema(), 512)
	for b.Loop() {
		reader, err := s.Open(b.Context(), splits[0], nil, engine.SourceContext{})
		if err != nil {
			b.Fatal(err)
		}
		records := 0
		for {
			for i := range batch.Vectors {
				v := &batch.Vectors[i]
				v.Longs, v.Doubles, v.Strings, v.Nulls = v.Longs[:0], v.Doubles[:0], v.Strings[:0], nil
			}
			batch.N = 0
			err := reader.Read(batch, 512)
			records += batch.N
			if err != nil {
				break
			}
		}
		if records != 10_000 {
			b.Fatal(fmt.Sprint(records, err))
		}
	}
	b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mrecords/s")
}
