package types

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends"
)

// spec is a type by its description.
func spec(tb testing.TB, s string) backends.Type {
	tb.Helper()
	t, err := ParseSpec(s)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// TestValues holds bytes against what they mean, both ways where the bytes are those that Flink writes.
func TestValues(t *testing.T) {
	for _, c := range []struct {
		spec, bytes, json string
		oneWay            bool // another form of the same value
	}{
		{"String", "07 61 00 e901 e5cb01 bdb003 80bc03", `"a\u0000é日😀"`, false},
		{"String", "11" + "48657265206265 20647261676f6e7321", `"Here be dragons!"`, false},
		{"String", "00", "null", false},
		{"String", "02 bdb003", `"\ud83d"`, false},
		{"String", "03 80bc03 bdb003", `"\ude00\ud83d"`, false},
		{"String", "03 bdb003 bdb003", `"\ud83d\ud83d"`, false},
		{"String", "8200 e100", `"a"`, true}, // numbers longer than they need be
		{"BigInteger", "00000006 ff00", `"-256"`, false},
		{"BigInteger", "00000005 00", `"0"`, true},
		{"BigInteger", "00000001", `"0"`, false},
		{"BigInteger", "00000005 0a", `"10"`, true},
		{"BigDecimal", "00000005 83 00000002", `"-1.25"`, false},
		{"BigDecimal", "00000002 00000000", `"1"`, false},
		{"LocalDateTime", "000007e8 02 1d 17 3b 3a 0000007b", `"2024-02-29T23:59:58.000000123"`, false},
		{"LocalDateTime", "80000000 8000 80 8000 80000000", "null", false},
		{"Instant", "ffffffffffffffff 00000005", `"1969-12-31T23:59:59.000000005Z"`, false},
		{"Instant", "8000000000000000 80000000", "null", false},
		{"Timestamp", "00000000000005dc 1dcd6500", `"1970-01-01T00:00:01.500Z"`, false},
		{"Map<String, Long>", "00000002 027a 00 0000000000000007 026b 01", `{"z":7,"k":null}`, false},
		{"Map<Long, String>", "00000001 0000000000000007 00 027a", `[[7,"z"]]`, false},
		{"Set<Integer>", "00000001 00 00000005", "[5]", false},
		{"Either<Integer, String>", "01 00000003", `{"left":3}`, false},
		{"Either<Integer, String>", "00 0272", `{"right":"r"}`, false},
		{"PaddedNullable<Long>", "00 0000000000000003", "3", false},
		{"PaddedNullable<Long>", "01 0000000000000000", "null", false},
		{"Nullable<Long>", "01", "null", false},
		{"Row<Integer, Long, String>", "d0 00000001 0273", `{"rowKind":"-D","fields":[1,null,"s"]}`, false},
		{"OldRow<Integer, Long, String>", "40 00000001 0273", `{"rowKind":"+I","fields":[1,null,"s"]}`, false},
		{"Tuple<String, Integer>", "0271 ffffffff", `["q",-1]`, false},
		{"Strings", "00000002 0261 00", `["a",null]`, false},
		{"Bytes", "00000002 0102", `"hex:0102"`, false},
		{"Bytes(3)", "010203", `"hex:010203"`, false},
		{"Pojo(S$P){a:String, b:Long, c:Double, l:Nullable<List<String>>}", "02 00 0278 00 0000000000000005 01 00 00 00000001 0279",
			`{"a":"x","b":5,"c":null,"l":["y"]}`, false},
		{"Pojo(S$P){a:String}", "01", "null", false},
		{"Union<Long, String>", "02 0261", `{"two":"a"}`, false},
		{"Option<Long>", "00", "null", false},
		{"Option<Long>", "01 0000000000000001", `{"some":1}`, false},
		{"Case(x.Y)<Long, Boolean>", "0000000000000001 01", `{"_1":1,"_2":true}`, false},
		{"Struct{a:Utf, b:Byte}", "0003 c08061 ff", `{"a":"\u0000a","b":-1}`, false},
		{"Enum(A=3, B=-7)", "fffffff9", `"B"`, false},
		{"Timer<Long, VoidNamespace>", "8000000000000005 0000000000000001 00", `{"ts":5,"key":1,"namespace":null}`, false},
		{"TTL<Long>", "0000000000000005 0000000000000001", `{"lastAccess":5,"value":1}`, false},
		{"TimeWindow", "0000000000000005 0000000000000009", `"[5,9)"`, false},
		{"Double", "7ff8000000000000", `"NaN"`, false},
		{"Double", "8000000000000000", "-0.0", false},
		{"Float", "3dcccccd", "0.1", false},
		{"Character", "d83d", `"\ud83d"`, false},
		{"Traversable<Long>", "00000002 01 0000000000000001 00", "[1,null]", false},
		{"Try<Long, String>", "00 0261", `{"failure":"a"}`, false},
		{"Array<String>", "00000002 01 0261 00", `["a",null]`, false},
		{"Tuple<>", "2a", "[]", false},
		{"GlobalWindow", "00", `"GlobalWindow"`, false},
		{"StringValue", "02 61 e901", `"aé"`, false},
		{"Java", "aced0005 74 0007 7365636f6e6430", `"second0"`, false},
		{"Java", "aced0005 70", "null", false},
		{"List<NullValue>", "00000002", "[null,null]", false},
	} {
		typ := spec(t, c.spec)
		b := unhex(t, c.bytes)
		out, n, err := typ.AppendJSON(nil, b)
		if err != nil || n != len(b) || string(out) != c.json {
			t.Errorf("%s %x: %s of %d bytes, not %s (%v)", c.spec, b, out, n, c.json, err)
			continue
		}
		if size, err := typ.Size(b); size != len(b) || err != nil {
			t.Errorf("%s %x: size %d: %v", c.spec, b, size, err)
		}
		if w := typ.Width(); w >= 0 && w != len(b) {
			t.Errorf("%s %x: width %d", c.spec, b, w)
		}
		v, err := typ.FromJSON([]byte(" " + c.json + "\n"))
		if err != nil {
			t.Errorf("%s from %s: %v", c.spec, c.json, err)
			continue
		}
		if again, err := typ.Encode(nil, v); err != nil || bytes.Equal(again, b) == c.oneWay {
			t.Errorf("%s from %s: %x, not %x: %v", c.spec, c.json, again, b, err)
		}
	}
}

// TestWrongBytes holds bytes that are no value of their type.
func TestWrongBytes(t *testing.T) {
	for _, c := range []struct{ spec, bytes, message string }{
		{"Boolean", "02", "a flag is neither 0 nor 1"},
		{"String", "8080808080 01", "the length of a text takes more than 5 bytes"},
		{"String", "ffffffff7f 61", "a text claims to be of 34359738367 characters"},
		{"String", "02 ffff7f", "a character of a text is beyond U+FFFF"},
		{"String", "03 61 ffffff01", "a character of a text is beyond U+FFFF"},
		{"BigInteger", "00000004", "a number claims to be of 0 bytes"},
		{"BigInteger", "ffffffff", "a number claims to be of -5 bytes"},
		{"LocalDate", "000007e7 02 1d", "there is no such date"},
		{"LocalTime", "18 00 00 00000000", "there is no such time of day"},
		{"Instant", "0000000000000000 3b9aca00", "an instant is out of range"},
		{"Timestamp", "0000000000000000 ffffffff", "a timestamp has -1 nanoseconds"},
		{"List<Long>", "ffffffff", "it claims to have -1 elements"},
		{"List<NullValue>", "7fffffff", "it claims to have 2147483391 more elements without bytes"},
		{"Map<NullValue, NullValue>", "00000001 02", "a flag is 2"},
		{"Set<Long>", "00000001 02", "a flag is 2"},
		{"Either<Long, Long>", "02", "it begins with 2, which says nothing"},
		{"Nullable<Long>", "03", "a flag is 3"},
		{"Enum(A, B)", "00000002", "Enum has no constant 2"},
		{"Pojo(x.Y){a:Long}", "03", "an object begins with the flags 0x3"},
		{"Pojo(x.Y){a:Long}", "02 04", "a flag is 4"},
		{"Pojo(x.Y){a:Long}", "08 00", "x.Y has no registered subclass 0"},
		{"Java", "aced0006", "not a Java object stream"},
		{"Java", "aced0005 01", "0x01"},
		{"VoidNamespace", "01", "a byte that is always 0 is 1"},
		{"GlobalWindow", "01", "a byte that is always 0 is not"},
		{"Tuple<>", "00", "a tuple of nothing is 0, not 42"},
		{"PaddedNullable<Long>", "01 0000000000000001", "a null has a byte that is not 0"},
		{"Utf", "0001 80", "a text is not modified UTF-8"},
	} {
		typ := spec(t, c.spec)
		b := append(unhex(t, c.bytes), make([]byte, 16)...)
		_, n, err := typ.Decode(b)
		var wrong *backends.TypeError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), c.message) || n != 0 {
			t.Errorf("%s %s: %d, %v", c.spec, c.bytes, n, err)
		}
		out, _, err := typ.AppendJSON([]byte("x"), b)
		if !errors.As(err, &wrong) || string(out) != "x" {
			t.Errorf("%s %s: JSON %s, %v", c.spec, c.bytes, out, err)
		}
	}
}

