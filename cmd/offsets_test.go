package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/testdata"
)

// TestOffsetsGolden holds what people see.
func TestOffsetsGolden(t *testing.T) {
	for name, c := range map[string]struct {
		tree  string
		flags []string
	}{
		"offsets-kafka.txt":    {"2.2.0/kafka-hashmap", nil},
		"offsets-tsv.txt":      {"2.2.0/kafka-hashmap", []string{"-o", "tsv"}},
		"offsets-json.txt":     {"2.2.0/kafka-hashmap", []string{"-o", "json"}},
		"offsets-kafka-v4.txt": {"1.20.0/kafka-rocksdb", []string{"--uids", "kafka-src,kafka-sink,Sink Committer: kafka-sink"}},
		"offsets-ids.txt":      {"1.20.0/kafka-rocksdb", nil},
		"offsets-file.txt":     {"2.2.0/source-file", nil},
		"offsets-sequence.txt": {"1.20.0/source-sequence", nil},
		"offsets-raw.txt":      {"2.2.0/savepoint-stop", nil},
		"offsets-operator.txt": {"2.2.0/kafka-hashmap", []string{"--operator", "kafka-src"}},
		"offsets-nothing.txt":  {"2.2.0/kafka-hashmap", []string{"--operator", "m"}},
	} {
		t.Run(name, func(t *testing.T) {
			root, checkpoints := pinned(t, c.tree)
			args := append([]string{"offsets", checkpoints[0]}, c.flags...)
			r := call{terminal: true, env: map[string]string{"NO_COLOR": "1"}}.run(t, args...).want(t, OK)
			golden(t, name, strings.ReplaceAll(r.out, filepath.Dir(root), "ROOT"))
		})
	}
}

// offsetsOf is the JSON of the command.
func offsetsOf(t *testing.T, args ...string) *offsetsReport {
	t.Helper()
	r := ckpt(t, append([]string{"offsets", "-o", "json"}, args...)...).want(t, OK)
	var report offsetsReport
	if err := json.Unmarshal([]byte(r.out), &report); err != nil {
		t.Fatal(err)
	}
	return &report
}

// trees are all directories of that case, below all roots of trees.
func treesNamed(t *testing.T, name string) []string {
	t.Helper()
	roots := []string{filepath.Join(testdata.Root(t), "flink", "*")}
	if dir := testdata.Fixtures(t); dir != "" {
		roots = append(roots, filepath.Join(dir, "flink", "*"), filepath.Join(dir, "jobs", "*"))
	}
	var found []string
	for _, root := range roots {
		dirs, err := filepath.Glob(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, dirs...)
	}
	return found
}

// checkpointsBelow are the directories below root that hold a _metadata.
func checkpointsBelow(t *testing.T, root string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == "_metadata" {
			found = append(found, filepath.Dir(path))
		}
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatal(root, err)
	}
	return found
}

// TestOffsetsOfKafka: 60 records were read of partition 0, 30 of partition 1, none of partition 2, by whatever Flink and in
// whatever format. Checkpoints hold a transaction that is not committed.
func TestOffsetsOfKafka(t *testing.T) {
	trees := append(treesNamed(t, "kafka-hashmap"), treesNamed(t, "kafka-rocksdb")...)
	for _, tree := range trees {
		for _, dir := range checkpointsBelow(t, tree) {
			r := offsetsOf(t, dir, "--uids", "kafka-src,kafka-sink") // which Flink 1 does not keep
			var got []string
			for _, p := range r.Positions {
				offset := p.Meaning
				if p.Offset != nil {
					offset = jsonText(t, p.Offset)
				}
				got = append(got, p.Connector+" "+jsonText(t, p.Partition)+" "+offset)
				if !p.Assigned || p.Subtask == nil || !strings.HasPrefix(p.Topic, "orders-") || p.Stop != nil {
					t.Errorf("%s: %s", dir, jsonText(t, p))
				}
			}
			if want := []string{"kafka 0 60", "kafka 1 30", "kafka 2 earliest"}; !slices.Equal(got, want) {
				t.Errorf("%s: %q, not %q", dir, got, want)
			}
			if len(r.Enumerators) != 1 || *r.Enumerators[0].Assigned != 3 || *r.Enumerators[0].Connector != "kafka" || len(r.Writers) != 2 || len(r.Raw) != 0 {
				t.Errorf("%s: %s %s %s", dir, jsonText(t, r.Enumerators), jsonText(t, r.Writers), jsonText(t, r.Raw))
			}
			checkTransactions(t, dir, r)
		}
	}
}

