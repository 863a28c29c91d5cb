package connectors

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/ckpt-tool/ckpt/backends/types"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// encoder writes records of one schema as text. What it writes, a source of the same format reads as the same values.
type encoder struct {
	format  Format
	columns []engine.Column
	names   [][]byte // of JSON: `{"a":` and `,"b":`
	field   []byte   // of CSV, used again
}

func newEncoder(f Format, s *engine.Schema) (*encoder, error) {
	if f.Kind == Lines {
		return nil, fmt.Errorf("sinks write json or csv, not lines")
	}
	if err := f.check(s.Columns); err != nil {
		return nil, err
	}
	e := &encoder{format: f, columns: s.Columns}
	for i, c := range s.Columns {
		name := []byte{','}
		if i == 0 {
			name[0] = '{'
		}
		e.names = append(e.names, append(types.AppendString(name, c.Name), ':'))
	}
	return e, nil
}

// check refuses texts that would not be read as they are: those that are no UTF-8. Halves of characters, which Java's strings may have, have a
// form in JSON alone.
func (e *encoder) check(b *engine.Batch) error {
	for c, column := range e.columns {
		if column.Kind != engine.String {
			continue
		}
		for _, s := range b.Vectors[c].Strings {
			if !utf8.ValidString(s) && (e.format.Kind == CSV || !halves(s)) {
				return fmt.Errorf("column %s: %w", column.Name, wrong([]byte(s), "UTF-8"))
			}
		}
	}
	return nil
}

// halves tells whether a text is UTF-8 but for halves of surrogate pairs in three bytes each.
func halves(s string) bool {
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			if len(s) < 3 || s[0] != 0xed || s[1]&0xe0 != 0xa0 || s[2]&0xc0 != 0x80 {
				return false
			}
			n = 3
		}
		s = s[n:]
	}
	return true
}

// header is the first record of a file, if it has one.
func (e *encoder) header(dst []byte) []byte {
	if e.format.Kind != CSV || !e.format.Header {
		return dst
	}
	for i, c := range e.columns {
		if i > 0 {
			dst = append(dst, e.format.delimiter())
		}
		dst = e.appendField(dst, []byte(c.Name), true)
	}
	return append(dst, '\n')
}

// record appends record i of b.
func (e *encoder) record(dst []byte, b *engine.Batch, i int) []byte {
	if e.format.Kind == CSV {
		return e.csv(dst, b, i)
	}
	for c := range e.columns {
		dst = append(dst, e.names[c]...)
		dst = e.json(dst, b, c, i)
	}
	return append(dst, '}', '\n')
}

func (e *encoder) json(dst []byte, b *engine.Batch, c, i int) []byte {
	if b.Null(c, i) {
		return append(dst, "null"...)
	}
	v := &b.Vectors[c]
	switch e.columns[c].Kind {
	case engine.String:
		return types.AppendString(dst, v.Strings[i])
	case engine.Double:
		if math.IsNaN(v.Doubles[i]) || math.IsInf(v.Doubles[i], 0) {
			return append(appendDouble(append(dst, '"'), v.Doubles[i]), '"')
		}
	case engine.Bytes, engine.Timestamp:
		if e.columns[c].Kind == engine.Timestamp && !written(v.Longs[i]) {
			break // a number
		}
		dst = append(dst, '"')
		return append(e.plain(dst, v, c, i), '"')
	}
	return e.plain(dst, v, c, i)
}

// plain appends a value without quotes.
func (e *encoder) plain(dst []byte, v *engine.Vector, c, i int) []byte {
	switch e.columns[c].Kind {
	case engine.Boolean:
		return strconv.AppendBool(dst, v.Bools[i])
	case engine.Long:
		return strconv.AppendInt(dst, v.Longs[i], 10)
	case engine.Double:
		return appendDouble(dst, v.Doubles[i])
	case engine.Timestamp:
		return appendTimestamp(dst, v.Longs[i])
	case engine.Bytes:
		return base64.StdEncoding.AppendEncode(dst, []byte(v.Strings[i]))
	}
	return append(dst, v.Strings[i]...)
}

func (e *encoder) csv(dst []byte, b *engine.Batch, i int) []byte {
	for c := range e.columns {
		if c > 0 {
			dst = append(dst, e.format.delimiter())
		}
		if b.Null(c, i) {
			dst = append(dst, e.format.Null...)
			continue
		}
		e.field = e.plain(e.field[:0], &b.Vectors[c], c, i)
		dst = e.appendField(dst, e.field, false)
	}
	return append(dst, '\n')
}

// appendField quotes a field where it must be: also one that would read as null.
func (e *encoder) appendField(dst, field []byte, header bool) []byte {
	d, q := e.format.delimiter(), e.format.quote()
	special := bytes.IndexByte(field, d) >= 0 || bytes.IndexByte(field, q) >= 0 || bytes.IndexByte(field, '\n') >= 0 || bytes.IndexByte(field, '\r') >= 0
	if !special && (header && len(field) > 0 || string(field) != e.format.Null && len(field) > 0) && !bytes.HasPrefix(field, byteOrderMark) {
		return append(dst, field...)
	}
	dst = append(dst, q)
	for _, b := range field {
		if b == q {
			dst = append(dst, q)
		}
		dst = append(dst, b)
	}
	return append(dst, q)
}

// appendDouble appends the shortest decimal that reads as the same number.
func appendDouble(dst []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	}
	format := byte('f')
	if a := math.Abs(f); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, 64)
}

// The milliseconds of the years 0 to 9999, which have a form in RFC 3339.
const (
	firstWritten = -62167219200000
	lastWritten  = 253402300799999
)

// written is whether a time is of the years 0 to 9999.
func written(ms int64) bool { return ms >= firstWritten && ms <= lastWritten }

// appendTimestamp appends a time as RFC 3339 in UTC, or where it has no such form as milliseconds.
func appendTimestamp(dst []byte, ms int64) []byte {
	if !written(ms) {
		return strconv.AppendInt(dst, ms, 10)
	}
	return time.UnixMilli(ms).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z07:00")
}
