package connectors

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// jsonDecoder reads an object a line. It is strict as RFC 8259 is: nothing is repaired.
type jsonDecoder struct {
	oneLine
	columns []engine.Column
	places  map[string]int
	guess   int // where the next member most likely belongs
	scan    jsonScanner
	name    []byte
}

func newJSONDecoder(columns []engine.Column) *jsonDecoder {
	d := &jsonDecoder{columns: columns, places: map[string]int{}}
	for i, c := range columns {
		d.places[c.Name] = i
	}
	return d
}

// blank implements decoder.
func (d *jsonDecoder) blank(record []byte) bool {
	d.scan = jsonScanner{text: record}
	d.scan.space()
	return d.scan.at == len(record)
}

// decode implements decoder.
func (d *jsonDecoder) decode(record []byte, r *rows) error {
	d.scan, d.guess = jsonScanner{text: record}, 0
	s := &d.scan
	if !s.accept('{') {
		return s.wrong("an object")
	}
	if s.accept('}') {
		return s.end()
	}
	for {
		if err := d.member(r); err != nil {
			return err
		}
		if s.accept('}') {
			return s.end()
		}
		if !s.accept(',') {
			return s.wrong(", or }")
		}
	}
}

func (d *jsonDecoder) member(r *rows) (err error) {
	s := &d.scan
	s.space()
	if d.name, err = s.string(d.name[:0]); err != nil {
		return err
	}
	if !s.accept(':') {
		return s.wrong("a colon")
	}
	s.space()
	c, known := d.column(d.name)
	if !known {
		return s.skip(0)
	}
	if d.guess = c + 1; r.cells[c].from < 0 || r.cells[c].set {
		err = errors.New("it is there twice")
	} else {
		err = d.value(c, r)
	}
	if err != nil {
		return columnError{d.columns[c].Name, err}
	}
	return nil
}

// column finds a column by its name; most often they come in order.
func (d *jsonDecoder) column(name []byte) (c int, ok bool) {
	if d.guess < len(d.columns) && d.columns[d.guess].Name == string(name) {
		return d.guess, true
	}
	c, ok = d.places[string(name)]
	return c, ok
}

func (d *jsonDecoder) value(c int, r *rows) error {
	s := &d.scan
	if s.word("null") {
		r.cells[c].from = -1 // it was there: see member
		return nil
	}
	switch d.columns[c].Kind {
	case engine.Boolean:
		return d.boolean(c, r)
	case engine.Long:
		n, err := s.number()
		if err != nil {
			return err
		}
		return r.setPlain(c, n)
	case engine.String:
		return d.text(c, r)
	case engine.Bytes:
		return d.quoted(c, r)
	}
	if s.peek() == '"' {
		return d.quoted(c, r)
	}
	n, err := s.number()
	if err != nil {
		return err
	}
	return r.setPlain(c, n)
}

func (d *jsonDecoder) boolean(c int, r *rows) error {
	value := d.scan.word("true")
	if !value && !d.scan.word("false") {
		return d.scan.wrong("true or false")
	}
	r.cells[c] = cell{set: true, boolean: value}
	return nil
}

func (d *jsonDecoder) text(c int, r *rows) (err error) {
	from := len(r.text)
	if r.text, err = d.scan.string(r.text); err != nil {
		return err
	}
	r.cells[c] = cell{set: true, from: from, to: len(r.text)}
	return nil
}

// quoted reads a value that stands in a string. Numbers do not: these have their own form.
func (d *jsonDecoder) quoted(c int, r *rows) (err error) {
	if d.name, err = d.scan.string(d.name[:0]); err != nil {
		return err
	}
	switch d.columns[c].Kind {
	case engine.Double:
		switch string(d.name) {
		case "NaN", "Infinity", "-Infinity":
		default:
			return wrong(d.name, "a number, not a string,")
		}
	case engine.Timestamp:
		if number(d.name) {
			return wrong(d.name, "a time, or a number that is no string,")
		}
	}
	return r.setPlain(c, d.name)
}

