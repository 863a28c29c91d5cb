package cmd

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestJSON(t *testing.T) {
	env := call{}.world(nil)
	var out strings.Builder
	env.Out = &out
	doc := map[string]any{"n": int64(math.MaxInt64), "s": "a<b>&\u009b\u202e\x1b\x7f é\xff\n"}
	if err := env.writeJSON(doc); err != nil {
		t.Fatal(err)
	}
	want := "{\n  \"n\": 9223372036854775807,\n  \"s\": \"a<b>&\\u009b\\u202e\\u001b\\u007f é\\ufffd\\n\"\n}\n"
	if out.String() != want {
		t.Errorf("got %q\nwant %q", out.String(), want)
	}
	var back map[string]any
	if err := json.Unmarshal([]byte(out.String()), &back); err != nil || back["s"] != "a<b>&\u009b\u202e\x1b\x7f é\uFFFD\n" {
		t.Errorf("%v, %q", err, back["s"])
	}
	if err := env.writeJSON(math.NaN()); err == nil {
		t.Error("no error for what JSON cannot say")
	}
}

func TestStream(t *testing.T) {
	env := call{}.world(nil)
	env.Output = JSON
	var out strings.Builder
	env.Out = &out
	w := env.newLineWriter()
	for i := range 3 {
		if err := w.write(map[string]int{"i": i}); err != nil {
			t.Fatal(err)
		}
	}
	if want := "{\"i\":0}\n{\"i\":1}\n{\"i\":2}\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestStreamNeedsJSON(t *testing.T) {
	var opts streamOptions
	c := &cobra.Command{}
	opts.addFlags(c)
	if err := c.ParseFlags([]string{"--stream"}); err != nil {
		t.Fatal(err)
	}
	env := call{}.world(nil)
	for form, want := range map[Format]Code{JSON: OK, TSV: Usage, Table: Usage} {
		env.Output = form
		if err := opts.validate(env); (err == nil) != (want == OK) || err != nil && entryOf(err).code != want {
			t.Errorf("%s: %v", form, err)
		}
	}
}
