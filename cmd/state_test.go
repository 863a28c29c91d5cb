package cmd

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/ckpt-tool/ckpt/testdata"
)

// stateTrees are snapshots of all formats whose entries look exactly as in the dumps.
var stateTrees = map[string]string{
	"heap":             "2.2.0/hashmap-compressed",
	"canonical":        "1.20.0/savepoint-canonical-compressed",
	"rocksdb":          "2.2.0/rocksdb-incremental-small",
	"rocksdb and heap": "2.2.0/rocksdb-zstd",
	"two byte groups":  "2.2.0/maxpar4096-rocksdb",
	"operator state":   "2.2.0/operator-state-files",
	"merged files":     "2.2.0/filemerging-opstate-within",
	"sql":              "2.2.0/sql-types-hashmap",
	"sql join":         "2.2.0/sql-join-hashmap",
	"async":            "2.2.0/async-rocksdb",
	"avro":             "2.2.0/ds-avro-rocksdb",
}

// allOracles are read once.
var allOracles []testdata.StateOracle

// oracleOf is a snapshot of a tree, and its entries.
func oracleOf(t *testing.T, tree string) testdata.StateOracle {
	t.Helper()
	if allOracles == nil {
		allOracles = testdata.StateOracles(t)
	}
	for _, o := range allOracles {
		if o.Case == tree {
			return o
		}
	}
	t.Fatalf("no dump of %s", tree)
	return testdata.StateOracle{}
}

// entriesOf is how often which entries are among lines: without the names of their operators, which dumps have from
// elsewhere, without timers, which some dumps repeat, and without the values of functions that dumps alone can call.
func entriesOf(t *testing.T, lines []string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, l := range lines {
		var entry map[string]any
		d := json.NewDecoder(strings.NewReader(l))
		d.UseNumber()
		if err := d.Decode(&entry); err != nil {
			t.Fatalf("%q: %v", l, err)
		}
		kind := strings.TrimSuffix(entry["kind"].(string), "-ttl")
		if kind == "timer" {
			continue
		}
		if kind == "aggregating" {
			delete(entry, "value")
		}
		entry["kind"] = kind
		delete(entry, "op")
		delete(entry, "lastAccess")
		b, err := json.Marshal(plainNumbers(entry))
		if err != nil {
			t.Fatal(err)
		}
		counts[string(b)]++
	}
	return counts
}

// plainNumbers writes each number that is no integer in one way, and maps whose keys are texts as objects, also where
// their keys might have been null.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if f, err := v.Float64(); err == nil && strings.ContainsAny(v.String(), ".eE") {
			return f
		}
	case []any:
		object := map[string]any{}
		for i := range v {
			v[i] = plainNumbers(v[i])
			if pair, ok := v[i].([]any); ok && len(pair) == 2 {
				if key, ok := pair[0].(string); ok {
					object[key] = pair[1]
				}
			}
		}
		if len(object) == len(v) {
			return object
		}
	case map[string]any:
		for k := range v {
			v[k] = plainNumbers(v[k])
		}
	}
	return v
}

func linesOf(s string) []string {
	return slices.DeleteFunc(strings.Split(s, "\n"), func(l string) bool { return l == "" })
}

