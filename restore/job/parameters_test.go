package job

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// writing has a parameter for a text, and one for a number.
const writing = `name: writing
parameters: {out: null, rate: 0.5}
checkpointing: {execution.checkpointing.dir: "${out}"}
sources:
  - {uid: numbers, type: sequence, records: 1, rate: "${rate}"}
sinks:
  - {uid: files, type: files, input: numbers, url: "${out}", format: json, prefix: "p-${out}"}
`

// What a checkpoint carries says what the command line said: the text itself, whatever YAML would make of it, and below this directory.
func TestSetTexts(t *testing.T) {
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"out", "2026", "007", "-5", "+5", "0x10", "1e5", ".5", "5.", "-.5", ".inf", "true", "null", "~", "no", "1:30", "2026-01-01", "1_000", "a: b", "a #b", "- x", "*x", "&x", "!x",
		"%x", "@x", "`x", "{x", "[x", "'", `"`, "$", "${rate}", "$${rate}", " x ", "\t", "a\nb", "\x01", "\x7f", "\u0085", "\ufeffx", "\u2028", "é", "😀"} {
		f := load(t, writing, map[string]string{"out": text})
		again := load(t, string(f.Definition()), nil)
		if string(again.Definition()) != string(f.Definition()) {
			t.Errorf("%q:\n%s\n%s", text, f.Definition(), again.Definition())
		}
		_, conf := build(t, again)
		want := filepath.ToSlash(filepath.Join(here, text))
		if url := again.Sinks.list[0].get("url"); url.text != want || conf["execution.checkpointing.dir"] != want {
			t.Errorf("%q: written to %q, checkpoints in %q", text, url.text, conf["execution.checkpointing.dir"])
		}
		if prefix := again.Sinks.list[0].get("prefix").text; prefix != "p-"+text {
			t.Errorf("%q: %q", text, prefix)
		}
	}
	if m := strings.Join(mistakesOf(writing, map[string]string{"out": "\xff"}), "\n"); m != "f: --set out=\xff: want UTF-8" {
		t.Errorf("%q", m)
	}
}

// A number is one, and the same one, in a file, by --set and in what a checkpoint carries.
func TestNumbers(t *testing.T) {
	for text, want := range map[string]float64{"1e5": 1e5, "1E+5": 1e5, "5e-1": 0.5, ".5": 0.5, "5.": 5, "+5": 5, "+.5": 0.5, "00.5": 0.5, "1.5e3": 1500, "7": 7} {
		for _, f := range []*File{
			load(t, strings.Replace(writing, "rate: 0.5", "rate: "+text, 1), map[string]string{"out": "x"}),
			load(t, writing, map[string]string{"out": "x", "rate": text}),
		} {
			for _, f := range []*File{f, load(t, string(f.Definition()), nil)} {
				build(t, f)
				if rate := f.Sources.list[0].get("rate"); rate.kind != intValue && rate.kind != floatValue {
					t.Errorf("%s: %s", text, kindNames[rate.kind])
				} else if x, err := strconv.ParseFloat(rate.text, 64); err != nil || x != want {
					t.Errorf("%s: %s, %v", text, rate.text, err)
				}
			}
		}
	}
	for _, text := range []string{"1_000", "0x1p4", "Inf", "nan", "1e", "e5", "1e999", "--5"} {
		if m := mistakesOf(writing, map[string]string{"out": "x", "rate": text}); len(m) != 1 || !strings.Contains(m[0], "want a number") {
			t.Errorf("%s: %q", text, m)
		}
		if m := mistakesOf(strings.Replace(writing, "rate: 0.5", "rate: "+text, 1), map[string]string{"out": "x"}); len(m) != 1 || !strings.Contains(m[0], "want a number") {
			t.Errorf("%s in the file: %q", text, m)
		}
	}
}

// In a directory whose name is a pattern, a relative path would be one as well, and no file would be found.
func TestPatternOfDirectory(t *testing.T) {
	const text = `name: reading
sources:
  - {uid: lines, type: files, url: %, format: lines}
sinks:
  - {uid: out, type: files, input: lines, url: out, format: json}
`
	dir := filepath.Join(t.TempDir(), "a[1]")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	if m := strings.Join(mistakesOf(strings.Replace(text, "%", "lines.txt", 1), nil), "\n"); !strings.HasPrefix(m, "f:3:36: *, ? and [ make a pattern of a path") {
		t.Errorf("%q", m)
	}
	if m := mistakesOf(strings.Replace(text, "%", "/data/lines.txt", 1), nil); m != nil {
		t.Errorf("%q", m)
	}
}
