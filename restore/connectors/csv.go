package connectors

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// csvDecoder reads CSV as RFC 4180 has it: a quote may only stand around a whole field, and doubled within.
type csvDecoder struct {
	columns          []engine.Column
	delimiter, quote byte
	null             []byte
	places           []int // which column a field is; -1: none
	field            []byte
}

func newCSVDecoder(f *Format, columns []engine.Column) *csvDecoder {
	d := &csvDecoder{columns: columns, delimiter: f.delimiter(), quote: f.quote(), null: []byte(f.Null)}
	for i := range columns {
		d.places = append(d.places, i)
	}
	return d
}

// frame finds the line end that is not within quotes.
func (d *csvDecoder) frame(text []byte, eof bool) (record []byte, width int, ok bool) {
	end := bytes.IndexByte(text, '\n')
	if end >= 0 && bytes.IndexByte(text[:end], d.quote) >= 0 {
		end = d.lineEnd(text)
	}
	return cutLine(text, end, eof)
}

func (d *csvDecoder) lineEnd(text []byte) int {
	quoted, begin := false, true // of a field
	for i, c := range text {
		switch {
		case c == d.quote && (quoted || begin):
			quoted = !quoted // a doubled one closes and opens
			begin = !quoted
			continue
		case quoted:
		case c == '\n':
			return i
		}
		begin = c == d.delimiter && !quoted
	}
	return -1
}

// header implements decoder: columns are found by name.
func (d *csvDecoder) header(record []byte) error {
	var names []string
	err := d.split(record, func(_ int, field []byte, _ bool) error {
		names = append(names, string(field))
		return nil
	})
	if err != nil {
		return fmt.Errorf("the header: %w", err)
	}
	d.places = d.places[:0]
	for _, name := range names {
		d.places = append(d.places, slices.IndexFunc(d.columns, func(c engine.Column) bool { return c.Name == name }))
	}
	for i, c := range d.columns {
		first := slices.Index(d.places, i)
		if first < 0 {
			return fmt.Errorf("the header has no column %s: it has %q", c.Name, names)
		}
		if slices.Contains(d.places[first+1:], i) {
			return fmt.Errorf("the header has column %s twice", c.Name)
		}
	}
	return nil
}

// blank implements decoder. An empty line is a record where there is but one column.
func (d *csvDecoder) blank(record []byte) bool { return len(record) == 0 && len(d.places) > 1 }

// decode implements decoder.
func (d *csvDecoder) decode(record []byte, r *rows) error {
	fields := 0
	err := d.split(record, func(i int, field []byte, quoted bool) error {
		fields++
		if i >= len(d.places) {
			return nil
		}
		c := d.places[i]
		if c < 0 || !quoted && bytes.Equal(field, d.null) {
			return nil
		}
		if err := r.setPlain(c, field); err != nil {
			return columnError{d.columns[c].Name, err}
		}
		return nil
	})
	if err == nil && fields != len(d.places) {
		err = fmt.Errorf("%d fields, want %d", fields, len(d.places))
	}
	return err
}

var (
	errQuoteEnd  = errors.New("a quote that is not closed")
	errQuoteTail = errors.New("text behind a closing quote")
	errQuoteBare = errors.New("a quote within a field that is not quoted")
)

// split calls f for each field.
func (d *csvDecoder) split(record []byte, f func(i int, field []byte, quoted bool) error) error {
	for i := 0; ; i++ {
		field, quoted, rest, more, err := d.cut(record)
		if err == nil {
			err = f(i, field, quoted)
		}
		if err != nil || !more {
			return err
		}
		record = rest
	}
}

// cut takes the first field off a record; more is whether another follows.
func (d *csvDecoder) cut(record []byte) (field []byte, quoted bool, rest []byte, more bool, err error) {
	if len(record) > 0 && record[0] == d.quote {
		field, rest, err = d.unquote(record[1:])
		if err == nil && len(rest) > 0 && rest[0] != d.delimiter {
			err = errQuoteTail
		}
		if err != nil || len(rest) == 0 {
			return field, true, nil, false, err
		}
		return field, true, rest[1:], true, nil
	}
	end := bytes.IndexByte(record, d.delimiter)
	if more = end >= 0; more {
		record, rest = record[:end], record[end+1:]
	}
	if bytes.IndexByte(record, d.quote) >= 0 {
		err = errQuoteBare
	}
	return record, false, rest, more, err
}

// unquote reads up to the closing quote.
func (d *csvDecoder) unquote(text []byte) (field, rest []byte, err error) {
	d.field = d.field[:0]
	for {
		end := bytes.IndexByte(text, d.quote)
		if end < 0 {
			return nil, nil, errQuoteEnd
		}
		if end+1 == len(text) || text[end+1] != d.quote {
			if len(d.field) == 0 {
				return text[:end], text[end+1:], nil
			}
			d.field = append(d.field, text[:end]...)
			return d.field, text[end+1:], nil
		}
		d.field = append(d.field, text[:end+1]...)
		text = text[end+2:]
	}
}
