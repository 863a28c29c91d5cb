package backends

import (
	"errors"
	"slices"
	"testing"
)

// called is a text with a name.
type called struct{ text }

func (called) String() string { return "Text" }

func TestJoinedElements(t *testing.T) {
	for b, want := range map[string][]string{
		"\x02a":             {"\x02a"},
		"\x02a,\x02b":       {"\x02a", "\x02b"},
		"\x02,,\x03,,,\x01": {"\x02,", "\x03,,", "\x01"},
	} {
		var got []string
		for e, err := range JoinedElements(called{}, []byte(b)) {
			if err != nil {
				t.Error(err)
			}
			got = append(got, string(e))
			if cap(e) != len(e) {
				t.Error("what is appended to an element would be written over the next")
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q", b, got)
		}
	}
	var wrong *TypeError
	var opaque *OpaqueError
	for b, is := range map[string]func(error) bool{
		"":             func(err error) bool { return errors.Is(err, ErrShort) },
		"\x02a,":       func(err error) bool { return errors.Is(err, ErrShort) },
		"\x02a,\x03b":  func(err error) bool { return errors.Is(err, ErrShort) },
		"\x02a;\x02b":  func(err error) bool { return errors.As(err, &wrong) && wrong.Offset == 2 },
		"\x02a,\x02bc": func(err error) bool { return errors.As(err, &wrong) && wrong.Offset == 5 },
	} {
		last := error(nil)
		for _, last = range JoinedElements(called{}, []byte(b)) {
		}
		if !is(last) {
			t.Errorf("%q: %v", b, last)
		}
	}
	for _, err := range JoinedElements(secret{}, []byte("x")) {
		if !errors.As(err, &opaque) {
			t.Error(err)
		}
	}
	for _, err := range JoinedElements(fixed{}, []byte("abc")) { // its Size does not look
		if !errors.Is(err, ErrShort) {
			t.Error(err)
		}
	}
}
