package handletest

import (
	"bytes"
	"fmt"
	"iter"
	"testing"

	"github.com/klauspost/compress/snappy"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/backends/types"
)

// Type is the type that spec describes.
func Type(tb testing.TB, spec string) backends.Type {
	tb.Helper()
	t, err := types.ParseSpec(spec)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// Encode is the bytes of values, each of the type before it.
func Encode(tb testing.TB, dst []byte, pairs ...any) []byte {
	tb.Helper()
	for i := 0; i < len(pairs); i += 2 {
		var err error
		if dst, err = pairs[i].(backends.Type).Encode(dst, pairs[i+1]); err != nil {
			tb.Fatal(err)
		}
	}
	return dst
}

// Frame is b as one framed stream.
func Frame(tb testing.TB, b []byte) []byte {
	tb.Helper()
	var out bytes.Buffer
	w := snappy.NewBufferedWriter(&out)
	if _, err := w.Write(b); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// Opaque is a type of an unknown layout.
type Opaque struct{ backends.Type }

// Width varies.
func (Opaque) Width() int { return -1 }

// String is its name.
func (Opaque) String() string { return "Secret" }

// Class is its name.
func (Opaque) Class() string { return "com.example.Secret" }

// Size is not known.
func (Opaque) Size([]byte) (int, error) {
	return 0, &backends.OpaqueError{Class: "com.example.Secret", Hint: "--type com.example.Secret=SPEC"}
}

// AppendJSON does not know either.
func (o Opaque) AppendJSON(dst, b []byte) ([]byte, int, error) {
	n, err := o.Size(b)
	return dst, n, err
}

// Text is an entry as a line.
func Text(e *backends.Entry) string {
	show := func(t backends.Type, b []byte) string {
		if b == nil || t == nil {
			return "-"
		}
		j, n, err := t.AppendJSON(nil, b)
		if err != nil || n != len(b) {
			return fmt.Sprintf("%q", b)
		}
		return string(j)
	}
	st := e.State
	value := show(st.Value, e.Value)
	switch {
	case e.Null:
		value = "null"
	case st.Kind == backends.List:
		value = fmt.Sprintf("%x", e.Value)
	case st.Kind == backends.Timer && st.Value == nil:
		value = fmt.Sprint("at ", e.Time)
	}
	return fmt.Sprintf("%d %s %s %s %s: %s", e.KeyGroup, st.Name, show(st.Key, e.Key), show(st.Namespace, e.Namespace), show(st.MapKey, e.MapKey), value)
}

// Lines are the entries as Text has them, and the errors.
func Lines(entries iter.Seq2[backends.Entry, error]) (lines []string, errs []error) {
	for e, err := range entries {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		lines = append(lines, Text(&e))
	}
	return lines, errs
}
