package cmd

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// Format is a form of output.
type Format string

// The forms of output.
const (
	Table Format = "table" // for people
	JSON  Format = "json"  // one document, with a schema
	TSV   Format = "tsv"   // one line a row, no header
)

// writeJSON writes v as the one document of a command. v has a field "schema".
func (e *Env) writeJSON(v any) error {
	b, err := marshal(v, "  ")
	if err != nil {
		return err
	}
	_, err = e.Out.Write(b)
	return err
}

// marshal is JSON with a newline behind it. HTML is left alone, and no character
// that a terminal might obey is left bare.
func marshal(v any, indent string) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("writing JSON: %w", err)
	}
	return escapeJSON(buf.Bytes()), nil
}

// escapeJSON escapes the harmful characters that encoding/json leaves bare. They
// can only stand in strings, where the escape means the same.
func escapeJSON(b []byte) []byte {
	harmful := func(r rune) bool { return r != '\n' && isHarmful(r) }
	if !bytes.ContainsFunc(b, harmful) {
		return b
	}
	out := make([]byte, 0, len(b)+64)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if harmful(r) {
			out = fmt.Appendf(out, `\u%04x`, r)
		} else {
			out = append(out, b[:n]...)
		}
		b = b[n:]
	}
	return out
}

// orNull is s for JSON, where null stands for what is not there.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// streamOptions is the flag --stream of commands whose JSON is a list.
type streamOptions struct{ stream bool }

func (o *streamOptions) addFlags(c *cobra.Command) {
	c.Flags().BoolVar(&o.stream, "stream", false, "with -o json: one object a line as it is found, no document around them")
}

func (o *streamOptions) validate(env *Env) error {
	if o.stream && env.Output != JSON {
		return usagef("add -o json", "--stream needs the output form json")
	}
	return nil
}

// lineWriter writes one JSON object a line, for --stream.
type lineWriter struct{ w *bufio.Writer }

func (e *Env) newLineWriter() *lineWriter { return &lineWriter{bufio.NewWriter(e.Out)} }

// write writes v and hands it on at once: whoever reads a stream waits for it.
func (l *lineWriter) write(v any) error {
	b, err := marshal(v, "")
	if err != nil {
		return err
	}
	if _, err := l.w.Write(b); err != nil {
		return err
	}
	return l.w.Flush()
}
