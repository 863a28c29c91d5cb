package metadata_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/metadata/flinkjson"
	"github.com/ckpt-tool/ckpt/testdata"
)

// snapshots are all real checkpoints at hand: the project's, and those of the
// directory that CKPT_FIXTURES names.
func snapshots(tb testing.TB) []testdata.Snapshot {
	all := testdata.Snapshots(tb, filepath.Join(testdata.Root(tb), "flink"))
	if dir := testdata.Fixtures(tb); dir != "" {
		all = append(all, testdata.Snapshots(tb, dir)...)
	}
	return all
}

func read(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// TestOracle decodes every real file and compares each field with what Flink's own
// loader read there, then encodes it to the same bytes.
func TestOracle(t *testing.T) {
	versions := map[int32]int{}
	for _, s := range snapshots(t) {
		t.Run(s.Name, func(t *testing.T) {
			data := read(t, filepath.Join(s.Dir, "_metadata"))
			c, err := metadata.Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			versions[c.Version]++
			again, err := metadata.Encode(c)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(data, again) {
				t.Errorf("encodes to other bytes, from offset %d on", firstDifference(data, again))
			}
			for _, f := range c.Findings() {
				t.Errorf("a finding in a file that Flink wrote: %+v", f)
			}
			if s.Oracle == "" {
				return
			}
			want := parseJSON(t, read(t, s.Oracle))
			dir, _ := want["dir"].(string)
			var out bytes.Buffer
			if err := flinkjson.Write(&out, c, data, flinkjson.Options{ExclusiveDir: "file:" + dir}); err != nil {
				t.Fatal(err)
			}
			compare(t, "", want, parseJSON(t, out.Bytes()))
		})
	}
	for v := int32(metadata.MinVersion); v <= metadata.MaxVersion; v++ {
		if versions[v] == 0 {
			t.Errorf("no file of version %d was read", v)
		}
	}
}

func parseJSON(tb testing.TB, data []byte) map[string]any {
	tb.Helper()
	var out map[string]any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&out); err != nil {
		tb.Fatal(err)
	}
	return out
}

// onlyDump are fields that describe the dump itself; alternatives are two forms that
// dumps have for the same changes.
var (
	onlyDump     = map[string]bool{"flinkLoader": true, "dir": true, "javaPath": true}
	alternatives = map[string]bool{"changes": true, "firstChanges": true, "changeCount": true, "changeBytes": true, "changesSha256": true}
)

func compare(t *testing.T, path string, want, got any) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s: want an object, got %v", path, got)
			return
		}
		for k, w := range want {
			if onlyDump[k] || k == "stateHandleId" && got[k] == nil {
				continue // Flink makes one up where the file has none
			}
			g, ok := got[k]
			if !ok {
				t.Errorf("%s.%s is missing", path, k)
				continue
			}
			compare(t, path+"."+k, w, g)
		}
		for k := range got {
			inlineID := k == "stateHandleId" && want["class"] == "InMemoryChangelogStateHandle" // not dumped
			if _, ok := want[k]; !ok && !alternatives[k] && !inlineID {
				t.Errorf("%s.%s = %v is more than Flink reads", path, k, got[k])
			}
		}
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			t.Errorf("%s: want %d elements, got %v", path, len(want), got)
			return
		}
		for i := range want {
			compare(t, fmt.Sprintf("%s[%d]", path, i), want[i], got[i])
		}
	default:
		if want != got {
			t.Errorf("%s: want %v, got %v", path, want, got)
		}
	}
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// TestOracleWouldNotice changes one field of a dump: the comparison above must see it.
func TestOracleWouldNotice(t *testing.T) {
	s := snapshots(t)[0]
	want := parseJSON(t, read(t, s.Oracle))
	text, _ := json.Marshal(want)
	changed := strings.Replace(string(text), `"maxParallelism":`, `"maxParallelism":1`, 1)
	inner := &testing.T{}
	compare(inner, "", parseJSON(t, []byte(changed)), want)
	if !inner.Failed() {
		t.Error("a changed max parallelism went unnoticed")
	}
}
