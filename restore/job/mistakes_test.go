package job

import (
	"errors"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/google/go-cmp/cmp"
)

// small is a job without faults, line by line.
const small = `name: small
parameters: {records: 10, keys: 3, ratio: 0.5, on: true, to:}
sources:
  - {uid: numbers, type: sequence, records: "${records}"}
operators:
  - {uid: keyed, type: map, input: numbers, select: {key: 'n % ${keys}', n: n}}
  - {uid: counts, type: aggregate, input: keyed, key-by: key, aggregates: {count: count()}}
sinks:
  - {uid: out, type: discard, input: counts}
`

func mistakesOf(text string, set map[string]string) []string {
	f, err := Load([]byte(text), "f", set)
	if f != nil {
		_, _, err = f.Build(catalog())
	}
	var all Errors
	if !errors.As(err, &all) {
		return nil
	}
	return strings.Split(all.Error(), "\n")
}

// changes are mistakes made in it.
var changes = []struct{ old, changed, want string }{
	{"name: small\n", "", "f:1:1: name is missing"},
	{"name:", "nam:", "f:1:1: no such key: nam (did you mean name?)"},
	{"name: small\n", "name: small\nparallelism: 0\n", "f:2:14: parallelism: want 1 or more"},
	{"name: small\n", "name: small\nparallelism: two\n", `f:2:14: want a whole number, not "two"`},
	{"name: small\n", "name: small\nparallelism: 3\nmax-parallelism: 2\n", "f:3:18: max-parallelism: want 3 (the parallelism) to 32768"},
	{"name: small\n", "name: small\nname: big\n", "f:2:1: name is there twice"},
	{"name: small\n", "name: &a small\n", "f:1:7: anchors, aliases and tags are not read here (write the value itself)"},
	{"name: small\n", "name: !!str small\n", "anchors, aliases and tags are not read here"},
	{"name: small\n", "name: [\n", "f:1:7: not YAML"},
	{"name: small\n", "name: small\nname: x: y\n", "(a text with a colon and a blank in it needs quotes: '…')"},
	{"name: small\n", "name: small\ncheckpointing: {interval: 1s}\n", "f:2:17: interval: want the full name of one of Flink's configuration keys (such as execution.checkpointing.interval)"},
	{"name: small\n", "name: small\nstate: {state.backend: {type: [[a]]}}\n", "state.backend.type: want a value"},
	{"name: small\n", "name: small\nstate: {a.b: 1}\nrestart: {a: {b: 2}}\n", "f:3:15: a.b is set twice"},
	{"name: small\n", "name: small\nstate: 5\n", "f:2:8: want a map of Flink's configuration keys, not \"5\""},
	{"${records}", "${record}", "f:4:45: ${record}: no such parameter (did you mean records?)"},
	{"${keys}", "${keys", "a ${ without its } ($${ stands for ${)"},
	{"keys: 3", "keys: '${ratio}'", "the parameter keys refers to a parameter"},
	{"keys: 3", "keys: [3]", "the parameter keys: want a single value, not a list"},
	{"keys: 3", "'k s': 3", `"k s" is no name for a parameter`},
	{"to:}", "to:, from:}", "the parameter from has no default and was not set (--set from=VALUE)"},
	{"sources:\n", "sources: 5\nsorces:\n", "f:3:10: want a list of sources, not \"5\""},
	{"type: sequence,", "", "f:4:6: type is missing"},
	{"type: sequence", "type: sequense", "f:4:26: no source of the type \"sequense\" (did you mean sequence?)"},
	{"type: sequence", "type: kafka", "(there are datagen, files, sequence, socket, stdin)"},
	{"type: sequence", "type: sequence, watermark: {column: m}", "no column m (did you mean n?)"},
	{"type: sequence", "type: sequence, watermark: {}", "f:4:47: column is missing"},
	{"type: sequence", "type: sequence, watermark: {column: n, delay: soon}", `want a duration such as 10s, not "soon"`},
	{"type: sequence", "type: sequence, watermark: {column: n, delay: -1s}", "delay and idleness cannot be below zero"},
	{"type: sequence", "type: sequence, compute: {s: '\"a\"'}, watermark: {column: s}", "the column s is STRING; event time is a TIMESTAMP or BIGINT"},
	{"type: sequence", "type: sequence, compute: {n: n}", "there is a column n already"},
	{"type: sequence", "type: sequence, rate: -1", "want records per second"},
	{"type: sequence", "type: sequence, to: 5", "either records or to"},
	{"type: sequence", "type: sequence, paralelism: 2", "no such key: paralelism (did you mean parallelism?)"},
	{"type: sequence", "type: sequence, parallelism: -2", "parallelism: want 1 or more"},
	{"uid: keyed", "uid: counts", "f:7:11: the uid counts is that of line 6 as well"},
	{"input: numbers", "input: number", "f:6:36: no source or operator with the uid number (did you mean numbers?)"},
	{"input: numbers", "input: counts", "reads, by way of others, its own output"},
	{"input: numbers, ", "", "f:6:6: input is missing"},
	{"type: sequence", "type: stdin, format: lines, max-record: 0", "f:4:60: want 1 byte or more"},
	{"'n % ${keys}'", "'n % 3 + m'", "f:6:68: n % 3 + m: no column m; there are n"},
	{"'n % ${keys}'", "n + 'a'", "n + 'a': found no matching overload"},
	{"'n % ${keys}'", "[]", "want an expression, not a list"},
	{"select: {key: 'n % ${keys}', n: n}", "select: {}", "want a map of names and expressions, not a map"},
	{"select: {key: 'n % ${keys}', n: n}", "add: {key: n}, select: {key: n}", "either select or add"},
	{", select: {key: 'n % ${keys}', n: n}", "", "select or add is missing"},
	{"key-by: key", "key-by: [kee]", "f:7:59: no column kee (did you mean key?)"},
	{"key-by: key", "key-by: []", "want at least one name, not a list"},
	{"count: count()", "count: count(n)", "count() counts records, and takes no expression"},
	{"count: count()", "count: sum()", "sum() needs an expression"},
	{"count: count()", "count: 'sum(n + z)'", "f:7:92: n + z: no column z; there are key, n"},
	{"count: count()", "count: median(n)", "no aggregate median"},
	{"count: count()", "count: summ(n)", "(did you mean sum?)"},
	{"count: count()", "count: n", "want a call of one of count, sum, min, max, avg, top (such as count() or sum(amount))"},
	{"count: count()", "count: 'top(n)'", "top: want a number from 1 on and an expression"},
	{"count: count()", "count: 'top(3, z)'", "f:7:91:  z: no column z"},
	{"aggregates:", "ttl: 0s, aggregates:", "want a time above zero"},
	{"type: aggregate", "type: window, window: {tumbling: 1s, session: 1s}", "want one of tumbling, sliding and session"},
	{"type: aggregate", "type: window, window: {sliding: 1s}", "sliding and slide go together"},
	{"type: aggregate", "type: window, window: {tumbling: 0s}", "want whole milliseconds above zero"},
	{"type: aggregate", "type: window, window: {tumbling: 1s}, time: wall", `"wall": no such time (there are event, processing)`},
	{"type: aggregate", "type: window, window: {tumbling: 1s}, time: processing, lateness: 1s", "lateness is of event time"},
	{"type: aggregate", "type: window, window: {tumbling: 1s}, trigger: {count: 0}", "count: want 1 or more"},
	{"type: discard", "type: stdout", "format is missing"},
	{"type: discard", "type: stdout, format: xml", `"xml": no such format (there are lines, json, csv)`},
	{"type: discard", "type: stdout, format: json, header: true", "header is of the format csv"},
	{"type: discard", "type: stdout, format: csv, delimiter: tab", `want one ASCII character, not "tab"`},
	{"type: discard", "type: files, format: csv", "url is missing"},
	{"sinks:\n  - {uid: out, type: discard, input: counts}\n", "", "f:1:1: sinks is missing"},
	{"input: counts}", "input: keyed}", "f:7:11: nothing reads the operator counts (a sink of the type discard takes what nobody needs)"},
}

