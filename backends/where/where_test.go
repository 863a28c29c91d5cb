package where

import (
	"errors"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	const (
		value  = `{"op":"a","state":"count","kind":"value","kg":7,"key":"ann","value":12}`
		pojo   = `{"op":"a","state":"p","kind":"value","kg":7,"key":["ann",7],"namespace":"[0,1000)","value":{"name":"x\"y","sum":1.5,"tags":["a","b"],"sub":null}}`
		timer  = `{"op":"a","state":"_event_timer","kind":"timer","kg":7,"key":5,"ts":4102444800005}`
		scaled = `{"op":"a","state":"d","kind":"value","kg":7,"key":5,"value":"NaN","lastAccess":17}`
	)
	for _, c := range []struct {
		condition, entry string
		want             bool
	}{
		{`value == 12`, value, true},
		{`value > 12`, value, false},
		{`value > 11.5 && value < 12.5`, value, true},
		{`key == "ann" && kg == 7 && state == "count"`, value, true},
		{`key.startsWith("an")`, value, true},
		{`key.matches("^a.n$")`, value, true},
		{`value % 5 == 2`, value, true},
		{`state in ["count", "p"]`, value, true},
		{`kind == "timer"`, value, false},
		{`value.sum >= 1.5`, pojo, true},
		{`value.name == "x\"y" && value.sub == null`, pojo, true},
		{`"b" in value.tags && size(value.tags) == 2`, pojo, true},
		{`value.tags.exists(t, t == "a")`, pojo, true},
		{`key[0] == "ann" && key[1] == 7`, pojo, true},
		{`ns == "[0,1000)"`, pojo, true},
		{`has(value.sum) && !has(value.other)`, pojo, true},
		{`kind == "timer" && ts > 4102444800000`, timer, true},
		{`lastAccess < 18 && value == "NaN"`, scaled, true},
		{`true`, scaled, true},
	} {
		f, err := Compile(c.condition)
		if err != nil {
			t.Errorf("%s: %v", c.condition, err)
			continue
		}
		m := f.Matcher()
		for range 2 { // nothing is left over from the entry before
			if got, err := m.Match([]byte(c.entry)); got != c.want || err != nil {
				t.Errorf("%s of %s: %v, %v", c.condition, c.entry, got, err)
			}
		}
	}
}

// An entry that lacks what is asked for is no match, and not silently none.
func TestUnanswered(t *testing.T) {
	const entry = `{"op":"a","state":"count","kind":"value","kg":7,"key":"ann","value":12}`
	for _, condition := range []string{`value.amount > 1`, `mapKey == 1`, `ts > 1`, `value.startsWith("x")`, `key > 5`, `value`} {
		f, err := Compile(condition)
		if err != nil {
			t.Errorf("%s: %v", condition, err)
			continue
		}
		if yes, err := f.Matcher().Match([]byte(entry)); yes || err == nil {
			t.Errorf("%s: %v, %v", condition, yes, err)
		}
	}
	f, err := Compile(`mapKey == 1 || value == 12`)
	if err != nil {
		t.Fatal(err)
	}
	if yes, err := f.Matcher().Match([]byte(entry)); !yes || err != nil {
		t.Errorf("what another part decides: %v, %v", yes, err)
	}
}

func TestSyntax(t *testing.T) {
	for condition, want := range map[string]string{
		`value >`:                       "line 1, column 8: Syntax error",
		`amount == 1`:                   "line 1, column 1: undeclared reference to 'amount'",
		`kg == "a"`:                     "line 1, column 4: found no matching overload",
		`value == 1 &&` + "\n" + ` nix`: "line 2, column 2: undeclared reference to 'nix'",
		`kg + 1`:                        "it gives int, not true or false",
		`namespace == 1`:                "it is called ns here",
		``:                              "line 1, column 1: Syntax error",
	} {
		_, err := Compile(condition)
		var wrong *SyntaxError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", condition, err)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	f, err := Compile(`value % 7 == 3 && value > 10`)
	if err != nil {
		b.Fatal(err)
	}
	m := f.Matcher()
	entry := []byte(`{"op":"counter","state":"count","kind":"value","kg":7,"key":"user-123456","value":12345}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Match(entry); err != nil {
			b.Fatal(err)
		}
	}
}

// Whatever a condition and an entry are, there is an answer or an error.
func FuzzMatch(f *testing.F) {
	f.Add(`value > 1`, `{"value":12}`)
	f.Add(`value.a[0] == key`, `{"value":{"a":[1]},"key":1}`)
	f.Add(`value`, `{"value":{"a":`)
	f.Fuzz(func(t *testing.T, condition, entry string) {
		if len(condition) > 200 {
			return
		}
		filter, err := Compile(condition)
		if err != nil {
			return
		}
		if yes, err := filter.Matcher().Match([]byte(entry)); yes && err != nil {
			t.Error("both an answer and an error")
		}
	})
}