// TestCommitState reads the state of a two-phase-commit sink, with and without a transaction that is open.
func TestCommitState(t *testing.T) {
	class := "org.apache.flink.streaming.api.functions.sink.TwoPhaseCommitSinkFunction$StateSerializerSnapshot"
	for _, c := range []struct {
		outer       int32
		body        []byte
		bytes, json string
	}{
		{4, []byte{1}, "00 00000001 0261 0000000000000005 00", `{"pending":null,"commits":[{"transaction":"a","started":5}],"context":null}`},
		{4, []byte{1}, "01 0262 0000000000000006 00000000 01 0000000000000007", `{"pending":{"transaction":"b","started":6},"commits":[],"context":7}`},
		{4, []byte{0}, "0262 0000000000000006 00000000 00", `{"pending":{"transaction":"b","started":6},"commits":[],"context":null}`},
		{3, nil, "0262 0000000000000006 00000000 00", `{"pending":{"transaction":"b","started":6},"commits":[],"context":null}`},
	} {
		typ, _, err := ReadVersioned(compositeSnap(class, c.outer, c.body, simpleSnap(textClass), simpleSnap(longClass)), nil)
		if err != nil {
			t.Fatal(err)
		}
		b := unhex(t, c.bytes)
		out, n, err := typ.AppendJSON(nil, b)
		if err != nil || n != len(b) || string(out) != c.json {
			t.Errorf("version %d: %s of %d bytes, not %s: %v", c.outer, out, n, c.json, err)
		}
		v, err := typ.FromJSON(out)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := typ.Encode(nil, v); err != nil || !bytes.Equal(again, b) {
			t.Errorf("version %d: %x, not %x: %v", c.outer, again, b, err)
		}
	}
}