func TestMistakes(t *testing.T) {
	set := map[string]string{"to": "x"}
	if m := mistakesOf(small, set); m != nil {
		t.Fatal(m)
	}
	for _, c := range changes {
		if !strings.Contains(small, c.old) {
			t.Errorf("no %s to change", c.old)
		}
		text := strings.Replace(small, c.old, c.changed, 1)
		if got := strings.Join(mistakesOf(text, set), "\n"); !strings.Contains(got, c.want) {
			t.Errorf("%s -> %s: have %q; want %q", c.old, c.changed, got, c.want)
		}
	}
}

func TestSet(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"record", "5", "f: --set record: no such parameter (did you mean records?)"},
		{"records", "many", "f: --set records=many: want a whole number"},
		{"ratio", "x", "f: --set ratio=x: want a number"},
		{"on", "yes", "f: --set on=yes: want true or false"},
		{"records", "-1", "f:4:45: want 0 or more, and no number above 2^63-1"},
		{"records", "5", ""}, {"ratio", "2", ""}, {"on", "false", ""},
	} {
		if got := strings.Join(mistakesOf(small, map[string]string{"to": "x", c.name: c.value}), "\n"); got != c.want {
			t.Errorf("%s=%s: have %q, want %q", c.name, c.value, got, c.want)
		}
	}
}

