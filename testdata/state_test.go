package testdata

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each file of entries belongs to a snapshot, and each line is an entry.
func TestStateOraclesPairAll(t *testing.T) {
	used := map[string]bool{}
	rest := map[string]int{}
	for _, o := range StateOracles(t) {
		name := o.Case + "/" + o.Name
		if _, err := os.Stat(o.Metadata); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.HasPrefix(o.Case, o.Version+"/") || strings.Contains(o.Name, "__") {
			t.Errorf("%s of version %q", name, o.Version)
		}
		used[key(o.Oracle)] = true
		for i, line := range o.Entries(t) {
			var entry struct{ Op, State, Kind string }
			if err := json.Unmarshal(line, &entry); err != nil || entry.Op == "" || entry.State == "" || entry.Kind == "" {
				t.Fatalf("%s:%d: %s: %v", o.Oracle, i+1, line, err)
			}
		}
		switch {
		case o.Expected:
			rest["expected"]++
		case o.TruthFrom != "":
			rest["of a twin"]++
		case !strings.HasPrefix(filepath.Base(o.Oracle), strings.ReplaceAll(o.Name, "/", "__")+"."):
			rest["same as another"]++
		default:
			rest["dumped"]++
		}
		if o.Types != "" {
			rest["with types"]++
			if !json.Valid(ReadUnpacked(t, o.Types)) {
				t.Errorf("%s is no JSON", o.Types)
			}
		}
	}
	t.Logf("%d files of entries: %v", len(used), rest)
	for _, kind := range []string{"dumped", "expected", "of a twin", "same as another", "with types"} {
		if rest[kind] == 0 {
			t.Errorf("no snapshot whose entries are %s", kind)
		}
	}
	everyDump(t, filepath.Join(Root(t), "flink"), used)
	if dir := Fixtures(t); dir != "" {
		everyDump(t, dir, used)
	}
}

// key names a dump in whichever root it was found.
func key(file string) string {
	dir := filepath.Dir(file)
	return filepath.Base(filepath.Dir(dir)) + "/" + filepath.Base(dir) + "/" + strings.TrimSuffix(filepath.Base(file), ".gz")
}

func everyDump(t *testing.T, root string, used map[string]bool) {
	t.Helper()
	err := filepath.WalkDir(root, func(file string, _ os.DirEntry, err error) error {
		name := strings.TrimSuffix(filepath.Base(file), ".gz")
		if (strings.HasSuffix(name, ".state.jsonl") || strings.HasSuffix(name, ".expected.jsonl")) && !used[key(file)] {
			t.Errorf("%s belongs to no snapshot", file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
