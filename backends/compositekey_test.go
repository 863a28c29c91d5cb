package backends

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// text is a string behind its length and one, as Flink's are while they are short. fixed is n bytes.
// secret is what only the job knows.
type (
	text   struct{ Type }
	fixed  struct{ Type }
	secret struct{ Type }
)

func (text) Width() int { return -1 }
func (text) Size(b []byte) (int, error) {
	if len(b) == 0 || len(b) < int(b[0]) {
		return 0, ErrShort
	}
	return max(int(b[0]), 1), nil
}
func (fixed) Width() int                 { return 4 }
func (fixed) Size([]byte) (int, error)   { return 4, nil }
func (secret) Width() int                { return -1 }
func (secret) Size([]byte) (int, error)  { return 0, &OpaqueError{Class: "Secret"} }
func form(prefix int, k, n Type) KeyForm { return NewKeyForm(prefix, k, n, false) }
func mapForm(prefix int, k, n Type) KeyForm {
	return NewKeyForm(prefix, k, n, true)
}

// long is a byte string of any length, behind two bytes of it.
type long struct{ Type }

func (long) Width() int { return -1 }
func (long) Size(b []byte) (int, error) {
	if len(b) < 2 || len(b)-2 < (int(b[0])<<8|int(b[1])) {
		return 0, ErrShort
	}
	return 2 + (int(b[0])<<8 | int(b[1])), nil
}

func TestKeyForm(t *testing.T) {
	for name, c := range map[string]struct {
		form KeyForm
		hex  string
		want KeyParts
	}{
		"fixed namespace":      {form(1, text{}, fixed{}), "2c 036162 00000001", KeyParts{[]byte("\x03ab"), []byte("\x00\x00\x00\x01"), nil}},
		"fixed key":            {form(2, fixed{}, text{}), "012c 00000001 036162", KeyParts{[]byte("\x00\x00\x00\x01"), []byte("\x03ab"), nil}},
		"map":                  {mapForm(2, text{}, fixed{}), "012c 036162 00000001 03756b", KeyParts{[]byte("\x03ab"), []byte("\x00\x00\x00\x01"), []byte("\x03uk")}},
		"empty key in the map": {mapForm(1, fixed{}, fixed{}), "01 00000001 00000002", KeyParts{[]byte("\x00\x00\x00\x01"), []byte("\x00\x00\x00\x02"), []byte{}}},
		"both vary":            {form(2, text{}, text{}), "012c 036162 03 036e73 03", KeyParts{[]byte("\x03ab"), []byte("\x03ns"), nil}},
		"both vary, map":       {mapForm(2, text{}, text{}), "012c 036162 03 036e73 03 03756b", KeyParts{[]byte("\x03ab"), []byte("\x03ns"), []byte("\x03uk")}},
		"long":                 {form(2, text{}, long{}), "012c 036162 03 012c" + strings.Repeat("6e", 300) + "2e01", KeyParts{[]byte("\x03ab"), []byte("\x01\x2c" + strings.Repeat("n", 300)), nil}},
		"unknown":              {form(1, secret{}, fixed{}), "01 616263 00000001", KeyParts{[]byte("abc"), []byte("\x00\x00\x00\x01"), nil}},
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(c.hex, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.form.Split(b)
		if err != nil || !bytes.Equal(got.Key, c.want.Key) || !bytes.Equal(got.Namespace, c.want.Namespace) ||
			!bytes.Equal(got.MapKey, c.want.MapKey) || (got.MapKey == nil) != (c.want.MapKey == nil) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if back := c.form.Append(b[:c.form.prefix:c.form.prefix], got); !bytes.Equal(back, b) {
			t.Errorf("%s: % x", name, back)
		}
		if again, err := SplitKey(b, c.form.prefix, c.form.key, c.form.namespace, c.form.mapKey); err != nil || !bytes.Equal(again.Key, got.Key) {
			t.Errorf("%s: %q, %v", name, again, err)
		}
		for n := range b { // what is cut off is no key, unless what is cut off is of the part that takes the rest
			if p, err := c.form.Split(b[:n]); err == nil && !c.form.mapKey && c.form.key != (secret{}) {
				t.Errorf("%s: %d bytes of it are %q", name, n, p)
			}
		}
		if _, err := c.form.Split(append(b, 0)); err == nil && !c.form.mapKey && c.form.key != (secret{}) {
			t.Errorf("%s: is longer", name)
		}
	}
}

func TestTimerForm(t *testing.T) {
	f := NewTimerForm(1, text{}, text{})
	b := append(AppendTimerTime([]byte{7}, -2), "\x03ab\x03ns"...)
	p, err := f.Split(b)
	if err != nil || string(p.Key) != "\x03ab" || string(p.Namespace) != "\x03ns" || TimerTime(b[1:]) != -2 {
		t.Errorf("%q, %v", p, err)
	}
	if hex.EncodeToString(b[:9]) != "077ffffffffffffffe" || !bytes.Equal(f.Append(b[:9:9], p), b) {
		t.Errorf("% x", b)
	}
	if _, err := f.Split(b[:8]); !errors.Is(err, ErrShort) {
		t.Error(err)
	}
	if _, err := f.Split(append(b, 0)); !errors.Is(err, ErrKey) {
		t.Error(err)
	}
}

func TestKeyFormErrors(t *testing.T) {
	var opaque *OpaqueError
	for _, f := range []KeyForm{mapForm(1, secret{}, fixed{}), form(1, secret{}, text{}), form(1, fixed{}, secret{})} {
		if _, err := f.Split([]byte("abcdefgh")); !errors.As(err, &opaque) {
			t.Error(err)
		}
	}
	f := form(1, text{}, text{})
	for _, s := range []string{"\x01\x02a\x03\x02b\x02", "\x01\x02a\x02\x02b\x01", "\x01\x02a\x02\x02b\x02\x00"} {
		if p, err := f.Split([]byte(s)); !errors.Is(err, ErrKey) {
			t.Errorf("%q: %q, %v", s, p, err)
		}
	}
	f = form(1, secret{}, fixed{})
	if _, err := f.Split([]byte("abc")); !errors.Is(err, ErrShort) {
		t.Error(err)
	}
}

func TestKeyFormAllocates(t *testing.T) {
	f, b := mapForm(2, text{}, text{}), []byte("\x01\x2c\x03ab\x03\x03ns\x03\x03uk")
	if n := testing.AllocsPerRun(100, func() { _, _ = f.Split(b) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