// What would keep the parser busy for minutes is refused at once.
func TestExcess(t *testing.T) {
	for text, want := range map[string]string{
		strings.Repeat("[", 100000): "nested too deep", strings.Repeat("{a: ", 100000): "nested too deep", strings.Repeat("- ", 100000): "nested too deep",
		"a: " + strings.Repeat("x", 1<<20): "more than 1048576 bytes are no job file", "a: " + strings.Repeat("[", 60) + strings.Repeat("]", 60): "nested too deep",
	} {
		if _, err := Load([]byte(text), "f", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20s: %v", text, err)
		}
	}
}

// What is not there at all is told once, and where it is missing.
func TestNoExpression(t *testing.T) {
	for _, c := range []struct{ old, changed, want string }{
		{"select: {key: 'n % ${keys}', n: n}", "select: {key: n, n: null}", "f:6:65: want an expression, not nothing"},
		{"select: {key: 'n % ${keys}', n: n}", "select: {key: n, n: ' '}", `f:6:65: want an expression, not " "`},
		{"type: map, input: numbers, select: {key: 'n % ${keys}', n: n}", "type: filter, input: numbers", "f:6:6: where is missing"},
		{"type: map, input: numbers, select: {key: 'n % ${keys}', n: n}", "type: flat-map, input: numbers, as: key", "f:6:6: each is missing"},
		{"count: count()", "count: ''", `f:7:83: want an expression, not ""`},
	} {
		text := strings.Replace(small, c.old, c.changed, 1)
		if got := strings.Join(mistakesOf(text, map[string]string{"to": "x"}), "\n"); text == small || got != c.want {
			t.Errorf("%s -> %s: have %q; want %q", c.old, c.changed, got, c.want)
		}
	}
}

// Expressions of several lines have their mistakes in one of them.
func TestLines(t *testing.T) {
	const text = `name: lines
sources:
  - {uid: numbers, type: sequence, records: 1}
operators:
  - uid: keyed
    type: filter
    input: numbers
    where: %
      n > 5 &&

      z > 1
  - uid: counts
    type: aggregate
    input: keyed
    key-by: n
    aggregates:
      high: |-
        top(2,
          n + y)
sinks:
  - {uid: out, type: discard, input: counts}
`
	for sign, want := range map[string]string{
		"|":  "f:11:7: n > 5 &&\n\nz > 1: no column z; there are n",
		"|-": "f:11:7: n > 5 &&\n\nz > 1: no column z; there are n",
		">":  "f:8:12: n > 5 &&\nz > 1: line 2, column 1: no column z; there are n",
	} {
		want += "\nf:19:15: \n  n + y: no column y; there are n"
		fixed := strings.NewReplacer("z > 1\n", "n < 9\n").Replace(text)
		for _, c := range [][2]string{{text, want[:strings.Index(want, "\nf:19")]}, {fixed, want[strings.Index(want, "f:19"):]}} {
			for _, end := range []string{"\n", "\r\n"} {
				file := strings.ReplaceAll(strings.Replace(c[0], "%", sign, 1), "\n", end)
				if got := strings.Join(mistakesOf(file, nil), "\n"); got != c[1] {
					t.Errorf("%s: have %q, want %q", sign, got, c[1])
				}
			}
		}
	}
}