// TestOffsetsDoubt: the writer of Flink 1's Kafka sink keeps one text, as others may. Without a name or a transaction nothing
// says that it is Kafka's, and then it is not said.
func TestOffsetsDoubt(t *testing.T) {
	for _, dir := range checkpointsBelow(t, testdata.Tree(t, "1.20.0/kafka-rocksdb")) {
		r := offsetsOf(t, dir)
		writers, raw := 2, 0
		if strings.Contains(dir, "savepoint-") {
			writers, raw = 0, 2
		}
		if len(r.Writers) != writers || len(r.Raw) != raw {
			t.Errorf("%s: %s %s", dir, jsonText(t, r.Writers), jsonText(t, r.Raw))
		}
		for _, x := range r.Raw {
			if string(x.Value) != `"fx-tx"` || x.Reason == "" || *x.State != "writer_raw_states" {
				t.Errorf("%s: %s", dir, jsonText(t, x))
			}
		}
	}
}

func checkTransactions(t *testing.T, dir string, r *offsetsReport) {
	t.Helper()
	if strings.Contains(dir, "savepoint-") {
		if len(r.Transactions) != 0 {
			t.Errorf("%s: %s", dir, jsonText(t, r.Transactions))
		}
		return
	}
	if len(r.Transactions) != 1 {
		t.Fatalf("%s: %s", dir, jsonText(t, r.Transactions))
	}
	x := r.Transactions[0]
	if x.ID != "fx-tx-1-2" || *x.Producer != 6 || *x.Checkpoint != 2 || x.Status != "received" || *x.Connector != "kafka" {
		t.Errorf("%s: %s", dir, jsonText(t, x))
	}
}

