//go:build live

package cmd

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/backends/rocksdb"
	"github.com/ckpt-tool/ckpt/testdata"
)

// generator runs a program of testdata/generator.
func generator(t *testing.T, script string, args ...string) {
	t.Helper()
	c := exec.Command(filepath.Join(testdata.Root(t), "generator", script), args...)
	c.Env = append(os.Environ(), "PEER_OPTIONS=-Xmx1g")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

// newestOf is the newest checkpoint of a tree, by its directory.
func newestOf(t *testing.T, root string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, "*", "chk-*", "_metadata"))
	if err != nil || len(found) == 0 {
		t.Fatal(found, err)
	}
	return filepath.Dir(slices.Max(found))
}

// TestLiveRunFlink: Flink 2.2 reads what a job of the engine leaves. Its loader sees in each _metadata what inspect does; its State Processor
// API sees the entries that state cat prints, in checkpoints of the heap and in canonical savepoints; a job of its own goes on with
// that state; and with tables of Pebble it fails, and says so.
func TestLiveRunFlink(t *testing.T) {
	heap, pebble := kindsTree(t, "hashmap"), kindsTree(t, "pebble")
	snapshots := []string{newestOf(t, heap.root), heap.canonical, heap.native, newestOf(t, pebble.root), pebble.canonical, pebble.native}
	t.Run("loader", func(t *testing.T) { loaded(t, snapshots) })

	chk := snapshots[0]
	readable := [][2]string{{"hashmap", chk}, {"hashmap", heap.canonical}, {"rocksdb", heap.canonical}, {"hashmap", heap.native}, {"hashmap", pebble.canonical}, {"rocksdb", pebble.canonical}}
	refused := [][2]string{{"rocksdb", snapshots[3]}, {"rocksdb", pebble.native}}
	args := []string{"restored"}
	for _, s := range readable {
		args = append(args, "read", s[0], s[1], "run", s[0], s[1])
	}
	for _, s := range refused {
		args = append(args, "run", s[0], s[1])
	}
	generator(t, "state.sh", args...)
	for _, s := range readable {
		want := flinkLines(t, s[1])
		got := restoredLines(t, "read", s)
		if !slices.Equal(got, want) {
			t.Errorf("Flink reads of %s with %s %d lines, not %d; %s", s[1], s[0], len(got), len(want), firstApart(got, want))
		}
		counts := countsAndOne(t, s[1])
		if got := restoredLines(t, "run", s); !slices.Equal(got, counts) {
			t.Errorf("a job of Flink has of %s with %s %d counts, not %d; %s", s[1], s[0], len(got), len(counts), firstApart(got, counts))
		}
	}
	said := strings.TrimSuffix(rocksdb.PebbleMarker, "/.")
	for _, s := range refused {
		if got := strings.Join(restoredLines(t, "run", s), "\n"); !strings.Contains(got, "failed") || !strings.Contains(got, said) {
			t.Errorf("Flink says of %s: %.500s", s[1], got)
		}
	}
}

// loaded holds that Flink's loader sees what inspect does.
func loaded(t *testing.T, snapshots []string) {
	t.Helper()
	out := t.TempDir()
	args := []string{"dump"}
	for i, dir := range snapshots {
		args = append(args, dir, filepath.Join(out, fmt.Sprint(i)))
	}
	generator(t, "peer.sh", args...)
	for i, dir := range snapshots {
		data, err := os.ReadFile(filepath.Join(out, fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		var want, got map[string]any
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		if want["error"] != nil {
			t.Errorf("Flink refuses %s: %v", dir, want["error"])
			continue
		}
		r := ckpt(t, "inspect", dir, "-o", "json").want(t, OK)
		r.out = strings.ReplaceAll(r.out, `"`+dir+`/`, `"file:`+dir+`/`)
		r.decode(t, &got)
		if diff := lacks(want, got); diff != "" {
			t.Errorf("%s: %s", dir, diff)
		}
		if operators, ok := want["operators"].([]any); !ok || len(operators) != 10 {
			t.Errorf("%s: Flink sees %d operators", dir, len(operators))
		}
	}
}

// restoredLines is what generator/state/Restored.java wrote of a snapshot, sorted.
func restoredLines(t *testing.T, action string, s [2]string) []string {
	t.Helper()
	data, err := os.ReadFile(s[1] + "." + action + "." + s[0])
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	slices.Sort(lines)
	return lines
}

// flinkLines are the entries that state cat prints, as Restored.java writes them.
func flinkLines(t *testing.T, snapshot string) (lines []string) {
	t.Helper()
	for _, e := range printedOf(t, snapshot, "aggregates") {
		lines = append(lines, fmt.Sprintf("aggregates\t%s\t%s", flat(e.Key), flat(e.Value)))
	}
	for _, e := range printedOf(t, snapshot, "seen") {
		lines = append(lines, fmt.Sprintf("seen\t%s\t%s", flat(e.Key), flat(e.Value)))
	}
	for _, e := range printedOf(t, snapshot, "left-buffer") {
		var rows []string
		for _, row := range e.Value.([]any) {
			rows = append(rows, flat(row))
		}
		lines = append(lines, fmt.Sprintf("left-buffer\t%s\t%s\t%s", flat(e.Key), flat(e.MapKey), strings.Join(rows, ";")))
	}
	for _, e := range printedOf(t, snapshot, "table") {
		lines = append(lines, fmt.Sprintf("table\t%s\t%s", flat(e.MapKey), flat(e.Value)))
	}
	for _, e := range printedOf(t, snapshot, "splits") {
		if e.Op == "numbers" {
			lines = append(lines, "splits\t"+strings.ReplaceAll(flat(e.Value), ",", "\t"))
		}
	}
	slices.Sort(lines)
	return lines
}

// countsAndOne is what a job says that adds one to each of the 500 counts.
func countsAndOne(t *testing.T, snapshot string) (lines []string) {
	t.Helper()
	counts := map[string]int{}
	for _, e := range printedOf(t, snapshot, "aggregates") {
		var n int
		if _, err := fmt.Sscan(flat(e.Value), &n); err != nil {
			t.Fatal(err)
		}
		counts[flat(e.Key)] = n
	}
	for i := range 500 {
		key := fmt.Sprintf("key-%08d", i)
		lines = append(lines, fmt.Sprintf("%s\t%d", key, counts[key]+1))
	}
	return lines
}

// printedOf are the entries of a state as state cat prints them.
func printedOf(t *testing.T, snapshot, state string) (all []catEntry) {
	t.Helper()
	for line := range strings.Lines(ckpt(t, "state", "cat", snapshot, "--state", state).want(t, OK).out) {
		var e catEntry
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		if err := d.Decode(&e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	if len(all) == 0 {
		t.Fatalf("%s: no entries of %s", snapshot, state)
	}
	return all
}

type catEntry struct {
	Op, State          string
	Key, MapKey, Value any
}

// flat is a value in a line of fields.
func flat(v any) string {
	switch v := v.(type) {
	case map[string]any: // a row
		return flat(v["fields"])
	case []any:
		var parts []string
		for _, x := range v {
			parts = append(parts, flat(x))
		}
		return strings.Join(parts, ",")
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	}
	return fmt.Sprint(v)
}