// TestOffset tells where within a value an error is.
func TestOffset(t *testing.T) {
	typ := spec(t, "Tuple<Long, Map<String, List<Boolean>>>")
	b := unhex(t, "0000000000000000 00000001 0261 00 00000002 01 07")
	for _, read := range []func() error{
		func() error { _, _, err := typ.Decode(b); return err },
		func() error { _, _, err := typ.AppendJSON(nil, b); return err },
	} {
		var wrong *backends.TypeError
		if err := read(); !errors.As(err, &wrong) || wrong.Offset != 20 {
			t.Errorf("%+v", wrong)
		}
	}
}

// TestHash holds the hash codes that Java computes, of the table of the key groups among others.
func TestHash(t *testing.T) {
	for _, c := range []struct {
		spec, json string
		hash       int32
		unknown    bool
	}{
		{"String", `"hello"`, 99162322, false},
		{"String", `"user-42"`, -147182656, false},
		{"String", `"日本"`, 835047, false},
		{"String", `"😀"`, 1772899, false},
		{"Long", "-1", 0, false},
		{"Long", "1099511627776", 256, false},
		{"Tuple<String, Long>", `["a",7]`, 3014, false},
		{"Tuple<String, Long>", `[null,7]`, 7, false},
		{"Boolean", "true", 1231, false},
		{"Double", `"NaN"`, 2146959360, false},
		{"Float", `"NaN"`, 2143289344, false},
		{"List<Integer>", "[1,2]", 994, false},
		{"Nullable<Integer>", "7", 7, false},
		{"Row<Integer>", "[1]", 0, true},
		{"Pojo(x.Y){a:Long}", `{"a":1}`, 0, true},
		{"Case(x.Y)<Long>", `{"_1":1}`, 0, true},
		{"Tuple<Bytes>", `["hex:01"]`, 0, true},
		{"Tuple<VoidNamespace>", "[null]", 0, true},
		{"Array<Integer>", "[1]", 0, true},
		{"Enum(A)", `"A"`, 0, true},
	} {
		typ := spec(t, c.spec)
		v, err := typ.FromJSON([]byte(c.json))
		if err != nil {
			t.Errorf("%s: %v", c.spec, err)
			continue
		}
		if h, ok := typ.Hash(v); h != c.hash || ok == c.unknown {
			t.Errorf("%s %s: %d, %t", c.spec, c.json, h, ok)
		}
	}
}