// jsonScanner goes through one line of JSON.
type jsonScanner struct {
	text []byte
	at   int
}

func (s *jsonScanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// peek is the next byte, 0 at the end.
func (s *jsonScanner) peek() byte {
	if s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

// accept takes a character, with space before it.
func (s *jsonScanner) accept(c byte) bool {
	s.space()
	if s.at >= len(s.text) || s.text[s.at] != c {
		return false
	}
	s.at++
	return true
}

func (s *jsonScanner) word(w string) bool {
	if rest := s.text[s.at:]; len(rest) < len(w) || string(rest[:len(w)]) != w {
		return false
	}
	s.at += len(w)
	return true
}

func (s *jsonScanner) end() error {
	if s.space(); s.at < len(s.text) {
		return s.wrong("the end of the line")
	}
	return nil
}

func (s *jsonScanner) wrong(want string) error {
	if s.at >= len(s.text) {
		return fmt.Errorf("not JSON: want %s, and the line ends", want)
	}
	return fmt.Errorf("byte %d of the line: %w", s.at, wrong(s.text[s.at:], want))
}

// number is the text of a number.
func (s *jsonScanner) number() ([]byte, error) {
	from := s.at
	if s.peek() == '-' {
		s.at++
	}
	ok := s.peek() == '0'
	if ok {
		s.at++
	} else {
		ok = s.digits()
	}
	if ok && s.peek() == '.' {
		s.at++
		ok = s.digits()
	}
	if ok && s.peek()|0x20 == 'e' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		ok = s.digits()
	}
	if !ok {
		s.at = from
		return nil, s.wrong("a number")
	}
	return s.text[from:s.at], nil
}

func (s *jsonScanner) digits() bool {
	from := s.at
	for c := s.peek(); c >= '0' && c <= '9'; c = s.peek() {
		s.at++
	}
	return s.at > from
}

// string appends what a string stands for.
func (s *jsonScanner) string(dst []byte) ([]byte, error) {
	if s.peek() != '"' {
		return dst, s.wrong("a string")
	}
	s.at++
	for {
		from := s.at
		for s.at < len(s.text) && s.text[s.at] >= 0x20 && s.text[s.at] != '"' && s.text[s.at] != '\\' {
			s.at++
		}
		run := s.text[from:s.at]
		if !utf8.Valid(run) {
			return dst, errUTF8
		}
		dst = append(dst, run...)
		switch s.peek() {
		case '"':
			s.at++
			return dst, nil
		case '\\':
			var err error
			if dst, err = s.escape(dst); err != nil {
				return dst, err
			}
		default:
			return dst, s.wrong("the end of a string")
		}
	}
}

// maxDepth is how deep values that are passed over may be nested.
const maxDepth = 1000

// skip passes over a value.
func (s *jsonScanner) skip(depth int) (err error) {
	s.space()
	switch c := s.peek(); {
	case depth > maxDepth:
		return fmt.Errorf("nested deeper than %d", maxDepth)
	case c == '"':
		_, err = s.string(nil)
	case c == '{' || c == '[':
		err = s.skipAll(c, depth)
	case s.word("true") || s.word("false") || s.word("null"):
	default:
		_, err = s.number()
	}
	return err
}

// skipAll passes over an object or an array.
func (s *jsonScanner) skipAll(open byte, depth int) error {
	s.at++
	last := open + 2 // } or ]
	if s.accept(last) {
		return nil
	}
	for {
		if open == '{' {
			s.space()
			if _, err := s.string(nil); err != nil {
				return err
			}
			if !s.accept(':') {
				return s.wrong("a colon")
			}
		}
		if err := s.skip(depth + 1); err != nil {
			return err
		}
		if s.accept(last) {
			return nil
		}
		if !s.accept(',') {
			return s.wrong(", or " + string(rune(last)))
		}
	}
}
