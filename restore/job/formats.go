package job

import (
	"strconv"

	"github.com/ckpt-tool/ckpt/restore/connectors"
	"github.com/ckpt-tool/ckpt/restore/engine"
)

// FormatOptions is how records lie in text. All but Format is of CSV.
type FormatOptions struct {
	Format    string `job:"format,required" oneof:"lines json csv"`
	Header    bool   `job:"header"`
	Delimiter string `job:"delimiter"`
	Quote     string `job:"quote"`
	Null      string `job:"null"`
}

// RecordOptions is how a source's text is taken apart.
type RecordOptions struct {
	FormatOptions
	Columns   ColumnKinds `job:"columns"`
	SkipBad   bool        `job:"skip-bad"`
	MaxRecord *Size       `job:"max-record"`
}

func (o *FormatOptions) format(s *Scope) connectors.Format {
	kind, err := connectors.ParseFormatKind(o.Format)
	if err != nil {
		return connectors.Format{} // told when it was decoded
	}
	if kind != connectors.CSV {
		for _, key := range []string{"header", "delimiter", "quote", "null"} {
			if s.Has(key) {
				s.Fail(key, "%s is of the format csv", key)
			}
		}
	}
	return connectors.Format{Kind: kind, Header: o.Header, Delimiter: o.char(s, "delimiter", o.Delimiter), Quote: o.char(s, "quote", o.Quote), Null: o.Null}
}

// char is a single character.
func (o *FormatOptions) char(s *Scope, key, text string) byte {
	switch {
	case !s.Has(key):
		return 0
	case len(text) != 1 || text[0] >= 0x80:
		s.Fail(key, "want one ASCII character, not %s", strconv.Quote(text))
		return 0
	}
	return text[0]
}

func (o *RecordOptions) records(s *Scope, w *World) connectors.Records {
	r := connectors.Records{Format: o.format(s), Columns: o.Columns.columns(), SkipBad: o.SkipBad, OnBad: w.OnBad}
	if o.MaxRecord != nil {
		if r.MaxRecord = int(*o.MaxRecord); r.MaxRecord < 1 {
			s.Fail("max-record", "want 1 byte or more")
		}
	}
	if len(r.Columns) == 0 && r.Format.Kind != connectors.Lines {
		s.Fail("format", "columns is missing")
	}
	return r
}

// checked gives a source whose settings are right.
func checked[S interface {
	engine.Source
	Check() error
}](source S, s *Scope) engine.Source {
	if s.failed {
		return nil
	}
	if err := source.Check(); err != nil {
		s.Fail("", "%v", err)
		return nil
	}
	return source
}
