// Package line takes entries apart that snapshot.Printer has printed: a line of JSON each, without white space between
// its parts. It allocates nothing, and what it is given from elsewhere does it no harm: it stops.
package line

import (
	"bytes"
	"encoding/json"
	"iter"
)

// names are the fields of entries. Told by these strings, they cost no memory.
var names = [...]string{"op", "state", "kind", "kg", "key", "namespace", "mapKey", "value", "lastAccess", "ts", "service", "subtask",
	"gate", "channel", "partition", "subpartition", "rowKind", "fields"}

// Fields yields the members of an object, each with its value as it stands there.
func Fields(object []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		if len(object) == 0 || object[0] != '{' {
			return
		}
		for at := 1; at < len(object) && object[at] == '"'; at++ {
			end := skipString(object, at)
			name := nameOf(object[at:end])
			at = end + 1 // behind the colon
			if end = skip(object, at); end <= at || !yield(name, object[at:end]) {
				return
			}
			at = end
		}
	}
}

// Field is one member of an object, nil where there is none of this name.
func Field(object []byte, name string) []byte {
	for n, value := range Fields(object) {
		if n == name {
			return value
		}
	}
	return nil
}

func nameOf(quoted []byte) string {
	for _, n := range names {
		if len(quoted) == len(n)+2 && string(quoted[1:len(n)+1]) == n {
			return n
		}
	}
	return Text(quoted)
}

// Elements yields the elements of an array as they stand there.
func Elements(array []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if len(array) == 0 || array[0] != '[' {
			return
		}
		for at := 1; at < len(array) && array[at] != ']'; at++ {
			end := skip(array, at)
			if end <= at || !yield(array[at:end]) {
				return
			}
			at = end
		}
	}
}

// Text is what a string says; of any other value it is the JSON.
func Text(value []byte) string {
	if len(value) < 2 || value[0] != '"' {
		return string(value)
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return string(value[1 : len(value)-1])
	}
	var s string
	if json.Unmarshal(value, &s) != nil {
		return string(value)
	}
	return s
}

// skip is where the value that begins at at ends.
func skip(b []byte, at int) int {
	depth := 0
	for at < len(b) {
		switch b[at] {
		case '"':
			if at = skipString(b, at); depth == 0 {
				return at
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return at
			}
			if depth--; depth == 0 {
				return at + 1
			}
		case ',':
			if depth == 0 {
				return at
			}
		}
		at++
	}
	return len(b)
}

// skipString is where the string that begins at at ends.
func skipString(b []byte, at int) int {
	for at++; at < len(b); at++ {
		switch b[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return len(b)
}
