package types

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
)

// avroOf is the type of a schema, through a snapshot of version 1.
func avroOf(schema string) (backends.Type, error) {
	t, _, err := ReadVersioned(avroSnapshot(1, schema), nil)
	return t, err
}

func avroSnapshot(version uint32, texts ...string) []byte {
	b := javaUTF(nil, "org.apache.flink.formats.avro.typeutils.AvroSerializerSnapshot")
	b = binary.BigEndian.AppendUint32(b, version)
	for _, s := range texts {
		b = javaUTF(b, s)
	}
	return b
}

func javaUTF(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

func TestAvroSnapshots(t *testing.T) {
	const schema = `{"type":"enum","name":"E","symbols":["A","B"]}`
	for name, b := range map[string][]byte{"1": avroSnapshot(1, schema), "2": avroSnapshot(2, "x.Class", schema)} {
		typ, n, err := ReadVersioned(append(b, "more"...), nil)
		if err != nil || n != len(b) || typ.String() != "Avro<E>" {
			t.Errorf("version %s: %v, %d of %d: %v", name, typ, n, len(b), err)
			continue
		}
		if out, n, err := typ.AppendJSON(nil, []byte{0, 0, 0, 1}); string(out) != `"B"` || n != 4 || err != nil {
			t.Errorf("version %s: %s, %d, %v", name, out, n, err)
		}
		for i := range b {
			if _, _, err := ReadVersioned(b[:i], nil); !errors.Is(err, backends.ErrShort) {
				t.Errorf("version %s, the first %d bytes: %v", name, i, err)
			}
		}
	}
	for name, b := range map[string][]byte{"version": avroSnapshot(4, schema), "JSON": avroSnapshot(1, "{"), "empty": avroSnapshot(1, "")} {
		if _, _, err := ReadVersioned(b, nil); err == nil || errors.Is(err, backends.ErrShort) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAvroSchemas(t *testing.T) {
	for schema, says := range map[string]string{
		`5`:                                     "expected an Avro schema",
		`"What"`:                                `does not define "What"`,
		`{}`:                                    "expected an Avro type",
		`{"type":"array"}`:                      `without "items"`,
		`["int","int"]`:                         "cannot hold int",
		`["int",["null"]]`:                      "cannot hold union",
		`{"type":"enum"}`:                       "twice",
		`{"type":"fixed","name":"F","size":-1}`: "the size of a fixed",
		`{"type":"enum","name":"E","symbols":[5]}`:                                                            "expected a string",
		`{"type":"record","name":"R","fields":[{"name":"x"}]}`:                                                "a field of an Avro record",
		`{"type":"record","name":"R","fields":[{"name":"x","type":{"type":"enum","name":"R","symbols":[]}}]}`: "twice",
		strings.Repeat(`{"type":"array","items":`, 70) + `"int"` + strings.Repeat("}", 70):                    "64 deep",
	} {
		if typ, err := avroOf(schema); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, %v", schema, typ, err)
		}
	}
}

// TestAvroNames: a name without a dot is in the namespace around it.
func TestAvroNames(t *testing.T) {
	typ, err := avroOf(`{"type":"record","name":"a.b.R","fields":[
		{"name":"x","type":{"type":"record","name":"In","namespace":"c","fields":[{"name":"f","type":{"type":"fixed","name":"F","size":1}},{"name":"g","type":"F"}]}},
		{"name":"y","type":"c.F"},{"name":"z","type":{"type":"enum","name":"E","symbols":["S"]}},{"name":"w","type":"a.b.E"},{"name":"v","type":["null","R"]}]}`)
	if err != nil {
		t.Fatal(err)
	}
	b := append([]byte{1, 2, 3}, make([]byte, 12)...)
	out, n, err := typ.AppendJSON(nil, b)
	if want := `{"x":{"f":"hex:01","g":"hex:02"},"y":"hex:03","z":"S","w":"S","v":null}`; string(out) != want || n != len(b) || err != nil {
		t.Errorf("%s, %d: %v", out, n, err)
	}
}

// TestAvroRefused reads values that there are not, and those that would never end.
func TestAvroRefused(t *testing.T) {
	endless := `{"type":"record","name":"R","fields":[{"name":"x","type":"R"},{"name":"y","type":"R"}]}`
	wide := `{"type":"record","name":"A","fields":[{"name":"a","type":"null"},{"name":"b","type":"null"}]}`
	for range 30 { // 2^30 fields, and no bytes
		wide = `{"type":"record","name":"R` + string(rune('a'+strings.Count(wide, "record")%26)) + strings.Repeat("x", strings.Count(wide, "record")/26) + `","fields":[{"name":"a","type":` +
			wide + `},{"name":"b","type":` + nameOf(wide) + `}]}`
	}
	for name, c := range map[string]struct {
		schema string
		value  []byte
		says   string
	}{
		"endless": {endless, nil, "deep"},
		"wide":    {wide, nil, "too many values"},
		"nulls":   {`{"type":"array","items":"null"}`, []byte{0xff, 0xff, 0xff, 0xff, 7, 0}, "too many values"},
		"count":   {`{"type":"array","items":"null"}`, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 1}, "too long"},
		"branch":  {`["null","int"]`, []byte{0, 0, 0, 2}, "no number 2 of 2"},
		"symbol":  {`{"type":"enum","name":"E","symbols":["A"]}`, []byte{0xff, 0xff, 0xff, 0xff}, "no number -1"},
		"text":    {`"string"`, []byte{0x80, 0, 0, 0}, "-2147483648 bytes"},
		"boolean": {`"boolean"`, []byte{2}, "a boolean is 2"},
	} {
		typ, err := avroOf(c.schema)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if out, _, err := typ.AppendJSON(nil, c.value); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %.100s, %v", name, out, err)
		}
		if _, _, err := typ.Decode(c.value); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s decoded: %v", name, err)
		}
	}
}

// nameOf is the name of a schema's outermost record, in quotes.
func nameOf(schema string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(schema, `{"type":"record","name":`), ",")
	return name
}

func TestAvroUnions(t *testing.T) {
	typ, err := avroOf(`["null","string","int",{"type":"enum","name":"E","symbols":["A"]},"bytes"]`)
	if err != nil {
		t.Fatal(err)
	}
	for json, want := range map[string]any{`null`: nil, `"x"`: Side{"string", "x"}, `"A"`: Side{"E", Symbol("A")}, `5`: Side{"int", int32(5)}, `"hex:05"`: Side{"bytes", []byte{5}}} {
		v, err := typ.FromJSON([]byte(json))
		if b, _ := typ.Encode(nil, v); err != nil || len(b) < 4 {
			t.Errorf("%s: %v", json, err)
		} else if out, _, err := typ.AppendJSON(nil, b); string(out) != json || err != nil {
			t.Errorf("%s is %v, then %s, not %v", json, v, out, want)
		}
	}
	if b, err := typ.Encode(nil, int32(7)); err != nil || !bytes.Equal(b, []byte{0, 0, 0, 2, 0, 0, 0, 7}) {
		t.Errorf("%x, %v", b, err)
	}
	for _, v := range []any{int64(5), Side{"none", nil}, Side{"int", "x"}, Symbol("B")} {
		if b, err := typ.Encode([]byte("x"), v); err == nil || string(b) != "x" {
			t.Errorf("%v: %x", v, b)
		}
	}
	if v, err := typ.FromJSON([]byte(`{}`)); err == nil {
		t.Error(v)
	}
}
