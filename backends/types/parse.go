package types

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
)

// javaNaN is the bits of Java's NaN, which is not Go's.
const javaNaN = 0x7ff8 << 48

// errNotJSON says that a text is not one value of JSON.
var errNotJSON = errors.New("it is not valid JSON")

// wanted is the error for JSON that is not what a type takes.
func wanted(what string, json []byte) error {
	const most = 40
	if len(json) > most {
		return fmt.Errorf("expected %s, found %s…", what, strings.ToValidUTF8(string(json[:most]), ""))
	}
	return fmt.Errorf("expected %s, found %s", what, json)
}

func trim(json []byte) []byte { return bytes.Trim(json, " \t\r\n") }

func isNull(json []byte) bool { return string(trim(json)) == "null" }

// parseInt reads an integer of so many bits.
func parseInt(json []byte, bits int) (int64, error) {
	v, err := strconv.ParseInt(string(trim(json)), 10, bits)
	if err != nil || trim(json)[0] == '+' {
		return 0, wanted(fmt.Sprintf("an integer of %d bits", bits), json)
	}
	return v, nil
}

// parseFloat reads a number, or one of the strings of appendFloat.
func parseFloat(json []byte, bits int) (float64, error) {
	text := string(trim(json))
	switch text {
	case `"NaN"`:
		return math.Float64frombits(javaNaN), nil
	case `"Infinity"`:
		return math.Inf(1), nil
	case `"-Infinity"`:
		return math.Inf(-1), nil
	}
	v, err := strconv.ParseFloat(text, bits)
	if err != nil || strings.Trim(text, "-0123456789.eE+") != "" || text[0] == '+' || text[0] == '.' {
		return 0, wanted("a number", json)
	}
	return v, nil
}

func parseBool(json []byte) (bool, error) {
	switch string(trim(json)) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, wanted("true or false", json)
}

// parseString reads a string, as WTF-8.
func parseString(json []byte) (string, error) {
	b := trim(json)
	if len(b) < 2 || b[0] != '"' {
		return "", wanted("a string", json)
	}
	if end, err := skipString(b, 0); err != nil || end != len(b) {
		return "", wanted("a string", json)
	}
	text, ok := unquote(b[1 : len(b)-1])
	if !ok {
		return "", wanted("a string", json)
	}
	return text, nil
}

// unquote resolves the escapes of the inside of a string.
func unquote(b []byte) (string, bool) {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b), validText(b)
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); {
		if b[i] != '\\' {
			_, n := wtf8(b, i)
			out = append(out, b[i:i+n]...)
			i += n
			continue
		}
		if i+1 == len(b) {
			return "", false
		}
		r, n := unescape(b[i:])
		if n == 0 {
			return "", false
		}
		out = appendWTF8(out, r)
		i += n
	}
	return string(out), validText(out)
}

// validText tells whether b is WTF-8.
func validText(b []byte) bool {
	for i := 0; i < len(b); {
		r, n := wtf8(b, i)
		if r < 0 {
			return false
		}
		i += n
	}
	return true
}

// unescape reads the escape at the beginning of b, two of which make a character beyond U+FFFF.
func unescape(b []byte) (rune, int) {
	if i := strings.IndexByte(`"\/bfnrt`, b[1]); i >= 0 {
		return rune("\"\\/\b\f\n\r\t"[i]), 2
	}
	r := unit(b)
	if r < 0 {
		return 0, 0
	}
	if len(b) >= 12 {
		if both := utf16.DecodeRune(r, unit(b[6:])); both != '\uFFFD' {
			return both, 12
		}
	}
	return r, 6
}

func unit(b []byte) rune {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return -1
	}
	v, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return -1
	}
	return rune(v)
}

// parseHex reads what appendHex writes.
func parseHex(json []byte) ([]byte, error) {
	text, err := parseString(json)
	digits, ok := strings.CutPrefix(text, "hex:")
	if err != nil || !ok {
		return nil, wanted(`bytes as "hex:…"`, json)
	}
	b, err := hex.DecodeString(digits)
	if err != nil {
		return nil, wanted(`bytes as "hex:…"`, json)
	}
	return b, nil
}

// skipString is where the string at i ends.
func skipString(b []byte, i int) (int, error) {
	for i++; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1, nil
		case c == '\\':
			i++
		case c < 0x20:
			return 0, errNotJSON
		}
	}
	return 0, errNotJSON
}

// skipValue is where the value at i ends. What is within it is looked at when it is read.
func skipValue(b []byte, i int) (int, error) {
	for depth, from := 0, i; i < len(b); {
		switch b[i] {
		case '"':
			end, err := skipString(b, i)
			if err != nil || depth == 0 && i > from {
				return 0, errNotJSON
			}
			if i = end; depth == 0 {
				return i, nil
			}
			continue
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth < 0 {
				return i, nil
			}
			if depth == 0 {
				return i + 1, nil
			}
		case ',', ':', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i, nil
			}
		}
		i++
	}
	if len(b) > 0 {
		return len(b), nil
	}
	return 0, errNotJSON
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// member is one of an object.
type member struct {
	name  string
	value []byte
}

// members splits an object. Names are unique in it.
func members(json []byte) ([]member, error) {
	var all []member
	seen := map[string]bool{}
	err := split(json, '{', '}', "an object", func(b []byte, i int) (int, error) {
		end, err := skipValue(b, i)
		if err != nil {
			return 0, err
		}
		name, err := parseString(b[i:end])
		if err != nil {
			return 0, err
		}
		if seen[name] {
			return 0, fmt.Errorf("%q is there twice", name)
		}
		seen[name] = true
		i = skipSpace(b, end)
		if i == len(b) || b[i] != ':' {
			return 0, errNotJSON
		}
		i = skipSpace(b, i+1)
		end, err = skipValue(b, i)
		if err != nil || end == i {
			return 0, errNotJSON
		}
		all = append(all, member{name, b[i:end]})
		return end, nil
	})
	return all, err
}

// elements splits an array.
func elements(json []byte) ([][]byte, error) {
	var all [][]byte
	err := split(json, '[', ']', "an array", func(b []byte, i int) (int, error) {
		end, err := skipValue(b, i)
		if err != nil || end == i {
			return 0, errNotJSON
		}
		all = append(all, b[i:end])
		return end, nil
	})
	return all, err
}

// split calls item for each of the items between brackets, which tells where it ends.
func split(json []byte, opening, closing byte, what string, item func(b []byte, i int) (int, error)) error {
	b := trim(json)
	if len(b) < 2 || b[0] != opening {
		return wanted(what, json)
	}
	i := skipSpace(b, 1)
	if b[i] == closing && i == len(b)-1 {
		return nil
	}
	for i < len(b) {
		end, err := item(b, i)
		if err != nil {
			return err
		}
		i = skipSpace(b, end)
		switch {
		case i == len(b)-1 && b[i] == closing:
			return nil
		case i == len(b) || b[i] != ',':
			return errNotJSON
		}
		i = skipSpace(b, i+1)
	}
	return errNotJSON
}

// errNull says that a text is null where no value is.
var errNull = errors.New("there is no null")
