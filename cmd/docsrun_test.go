package cmd

import (
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout/flinkconf"
	"github.com/ckpt-tool/ckpt/restore/coordinator"
	"github.com/ckpt-tool/ckpt/restore/settings"
	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/spf13/pflag"
)

// tableOf is the first table of a section of docs/run.md, without its head.
func tableOf(t *testing.T, section string) (rows [][]string) {
	t.Helper()
	_, text, ok := strings.Cut(readText(t, "../docs/run.md"), "\n"+section+"\n")
	if !ok {
		t.Fatalf("docs/run.md has no section %q", section)
	}
	text, _, _ = strings.Cut(text, "\n#")
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "|") {
			if rows != nil {
				break
			}
			continue
		}
		var row []string
		for _, cell := range strings.Split(strings.Trim(line, "|"), " |") {
			row = append(row, strings.TrimSpace(cell))
		}
		rows = append(rows, row)
	}
	if len(rows) < 3 {
		t.Fatalf("docs/run.md: no table in %q", section)
	}
	return rows[2:]
}

var codeWord = regexp.MustCompile("`([^`]+)`")

// codeWords are the words of a cell that are written as code.
func codeWords(cell string) (words []string) {
	for _, m := range codeWord.FindAllStringSubmatch(cell, -1) {
		words = append(words, m[1])
	}
	return words
}

// docs/run.md lists the settings that the engine knows, each with all its spellings.
func TestRunGuideSettings(t *testing.T) {
	listed := map[string]bool{}
	for _, row := range tableOf(t, "## Settings") {
		keys := codeWords(row[0])
		if len(row) != 4 || len(keys) != 1 {
			t.Errorf("not a setting: %q", row)
			continue
		}
		if listed[keys[0]] {
			t.Errorf("%s is listed twice", keys[0])
		}
		listed[keys[0]] = true
		if got, want := append(keys, codeWords(row[1])...), flinkconf.Spellings(keys[0]); !slices.Equal(got, want) {
			t.Errorf("spellings %q, want %q", got, want)
		}
	}
	if got := slices.Sorted(maps.Keys(listed)); !slices.Equal(got, settings.Keys()) {
		t.Errorf("settings\n%q, want\n%q", got, settings.Keys())
	}
}

// What docs/run.md says a configuration comes to, it comes to.
func TestRunGuideBackends(t *testing.T) {
	for _, row := range tableOf(t, "### State backend and storage") {
		for with, want := range map[bool]string{false: row[2], true: row[3]} {
			conf := &flinkconf.Config{}
			if words := codeWords(row[0]); len(words) == 1 {
				key, value, _ := strings.Cut(words[0], ": ")
				conf.Set(key, value)
			}
			if with {
				conf.Set("execution.checkpointing.dir", "/c")
			}
			s, err := settings.Load(settings.Layers{Configuration: conf})
			refused := want == "refused" || row[1] == "refused"
			if (err != nil) != refused {
				t.Errorf("%s, with a directory %v: %v", row[0], with, err)
			} else if err == nil && (string(s.Backend) != row[1] || s.Storage != want) {
				t.Errorf("%s, with a directory %v: %s on %s", row[0], with, s.Backend, s.Storage)
			}
		}
	}
}

// docs/run.md says what the coordinator deletes, event by event.
func TestRunGuideRetention(t *testing.T) {
	policies := []coordinator.Retention{coordinator.NeverRetain, coordinator.RetainOnFailure, coordinator.RetainOnCancellation}
	rows := tableOf(t, "## Retention")
	for _, status := range []coordinator.JobStatus{coordinator.Finished, coordinator.Canceled, coordinator.Failed, coordinator.Suspended} {
		i := slices.IndexFunc(rows, func(row []string) bool { return strings.HasPrefix(row[0], status.String()) })
		if i < 0 || len(rows[i]) != 5 {
			t.Errorf("no row for %s", status)
			continue
		}
		for p, policy := range policies {
			if got := coordinator.PropertiesForCheckpoint(policy, coordinator.Checkpoint).Discards(status); got != (rows[i][1+p] == "delete") {
				t.Errorf("%s with %s: the guide says %s", status, policy, rows[i][1+p])
			}
		}
		if got := coordinator.PropertiesForSavepoint(coordinator.Savepoint).Discards(status); got || rows[i][4] != "keep" {
			t.Errorf("savepoints at %s: the guide says %s", status, rows[i][4])
		}
	}
}

// docs/run.md names the flags of ckpt run, and no others.
func TestRunGuideFlags(t *testing.T) {
	guide := readText(t, "../docs/run.md")
	c := newRunCommand(call{}.world(nil))
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "by" && f.Name != "savepoints" && !strings.Contains(guide, "--"+f.Name) && (f.Shorthand == "" || !strings.Contains(guide, " -"+f.Shorthand+" ")) {
			t.Errorf("the guide does not name --%s", f.Name)
		}
	})
	for _, name := range regexp.MustCompile(`--[a-z-]+[a-z]`).FindAllString(guide, -1) {
		if !flagExists(strings.TrimPrefix(name, "--")) {
			t.Errorf("the guide names %s, which no command has", name)
		}
	}
}

// The program in docs/run.md is the example of restore/local, which is run.
func TestRunGuideProgram(t *testing.T) {
	_, program, ok := strings.Cut(readText(t, "../docs/run.md"), "```go\n")
	program, _, ok2 := strings.Cut(program, "\n```")
	example, _, ok3 := strings.Cut(readText(t, "../restore/local/state_test.go"), "\t// Unordered output:")
	if !ok || !ok2 || !ok3 {
		t.Fatal("there is no program, or no example")
	}
	example = strings.NewReplacer("package local_test", "package main", "func Example_state()", "func main()").Replace(example) + "}"
	if program != example {
		t.Errorf("the program is\n%s\nthe example\n%s", program, example)
	}
}

// The JSON of ckpt run is what docs/scripting.md says: the same fields, and no others.
func TestRunGuideJSON(t *testing.T) {
	_, section, _ := strings.Cut(readText(t, "../docs/scripting.md"), "\n### ckpt run\n")
	section, _, _ = strings.Cut(section, "\n### ")
	examples := fence.FindAllStringSubmatch(section, -1)
	if len(examples) != 2 {
		t.Fatalf("%d examples", len(examples))
	}
	job := []string{"run", filepath.Join("..", "docs", "jobs", "windows.yaml"), "--set", "records=1000", "--set", "out=" + t.TempDir(), "--set", "checkpoints=" + t.TempDir(), "-o", "json"}
	tree := filepath.Join(testdata.Root(t), "flink", "2.2.0", "rocksdb-incremental-small", "495d8572c34476e61174bd4e676c9523", "chk-6")
	for i, args := range [][]string{job, append(slices.Clone(job), "--check", "-n", "-s", tree)} {
		r := ckpt(t, args...)
		if r.code != OK {
			t.Fatalf("%v: exit code %d: %s", args, r.code, r.err)
		}
		got, want := fieldsOf(r.out), fieldsOf(examples[i][2])
		slices.Sort(got)
		slices.Sort(want)
		if got, want = slices.Compact(got), slices.Compact(want); !slices.Equal(got, want) {
			t.Errorf("%v has the fields\n%q, the guide\n%q", args, got, want)
		}
	}
}
