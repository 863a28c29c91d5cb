package types

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestFromJSON holds what is read leniently, and what is refused with a word on what was expected.
func TestFromJSON(t *testing.T) {
	for _, c := range []struct{ spec, json, want string }{
		{"Long", " 12 ", ""},
		{"Long", "1.0", "expected an integer of 64 bits"},
		{"Long", "9223372036854775808", "expected an integer of 64 bits"},
		{"Long", `"1"`, "expected an integer"},
		{"Long", "+1", "expected an integer"},
		{"Long", "", "expected an integer"},
		{"Byte", "128", "expected an integer of 8 bits"},
		{"Double", "1e3", ""},
		{"Double", "0x1p4", "expected a number"},
		{"Double", "Infinity", "expected a number"},
		{"Double", "1e999", "expected a number"},
		{"Double", "", "expected a number"},
		{"Boolean", "1", "expected true or false"},
		{"String", `"a\u0041\n\/"`, ""},
		{"String", `"a`, "expected a string"},
		{"String", `"a\x"`, "expected a string"},
		{"String", `"\u12"`, "expected a string"},
		{"String", "\"a\nb\"", "expected a string"},
		{"String", "\"\xff\"", "expected a string"},
		{"String", `"a" "b"`, "expected a string"},
		{"String", `5`, "expected a string"},
		{"Character", `"ab"`, "expected a string of one character"},
		{"Character", `"😀"`, "below U+10000"},
		{"BigInteger", "12", ""},
		{"BigInteger", `"1.5"`, "expected an integer"},
		{"BigInteger", `"1_0"`, "expected an integer"},
		{"BigDecimal", `"1E+3"`, ""},
		{"BigDecimal", `1.50`, ""},
		{"BigDecimal", `"1."`, "expected a decimal number"},
		{"BigDecimal", `"x"`, "expected a decimal number"},
		{"BigDecimal", `"1E99999999999"`, "expected a decimal number"},
		{"LocalDate", `"2023-02-29"`, "expected a date"},
		{"LocalDate", `"2023-2-9"`, "expected a date"},
		{"LocalDate", `"1000000000-01-01"`, "expected a date"},
		{"LocalTime", `"24:00"`, "expected a time"},
		{"LocalTime", `"23:59.5"`, "expected a time"},
		{"Instant", `"2024-02-29T00:00:00+01:00"`, ""},
		{"Instant", `"2024-02-29"`, "expected a time"},
		{"Date", `"1970-01-01T00:00:00.0001Z"`, "whole milliseconds"},
		{"TimeWindow", `"[1, 2)"`, ""},
		{"TimeWindow", `"[1,2]"`, "expected a window"},
		{"GlobalWindow", `"x"`, "expected"},
		{"Bytes", `"hex:0g"`, "expected bytes"},
		{"Bytes", `"00"`, "expected bytes"},
		{"Bytes(2)", `"hex:00"`, "expected 2 bytes"},
		{"List<Long>", "[ 1 , 2 ]", ""},
		{"List<Long>", "[1,]", "not valid JSON"},
		{"List<Long>", "[1 2]", "not valid JSON"},
		{"List<Long>", "[1", "JSON"},
		{"List<Long>", "[1]]", "JSON"},
		{"List<Long>", "[,1]", "not valid JSON"},
		{"List<Long>", `[1,"a"]`, "element 1"},
		{"List<Long>", "5", "expected an array"},
		{"List<List<Long>>", "[[1],[2,3],[]]", ""},
		{"Map<String, Long>", `{ "a" : 1 , "b":2}`, ""},
		{"Map<String, Long>", `[["a",1],[null,2]]`, ""},
		{"Map<String, Long>", `{"a":1,"a":2}`, "there twice"},
		{"Map<String, Long>", `{"a" 1}`, "not valid JSON"},
		{"Map<String, Long>", `{"a":}`, "not valid JSON"},
		{"Map<Long, Long>", `{"1":1}`, "expected an array"},
		{"Map<Long, Long>", `[[1,2,3]]`, "a list of a key and a value"},
		{"Tuple<Long, Long>", `[1]`, "an array of 2 values"},
		{"Row<Long>", `[1]`, ""},
		{"Row<Long>", `{"fields":[1]}`, ""},
		{"Row<Long>", `{"rowKind":"x","fields":[1]}`, `one of "+I"`},
		{"Row<Long>", `{"fields":[1],"x":1}`, `no field "x"`},
		{"Row<Long>", `{"rowKind":"+I"}`, "with 1 fields"},
		{"Pojo(x.Y){a:Long, b:Long}", `{"b":1,"a":null,"@class":"x.Y"}`, ""},
		{"Pojo(x.Y){a:Long}", `{}`, `the field "a" is missing`},
		{"Pojo(x.Y){a:Long}", `{"a":1,"c":2}`, `there is no field "c"`},
		{"Pojo(x.Y){a:Long}", `{"a":1,"@class":"x.Z"}`, "cannot decode x.Z"},
		{"Either<Long, Long>", `{"left":1,"right":2}`, "one member: left, right"},
		{"Either<Long, Long>", `{"mid":1}`, "one member: left, right"},
		{"Enum(A, B)", `"C"`, "one of A, B"},
		{"Void", "0", "expected null"},
		{"Java", "5", "the class of others is not known"},
		{"Opaque", "5", "cannot decode"},
	} {
		v, err := spec(t, c.spec).FromJSON([]byte(c.json))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s %s: %v", c.spec, c.json, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s %s: %v, %v; expected %q", c.spec, c.json, v, err, c.want)
		}
	}
}

// FuzzText holds the text of JSON against encoding/json.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "a\"\\\x00\x1f\x7f", "é日😀\u2028", "\xed\xa0\xbd", "\xff", "\xed\xa0\xbd\xed\xb8\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := appendQuoted(nil, s)
		var back string
		if err := json.Unmarshal(out, &back); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if utf8.ValidString(s) && back != s {
			t.Fatalf("%q became %q", s, back)
		}
		mine, err := parseString(out)
		if err != nil || utf8.ValidString(s) && mine != s {
			t.Fatalf("%q read back as %q: %v", s, mine, err)
		}
		if theirs := new(string); json.Unmarshal([]byte(s), theirs) == nil && strings.HasPrefix(s, `"`) && utf8.ValidString(s) {
			if got, err := parseString([]byte(s)); err != nil || utf8.ValidString(got) && got != *theirs {
				t.Fatalf("%s: %q, not %q: %v", s, got, *theirs, err)
			}
		}
	})
}