// TestStateCat: cat shows what Flink itself reads.
func TestStateCat(t *testing.T) {
	for name, tree := range stateTrees {
		o := oracleOf(t, tree)
		r := ckpt(t, "state", "cat", o.Dir).want(t, OK)
		var dump []string
		for _, l := range o.Entries(t) {
			dump = append(dump, string(l))
		}
		got, want := entriesOf(t, linesOf(r.out)), entriesOf(t, dump)
		if len(want) == 0 || r.err != "" {
			t.Errorf("%s: %d entries, %s", name, len(want), r.err)
		}
		for e, n := range want {
			if got[e] != n {
				t.Errorf("%s: %d times, not %d: %s", name, got[e], n, e)
				break
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %d entries differ from %d", name, len(got), len(want))
		}
	}
}

// However many goroutines read, the output is the same.
func TestStateWorkers(t *testing.T) {
	old := smallState
	defer func() {
		smallState = old
		runtime.GOMAXPROCS(0)
	}()
	for name, tree := range stateTrees {
		dir := oracleOf(t, tree).Dir
		commands := [][]string{
			{"state", "cat", dir, "-o", "tsv"}, {"state", "cat", dir, "--limit", "7"}, {"state", "stats", dir, "-o", "json"},
			{"state", "ls", dir, "--count"}, {"state", "stats", dir, "--per", "key"},
		}
		for _, args := range commands {
			var all []string
			for _, procs := range []int{1, 3, 8} {
				smallState = 1 << 40
				if procs > 1 {
					smallState = 100
				}
				before := runtime.GOMAXPROCS(procs)
				r := ckpt(t, args...).want(t, OK)
				runtime.GOMAXPROCS(before)
				all = append(all, r.out+r.err)
			}
			if all[0] == "" || all[0] != all[1] || all[0] != all[2] {
				t.Errorf("%s: %v: not always the same", name, args)
			}
		}
	}
}

func TestStateFlags(t *testing.T) {
	dir := oracleOf(t, stateTrees["heap"]).Dir
	to := t.TempDir()
	for _, c := range []struct {
		args string
		want Code
		say  string
	}{
		{"cat", Usage, "ckpt state cat needs CKPT"},
		{"cat DIR DIR", Usage, "does not know what to do"},
		{"cat DIR --limit 0", Usage, "--limit 0"},
		{"cat DIR --limit -1", Usage, "--limit -1"},
		{"cat DIR --key= ", Usage, "--key is empty"},
		{"cat DIR --operator= ", Usage, "--operator is empty"},
		{"cat DIR --state= ", Usage, "--state is empty"},
		{"cat DIR --key-group x", Usage, "want a key group or a range"},
		{"cat DIR --key-group 7-3", Usage, "want a key group or a range"},
		{"cat DIR --key-group 32768", Usage, "want a key group or a range"},
		{"cat DIR --memory 0", Usage, "want a number above 0"},
		{"cat DIR --memory 1", Usage, "--memory 1: too little"},
		{"stats DIR --memory 1023K", Usage, "too little"},
		{"cat DIR --key-group 100-128", Usage, "there are key groups 0-127"},
		{"stats DIR --key-group 128", Usage, "there are key groups 0-127"},
		{"export DIR --to TO/x.csv --format parquet", Usage, "is no file of --format parquet"},
		{"export DIR --to TO/x.csv", Usage, "--to names one file, and there are"},
		{"cat DIR --memory lots", Usage, "is no size"},
		{"cat DIR --type x", Usage, "want CLASS=SPEC"},
		{"cat DIR --type x=Nonsense<", Usage, "--type"},
		{"cat DIR --type x=Long --type x=String", Usage, "x is Long already"},
		{"cat DIR --where kg+1", Usage, "--where: it gives int, not true or false"},
		{"cat DIR --where nix==1", Usage, "line 1, column 1: undeclared reference to 'nix'"},
		{"cat DIR --key 1 --channels", Usage, "exclude each other"},
		{"cat DIR --operator nix", NotFound, `no operator has the uid, name or id "nix"; there are `},
		{"cat DIR --state nix", NotFound, `there is no state "nix"; there are `},
		{"cat DIR --state n*x --state *", NotFound, `there is no state "n*x"`},
		{"cat nowhere", NotFound, "nowhere"},
		{"cat " + filepath.Dir(dir), Unreadable, "no checkpoint"},
		{"get DIR --key 1", Usage, "--state is missing"},
		{"get DIR --state x", Usage, "--key is missing"},
		{"get DIR --state nix --key 1", NotFound, `there is no state "nix"`},
		{"get DIR --state * --key 1 --map-key= ", Usage, "--map-key is empty"},
		{"get DIR --state * --key 1 --namespace= ", Usage, "--namespace is empty"},
		{"stats DIR --top -1", Usage, "--top"},
		{"stats DIR --per banana", Usage, "want state, subtask, key-group or key"},
		{"stats DIR --per key --top 0", Usage, "--per key"},
		{"stats DIR --state nix", NotFound, `there is no state "nix"`},
		{"ls DIR --state nix", NotFound, `there is no state "nix"`},
		{"ls DIR --count=7", Usage, "--count"},
		{"export DIR", Usage, "--to is missing"},
		{"export DIR --to x --format xml", Usage, "want jsonl, csv or parquet"},
		{"export DIR --to TO/x.jsonl", Usage, "--to names one file, and there are"},
		{"export DIR --to DIR/x", Usage, "lies within the source"},
		{"export DIR --to TO --where (", Usage, "--where: line 1"},
		{"banana DIR", Usage, `unknown command "banana"`},
	} {
		args := strings.Fields(strings.NewReplacer("DIR", dir, "TO", to).Replace(c.args))
		r := ckpt(t, append([]string{"state"}, args...)...)
		if r.code != c.want || !strings.Contains(r.err, c.say) || r.out != "" {
			t.Errorf("%s: exit code %d, want %d with %q: %s%s", c.args, r.code, c.want, c.say, r.err, r.out)
		}
	}
}

func TestStateCatChoice(t *testing.T) {
	o := oracleOf(t, stateTrees["rocksdb"])
	all := linesOf(ckpt(t, "state", "cat", o.Dir).want(t, OK).out)
	field := func(l, name string) any {
		var entry map[string]any
		if err := json.Unmarshal([]byte(l), &entry); err != nil {
			t.Fatal(err)
		}
		return entry[name]
	}
	matching := func(yes func(l string) bool) []string {
		return slices.DeleteFunc(slices.Clone(all), func(l string) bool { return !yes(l) })
	}
	first := all[0]
	op, state := field(first, "op").(string), field(first, "state").(string)
	for name, c := range map[string]struct {
		flags []string
		want  []string
	}{
		"operator":   {[]string{"--operator", op}, matching(func(l string) bool { return field(l, "op") == op })},
		"state":      {[]string{"--state", state}, matching(func(l string) bool { return field(l, "state") == state })},
		"pattern":    {[]string{"--state", state[:1] + "*"}, matching(func(l string) bool { return strings.HasPrefix(field(l, "state").(string), state[:1]) })},
		"timers":     {[]string{"--state", "_timer_state*"}, matching(func(l string) bool { return field(l, "kind") == "timer" })},
		"key groups": {[]string{"--key-group", "10-19"}, matching(func(l string) bool { kg, ok := field(l, "kg").(float64); return ok && kg >= 10 && kg < 20 })},
		"one group":  {[]string{"--key-group", "42"}, matching(func(l string) bool { return field(l, "kg") == 42.0 })},
		"limit":      {[]string{"--limit", "5"}, all[:5]},
		"no limit":   {[]string{"--limit", "1000000"}, all},
		"where": {[]string{"--where", `kg >= 10 && kg < 20 && kind != "timer"`}, matching(func(l string) bool {
			kg, ok := field(l, "kg").(float64)
			return ok && kg >= 10 && kg < 20 && field(l, "kind") != "timer"
		})},
		"both":   {[]string{"--where", `kg < 64`, "--limit", "3"}, matching(func(l string) bool { kg, ok := field(l, "kg").(float64); return ok && kg < 64 })[:3]},
		"json":   {[]string{"-o", "json"}, all},
		"memory": {[]string{"--memory", "64M"}, all},
	} {
		r := ckpt(t, append([]string{"state", "cat", o.Dir}, c.flags...)...).want(t, OK)
		if got := linesOf(r.out); len(c.want) == 0 || !slices.Equal(got, c.want) {
			t.Errorf("%s: %d lines, not %d", name, len(got), len(c.want))
		}
	}
	if r := ckpt(t, "state", "cat", o.Dir, "--where", "value.nix == 1", "-v").want(t, OK); r.out != "" || !strings.Contains(r.err, "--where has no answer for any of the ") {
		t.Errorf("%s%s", r.out, r.err)
	}
}

// In columns there is what is in the JSON.
func TestStateCatColumns(t *testing.T) {
	dir := oracleOf(t, stateTrees["operator state"]).Dir
	lines := linesOf(ckpt(t, "state", "cat", dir).want(t, OK).out)
	rows := linesOf(ckpt(t, "state", "cat", dir, "-o", "tsv").want(t, OK).out)
	if len(rows) != len(lines) {
		t.Fatalf("%d rows of %d entries", len(rows), len(lines))
	}
	for i, row := range rows {
		cells := strings.Split(row, "\t")
		var entry struct {
			Op, State, Kind string
			Kg              *json.Number
			Value           json.RawMessage
		}
		if err := json.Unmarshal([]byte(lines[i]), &entry); err != nil {
			t.Fatal(err)
		}
		kg := ""
		if entry.Kg != nil {
			kg = entry.Kg.String()
		}
		if len(cells) != len(entryColumns) || cells[0] != entry.Op || cells[1] != entry.State || cells[2] != entry.Kind || cells[3] != kg {
			t.Errorf("%q of %s", row, lines[i])
		}
	}
	table := ckpt(t, "state", "cat", dir, "-o", "table", "--limit", "2").want(t, OK).out
	if !strings.HasPrefix(table, "OP ") || strings.Count(table, "\n") != 3 {
		t.Error(table)
	}
}

// A terminal is not told to do anything by what stands in state.
func TestSafeJSON(t *testing.T) {
	for in, want := range map[string]string{
		`{"key":"plain é €"}`: `{"key":"plain é €"}`, "\"\x7f\"": `"\u007f"`, "\"\u0085\"": `"\u0085"`, "\"\u202e\"": `"\u202e"`, "\"\u2066\"": `"\u2066"`, "\"\u061c\"": `"\u061c"`,
	} {
		if got := string(safeJSON([]byte(in + "\n"))); got != want+"\n" {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"a", "a", true}, {"a", "ab", false}, {"*", "", true}, {"a*", "a", true}, {"a*", "abc", true}, {"*c", "abc", true}, {"a*c", "ac", true}, {"a*c", "a/b*c", true},
		{"a*a", "a", false}, {"a*b*c", "axxbyyc", true}, {"a*b*c", "axxc", false}, {"a.c", "abc", false}, {"[a]", "[a]", true}, {"x*y", "x*y", true}, {"*b*b*", "ab", false},
	} {
		if got := globMatches(c.pattern, c.name); got != c.want {
			t.Errorf("%q of %q: %v", c.pattern, c.name, got)
		}
	}
}

// closedPipe is a pipe whose reader has gone.
type closedPipe struct{}

// Write implements io.Writer.
func (closedPipe) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}
}

func TestStateEnds(t *testing.T) {
	dir := oracleOf(t, stateTrees["rocksdb"]).Dir
	for _, args := range [][]string{{"cat"}, {"cat", "-o", "tsv"}, {"stats"}, {"ls"}, {"export", "--to", t.TempDir()}} {
		full := append([]string{"state", args[0], dir}, args[1:]...)
		env := call{}.world(full)
		env.Out, env.Err = closedPipe{}, &strings.Builder{}
		if code := Run(t.Context(), env); code != OK {
			t.Errorf("%v into a closed pipe: %d", args, code)
		}
	}
}
