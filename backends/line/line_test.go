package line

import (
	"encoding/json"
	"slices"
	"testing"
)

const entry = `{"op":"a","state":"s","kind":"map","kg":7,"key":{"x":[1,{"y":"}"}],"é\"":null},"mapKey":"a\\\"b","value":[1,[2,3],"]",{}]}`

func TestFields(t *testing.T) {
	var got []string
	for name, value := range Fields([]byte(entry)) {
		got = append(got, name+"="+string(value))
	}
	want := []string{`op="a"`, `state="s"`, `kind="map"`, `kg=7`, `key={"x":[1,{"y":"}"}],"é\"":null}`, `mapKey="a\\\"b"`, `value=[1,[2,3],"]",{}]`}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if v := Field([]byte(entry), "key"); string(Field(v, `é"`)) != "null" || Field(v, "z") != nil {
		t.Errorf("%s", v)
	}
}

func TestElements(t *testing.T) {
	for array, want := range map[string][]string{
		`[]`:                nil,
		`[1]`:               {"1"},
		`[1,[2,3],"],",{}]`: {"1", "[2,3]", `"],"`, "{}"},
		`7`:                 nil,
		``:                  nil,
	} {
		var got []string
		for e := range Elements([]byte(array)) {
			got = append(got, string(e))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q", array, got)
		}
	}
}

func TestText(t *testing.T) {
	for value, want := range map[string]string{`"a"`: "a", `"a\"b"`: `a"b`, `7`: "7", `""`: "", `"`: `"`, `"\x"`: `"\x"`, `[1]`: "[1]"} {
		if got := Text([]byte(value)); got != want {
			t.Errorf("%s: %q", value, got)
		}
	}
}

// An entry is taken apart without allocations.
func TestAllocations(t *testing.T) {
	b := []byte(`{"op":"a","state":"s","kind":"map","kg":7,"key":"k","mapKey":"m","value":[1,[2,3],"]",{}]}`)
	n := testing.AllocsPerRun(100, func() {
		for _, value := range Fields(b) {
			for range Elements(value) {
				continue
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What is valid JSON is taken apart as encoding/json does it; anything else does no harm.
func FuzzFields(f *testing.F) {
	for _, seed := range []string{entry, `{}`, `{"a":1}`, `{"a"`, `{"a":`, `{"":"\`, `[[[`, `{"a":{"b":[`, `{"x":1,}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var got []string
		for name := range Fields(b) {
			got = append(got, name)
		}
		for range Elements(b) {
			continue
		}
		var object map[string]json.RawMessage
		compact, err := json.Marshal(json.RawMessage(b))
		if err != nil || json.Unmarshal(compact, &object) != nil || object == nil {
			return
		}
		got = got[:0]
		for name, value := range Fields(compact) {
			if !json.Valid(value) {
				t.Fatalf("%s: %s: %s", compact, name, value)
			}
			if !slices.Contains(got, name) {
				got = append(got, name)
			}
		}
		if len(got) != len(object) {
			t.Fatalf("%s: %q", compact, got)
		}
	})
}
