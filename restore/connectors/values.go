package connectors

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// byteOrderMark may begin a text in UTF-8.
var byteOrderMark = []byte("\ufeff")

// setPlain gives cell c a value that is written without quotes.
func (r *rows) setPlain(c int, text []byte) error {
	x := cell{set: true}
	var err error
	switch kind := r.columns[c].Kind; kind {
	case engine.Boolean:
		x.boolean, err = parseBoolean(text)
	case engine.Long:
		x.long, err = parseLong(text)
	case engine.Double:
		x.double, err = parseDouble(text)
	case engine.Timestamp:
		x.long, err = parseTimestamp(text)
	case engine.Bytes:
		return r.setBytes(c, text)
	default:
		if !utf8.Valid(text) {
			return errUTF8
		}
		r.setText(c, text)
		return nil
	}
	r.cells[c] = x
	return err
}

// setBytes gives cell c what base64 stands for.
func (r *rows) setBytes(c int, text []byte) (err error) {
	from := len(r.text)
	r.text, err = base64.StdEncoding.AppendDecode(r.text, text)
	if err != nil {
		r.text = r.text[:from]
		return wrong(text, "base64")
	}
	r.cells[c] = cell{set: true, from: from, to: len(r.text)}
	return nil
}

// wrong says what was found instead.
func wrong(found []byte, want string) error {
	const most = 40
	if len(found) > most {
		return fmt.Errorf("want %s, found %q…", want, found[:most])
	}
	return fmt.Errorf("want %s, found %q", want, found)
}

func parseBoolean(text []byte) (bool, error) {
	switch string(text) {
	case "true", "TRUE", "True":
		return true, nil
	case "false", "FALSE", "False":
		return false, nil
	}
	return false, wrong(text, "true or false")
}

func parseLong(text []byte) (int64, error) {
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return 0, wrong(text, "a whole number of 64 bits")
	}
	return n, nil
}

func parseDouble(text []byte) (float64, error) {
	switch string(text) {
	case "NaN":
		return math.NaN(), nil
	case "Infinity":
		return math.Inf(1), nil
	case "-Infinity":
		return math.Inf(-1), nil
	}
	for _, c := range text { // ParseFloat knows more forms than there are in data
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c|0x20 != 'e' {
			return 0, wrong(text, "a number")
		}
	}
	f, err := strconv.ParseFloat(string(text), 64)
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, strconv.ErrRange):
		return 0, wrong(text, "a number within the range of DOUBLE")
	}
	return 0, wrong(text, "a number")
}

// timeForms are the forms of a time; those without a zone are UTC.
var timeForms = [...]string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00", time.DateOnly}

// parseTimestamp reads a time, or milliseconds. What is finer than a millisecond is refused, since it would be lost.
func parseTimestamp(text []byte) (int64, error) {
	if ms, ok := parseUTC(text); ok {
		return ms, nil
	}
	if number(text) {
		return parseLong(text)
	}
	s := string(text)
	for _, form := range timeForms {
		t, err := time.Parse(form, s)
		if err != nil {
			continue
		}
		if t.Nanosecond()%int(time.Millisecond) != 0 || finerThanNanos(text) {
			return 0, wrong(text, "a time of whole milliseconds")
		}
		return t.UnixMilli(), nil
	}
	return 0, wrong(text, "a time as 2006-01-02T15:04:05.678Z, or milliseconds since 1970")
}

// finerThanNanos tells whether a time has more than nine decimals that count: time.Parse passes over them.
func finerThanNanos(text []byte) bool {
	at := bytes.IndexAny(text, ".,")
	if at < 0 {
		return false
	}
	decimals := text[at+1:]
	for i, c := range decimals {
		if c < '0' || c > '9' {
			break
		}
		if i >= 9 && c != '0' {
			return true
		}
	}
	return false
}

// number tells whether a text has digits only, behind a sign.
func number(text []byte) bool {
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		text = text[1:]
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(text) > 0
}

// parseUTC reads the form that sinks write, 2006-01-02T15:04:05.678Z, without allocating.
func parseUTC(text []byte) (ms int64, ok bool) {
	const form = "dddd-dd-ddTdd:dd:dd.dddZ"
	if len(text) != len(form) {
		return 0, false
	}
	var fields [7]int
	at := 0
	for i, c := range text {
		switch {
		case form[i] == 'd' && c >= '0' && c <= '9':
			fields[at] = fields[at]*10 + int(c-'0')
		case form[i] == c && c != 'd':
			at++
		default:
			return 0, false
		}
	}
	f := fields[:]
	t := time.Date(f[0], time.Month(f[1]), f[2], f[3], f[4], f[5], f[6]*int(time.Millisecond), time.UTC)
	same := t.Month() == time.Month(f[1]) && t.Day() == f[2] && t.Hour() == f[3] && t.Minute() == f[4] && t.Second() == f[5]
	return t.UnixMilli(), same
}