func jsonText(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestOffsetsOfEverything: the command reads all that real Flink wrote, and JSON, TSV and the metadata agree on it.
func TestOffsetsOfEverything(t *testing.T) {
	seen := map[string]int{}
	for _, name := range []string{"source-*", "flip27-source", "kafka-*", "savepoint-stop", "*opstate*", "sql-agg-hashmap"} {
		for _, tree := range treesNamed(t, name) {
			if info, err := os.Stat(tree); err != nil || !info.IsDir() || strings.Contains(tree, ".oracle") {
				continue
			}
			for _, dir := range checkpointsBelow(t, tree) {
				r := offsetsOf(t, dir)
				for _, p := range r.Positions {
					seen[p.Connector]++
				}
				seen["raw"] += len(r.Raw)
				if n := strings.Count(ckpt(t, "offsets", dir, "-o", "tsv").want(t, OK).out, "\n"); n != len(r.Positions)+len(r.Transactions)+len(r.Raw) {
					t.Errorf("%s: %d lines of TSV", dir, n)
				}
				if n := elements(t, dir, "SourceReaderState"); n != assigned(r) {
					t.Errorf("%s: %d positions of %d splits", dir, assigned(r), n)
				}
			}
		}
	}
	t.Log(seen)
	for _, what := range []string{"kafka", "file", "sequence", "raw"} {
		if seen[what] == 0 {
			t.Errorf("no %s", what)
		}
	}
}

// elements counts the elements of a list state by the offsets in the metadata.
func elements(t *testing.T, dir, state string) int {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, "_metadata"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := metadata.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, o := range c.Operators {
		for _, s := range o.Subtasks {
			if s.ManagedOperator == nil {
				continue
			}
			for _, st := range s.ManagedOperator.States {
				if st.Name.String() == state {
					n += len(st.Offsets)
				}
			}
		}
	}
	return n
}

func assigned(r *offsetsReport) int {
	n := 0
	for _, p := range r.Positions {
		if p.Assigned {
			n++
		}
	}
	return n
}

// TestOffsetsRefused: what the command line or the checkpoint does not have.
func TestOffsetsRefused(t *testing.T) {
	dir := checkpointsBelow(t, testdata.Tree(t, "2.2.0/kafka-hashmap"))[0]
	for _, c := range []struct {
		args []string
		code Code
		want string
	}{
		{[]string{dir, "--operator", "nobody"}, NotFound, "no operator has the uid, name or id"},
		{[]string{dir, "--operator", ""}, Usage, "--operator is empty"},
		{[]string{filepath.Join(dir, "nothing")}, NotFound, ""},
		{nil, Usage, "CKPT"},
	} {
		r := ckpt(t, append([]string{"offsets"}, c.args...)...).want(t, c.code)
		if !strings.Contains(r.err, c.want) {
			t.Errorf("%q: %s", c.args, r.err)
		}
	}
}

// TestOffsetsOfDamage: state that cannot be read is told of, and the rest is shown.
func TestOffsetsOfDamage(t *testing.T) {
	root := testdata.Tree(t, "1.20.0/kafka-rocksdb")
	dirs := checkpointsBelow(t, root)
	i := slices.IndexFunc(dirs, func(d string) bool { return strings.Contains(d, "chk-") })
	dir := dirs[i]
	whole := offsetsOf(t, dir)
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	failed, less := 0, 0
	for _, f := range files {
		if f.Name() == "_metadata" {
			continue
		}
		path := filepath.Join(dir, f.Name())
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		damaged := slices.Clone(data)
		for j := range min(8, len(damaged)) {
			damaged[j] ^= 0xff // the version in the header
		}
		write(t, path, damaged)
		r := ckpt(t, "offsets", "-o", "json", dir)
		if r.code != OK {
			failed++
			if r.code != Unreadable || !strings.Contains(r.err, f.Name()) {
				t.Errorf("%s: %d %s", f.Name(), r.code, r.err)
			}
			var report offsetsReport
			if err := json.Unmarshal([]byte(r.out), &report); err != nil {
				t.Errorf("%s: %v", f.Name(), err)
			}
			if len(report.Positions) < len(whole.Positions) {
				less++
			}
		}
		write(t, path, data)
	}
	if failed == 0 || less == 0 || less == failed {
		t.Errorf("%d of %d files are missed, %d with positions", failed, len(files)-1, less)
	}
	if again := offsetsOf(t, dir); !reflect.DeepEqual(again.Positions, whole.Positions) {
		t.Error("not as before")
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestOffsetsNotes: what a table alone would leave in the dark is said below it.
func TestOffsetsNotes(t *testing.T) {
	id := "0a"
	three := 3
	owner := offsetsOwner{Operator: id, label: "src"}
	r := &offsetsReport{
		Positions:   []offsetsPosition{{offsetsOwner: owner, Meaning: "latest", Assigned: true}, {offsetsOwner: owner, Meaning: "initial"}},
		Enumerators: []offsetsEnumerator{{offsetsOwner: owner, Assigned: &three, Unassigned: 1}},
		hidden:      []string{"a", "b", "c", "d", "e", "f", "g"},
	}
	want := []string{
		"latest: nothing was read yet; it begins behind the last record there is when the job starts",
		"initial: nothing was read yet; it begins where the settings of the job say",
		"a split without a sub-task was handed out to none yet: the enumerator has it",
		"src: 2 splits handed out that no sub-task has: read to the end, or on the way",
		"7 operators with list state that no source known to ckpt has: --operator shows it (a, b, c, d, e and 2 more)",
	}
	if got := r.notes(); !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
