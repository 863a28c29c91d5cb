package connectors

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/restore/engine"
)

// FormatKind is how records lie in text.
type FormatKind uint8

// The formats.
const (
	// Lines has one column, STRING or BYTES: the line without its end, which is LF or CR LF. Of sources only.
	Lines FormatKind = iota
	// JSON has an object a line. Members are found by the column's name; other members are passed over, and one
	// that is not there is null.
	//
	//	BOOLEAN    true, false
	//	BIGINT     a number without fraction and exponent
	//	DOUBLE     a number, or "NaN", "Infinity", "-Infinity"
	//	STRING     a string
	//	BYTES      a string in base64
	//	TIMESTAMP  milliseconds since 1970, or a string: 2026-01-02T03:04:05.678Z, "2026-01-02 03:04:05.678" for UTC
	JSON
	// CSV has a record a line, as RFC 4180 says; quoted fields may hold line ends. Values are as in JSON, without its quotes. Halves of surrogate pairs,
	// which JSON can hold, have no form in it.
	CSV
)

var formatNames = [...]string{"lines", "json", "csv"}

// String is the format's name in job files.
func (k FormatKind) String() string { return formatNames[k] }

// ParseFormatKind reads what String gives.
func ParseFormatKind(s string) (FormatKind, error) {
	for i, name := range formatNames {
		if name == strings.ToLower(s) {
			return FormatKind(i), nil
		}
	}
	return 0, fmt.Errorf("format %q: want one of %s", s, strings.Join(formatNames[:], ", "))
}

// Format is how records lie in text. All but Kind is of CSV.
type Format struct {
	Kind FormatKind
	// Header is whether the first record of a file names the columns. Sources then find columns by their names, and pass over
	// others; without it a record has the columns in their order, no more and no less. Sinks write it at the head of each file.
	Header bool
	// Delimiter stands between fields; 0: a comma.
	Delimiter byte
	// Quote is around fields that hold special characters, and doubled within; 0: ".
	Quote byte
	// Null is how null is written, without quotes; the default is nothing. What is quoted is never null.
	Null string
}

func (f *Format) delimiter() byte { return cmp.Or(f.Delimiter, ',') }

func (f *Format) quote() byte { return cmp.Or(f.Quote, '"') }

// check tells what is wrong with the format for such columns.
func (f *Format) check(columns []engine.Column) error {
	if len(columns) == 0 {
		return fmt.Errorf("no columns")
	}
	seen := map[string]bool{}
	for _, c := range columns {
		if seen[c.Name] {
			return fmt.Errorf("column %q is there twice", c.Name)
		}
		seen[c.Name] = true
	}
	switch f.Kind {
	case Lines:
		if k := columns[0].Kind; len(columns) > 1 || k != engine.String && k != engine.Bytes {
			return fmt.Errorf("lines have one column, STRING or BYTES")
		}
	case CSV:
		return f.checkCSV()
	}
	return nil
}

func (f *Format) checkCSV() error {
	d, q := f.delimiter(), f.quote()
	special := string([]byte{d, q, '\n', '\r'})
	switch {
	case d == q:
		return fmt.Errorf("delimiter and quote are the same: %q", d)
	case d == '\n' || d == '\r' || d >= 0x80:
		return fmt.Errorf("delimiter %q: want one ASCII character other than a line end", d)
	case q == '\n' || q == '\r' || q >= 0x80:
		return fmt.Errorf("quote %q: want one ASCII character other than a line end", q)
	case strings.ContainsAny(f.Null, special):
		return fmt.Errorf("null literal %q holds a delimiter, quote or line end", f.Null)
	}
	return nil
}