// TestEncodeRefuses holds values that are not of a type. What was there before stays as it was.
func TestEncodeRefuses(t *testing.T) {
	for _, c := range []struct {
		spec string
		v    any
	}{
		{"Long", 1}, {"Long", nil}, {"String", []byte("x")}, {"String", "\xff"}, {"BigInteger", 5}, {"BigDecimal", Decimal{}},
		{"Bytes", "x"}, {"List<Long>", []any{int64(1), "x"}}, {"List<Long>", []any{nil}}, {"Map<Long, Long>", Pairs{{nil, nil}}},
		{"Map<String, Long>", Pairs{{"a", "b"}}}, {"Map<Long, Long>", 1}, {"Tuple<Long, Long>", []any{int64(1)}}, {"Tuple<Long>", 1},
		{"Tuple<>", []any{1}}, {"Enum(A)", Symbol("B")}, {"Enum(A)", "A"}, {"Either<Long, Long>", Side{"middle", int64(1)}},
		{"Either<Long, Long>", Side{"left", 1}}, {"Either<Long, Long>", nil}, {"Row<Long>", nil}, {"Row<Long>", &Record{Fields: []any{1}}},
		{"Row<Long>", &Record{}}, {"Row<Long>", &Record{Kind: 4, Fields: []any{nil}}}, {"OldRow<Long>", &Record{Kind: Delete, Fields: []any{nil}}},
		{"Pojo(x.Y){a:Long}", 1}, {"Pojo(x.Y){a:Long}", &Object{}}, {"Pojo(x.Y){a:Long}", &Object{Class: "x.Z"}},
		{"Pojo(x.Y){a:Long}", &Object{Fields: []Field{{"b", nil}}}}, {"Pojo(x.Y){a:Long}", &Object{Fields: []Field{{"a", 1}}}},
		{"Struct{a:Long}", &Object{Fields: []Field{{"b", int64(1)}}}}, {"Nullable<Long>", 1}, {"Void", 1}, {"Java", []any{}},
		{"StringValue", nil}, {"Utf", strings.Repeat("x", 70000)}, {"Opaque", nil},
	} {
		if out, err := spec(t, c.spec).Encode([]byte("before"), c.v); err == nil || string(out) != "before" {
			t.Errorf("%s %v: %q, %v", c.spec, c.v, out, err)
		}
	}
}

// TestFloats has no number in JSON that is not one.
func TestFloats(t *testing.T) {
	for v, want := range map[float64]string{1: "1.0", 0.1: "0.1", 1e20: "100000000000000000000.0", 1e21: "1e+21", 1e-6: "0.000001", 1e-7: "1e-07",
		math.Inf(1): `"Infinity"`, math.Inf(-1): `"-Infinity"`, -96000288: "-96000288.0"} {
		if got := string(appendFloat(nil, v, 64)); got != want {
			t.Errorf("%g: %s, not %s", v, got, want)
		}
	}
}