// All mistakes are told at once, in the order of the file.
func TestAllMistakes(t *testing.T) {
	text := strings.NewReplacer("sequence,", "sequence, rat: 1,", "n % ${keys}", "m", "discard", "discart", "name:", "names:").Replace(small)
	want := []string{
		"f:1:1: no such key: names (did you mean name?)",
		"f:1:1: name is missing",
		"f:4:36: no such key: rat (did you mean rate?)",
		"f:6:60: m: no column m; there are n",
		`f:9:22: no sink of the type "discart" (did you mean discard?)`,
	}
	if diff := cmp.Diff(want, mistakesOf(text, map[string]string{"to": "x"})); diff != "" {
		t.Error(diff)
	}
}

func TestParameters(t *testing.T) {
	text := strings.Replace(small, "name: small", "name: 'a ${to} $${b} ${on}${ratio}'\nstate: {a.on: '${on}', a.text: '$${x}', a.list: [1, b]}", 1)
	f := load(t, text, map[string]string{"to": "${c} #", "records": "007"})
	_, configuration := build(t, f)
	want := map[string]string{"a.on": "true", "a.text": "${x}", "a.list": "1;b"}
	if diff := cmp.Diff(want, configuration); diff != "" || f.Name != "a ${c} # ${b} true0.5" {
		t.Errorf("%s%s", diff, f.Name)
	}
	again := load(t, string(f.Definition()), nil)
	if again.Name != f.Name || string(again.Definition()) != string(f.Definition()) || !strings.Contains(string(f.Definition()), "records: 7\n") {
		t.Errorf("%s\n%s", f.Definition(), again.Definition())
	}
}

func TestBuild(t *testing.T) {
	text := strings.NewReplacer("type: sequence,", "type: sequence, parallelism: 3, name: digits, chain: false, compute: {time: 'fromMillis(n)'}, watermark: {column: time, delay: 1 min},",
		"name: small", "name: small\nparallelism: 4\nmax-parallelism: 64").Replace(small)
	j, _ := build(t, load(t, text, map[string]string{"to": ""}))
	if j.Name != "small" || j.Parallelism != 4 || j.MaxParallelism != 64 || len(j.Nodes) != 4 {
		t.Fatalf("%+v", j)
	}
	n := j.Nodes[0]
	if n.UID != "numbers" || n.Name != "digits" || n.Parallelism != 3 || !n.NoChain || n.Watermarks.Column != "time" || n.Watermarks.Delay.Minutes() != 1 || n.Output.Index("time") != 1 {
		t.Errorf("%+v", n)
	}
	counts := j.Nodes[2]
	want := engine.NewSchema(engine.Column{Name: "key", Kind: engine.Long}, engine.Column{Name: "count", Kind: engine.Long})
	if diff := cmp.Diff(want, counts.Output); diff != "" || counts.Inputs[0].Exchange != engine.Hash || counts.Inputs[0].Key[0] != "key" {
		t.Errorf("%s%+v", diff, counts.Inputs)
	}
	if sink := j.Nodes[3]; sink.Output != nil || sink.Inputs[0].From != counts || sink.Inputs[0].Exchange != engine.Forward {
		t.Errorf("%+v", sink)
	}
}

// Whatever a file is, there are mistakes with a place, or a job whose definition is the same job.
func FuzzLoad(f *testing.F) {
	f.Add(small)
	f.Add("name: &x [*x]")
	f.Add("? a\n: b")
	f.Add("a: \"${\"\nb: ${}")
	f.Add("name: 0x1f\nsources: [{uid: ${a}}]\nparameters: {a: .inf}")
	c := catalog()
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Load([]byte(text), "f", nil)
		if file == nil {
			if err == nil {
				t.Fatal("neither a file nor a mistake")
			}
			return
		}
		j, _, wrong := file.Build(c)
		if err != nil && wrong == nil {
			t.Fatalf("forgotten: %v", err)
		}
		if wrong != nil {
			return
		}
		again, err := Load(file.Definition(), "f", nil)
		if err != nil {
			t.Fatalf("%s: %v", file.Definition(), err)
		}
		same, _, err := again.Build(c)
		if err != nil || string(same.Definition) != string(j.Definition) {
			t.Fatalf("%s: %v", file.Definition(), err)
		}
	})
}
