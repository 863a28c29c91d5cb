package connectors

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// decoder takes text apart.
type decoder interface {
	// frame is the first record of text, without its end, and how many bytes it takes with it; false: more must be read. eof is
	// whether nothing follows.
	frame(text []byte, eof bool) (record []byte, width int, ok bool)
	// header reads the names of columns.
	header(record []byte) error
	// blank is whether what was framed is no record.
	blank(record []byte) bool
	// decode puts a record into the cells of r, or fails.
	decode(record []byte, r *rows) error
}

func newDecoder(f *Format, columns []engine.Column) decoder {
	switch f.Kind {
	case JSON:
		return newJSONDecoder(columns)
	case CSV:
		return newCSVDecoder(f, columns)
	}
	return lineDecoder{kind: columns[0].Kind, name: columns[0].Name}
}

// oneLine frames what ends with LF or CR LF, or with the text.
type oneLine struct{}

func (oneLine) frame(text []byte, eof bool) (record []byte, width int, ok bool) {
	return cutLine(text, bytes.IndexByte(text, '\n'), eof)
}

// cutLine is frame, where the first record ends with the LF at end, or where that is below zero not yet.
func cutLine(text []byte, end int, eof bool) (record []byte, width int, ok bool) {
	switch {
	case end >= 0:
		return bytes.TrimSuffix(text[:end], carriageReturn), end + 1, true
	case eof && len(text) > 0:
		return bytes.TrimSuffix(text, carriageReturn), len(text), true
	}
	return nil, 0, false
}

func (oneLine) header([]byte) error { return nil }

var carriageReturn = []byte{'\r'}

type lineDecoder struct {
	oneLine
	kind engine.Kind
	name string
}

func (lineDecoder) blank([]byte) bool { return false }

func (d lineDecoder) decode(record []byte, r *rows) error {
	if d.kind == engine.String && !utf8.Valid(record) {
		return columnError{d.name, errUTF8}
	}
	r.setText(0, record)
	return nil
}

// errUTF8 says what a STRING cannot hold.
var errUTF8 = errors.New("not UTF-8 (a column of type BYTES takes any)")

// setText gives cell c a text.
func (r *rows) setText(c int, text []byte) {
	from := len(r.text)
	r.text = append(r.text, text...)
	r.cells[c] = cell{set: true, from: from, to: len(r.text)}
}
