package job

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/google/go-cmp/cmp"
)

const examples = "../../docs/jobs"

func load(t *testing.T, text string, set map[string]string) *File {
	t.Helper()
	f, err := Load([]byte(text), "job.yaml", set)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// catalog is the built-in one, of a world without files.
func catalog() *Catalog { return Builtin(World{In: strings.NewReader(""), Out: new(strings.Builder)}) }

func build(t *testing.T, f *File) (*engine.Job, map[string]string) {
	t.Helper()
	j, configuration, err := f.Build(catalog())
	if err != nil {
		t.Fatal(err)
	}
	return j, configuration
}

// All examples load, and what travels in checkpoints says the same.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(examples, "*.yaml"))
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			f := load(t, string(data), nil)
			j, configuration := build(t, f)
			again := load(t, string(f.Definition()), nil)
			same, configurationAgain := build(t, again)
			if diff := cmp.Diff(string(f.Definition()), string(again.Definition())); diff != "" {
				t.Error(diff)
			}
			for key, v := range configuration {
				if strings.HasSuffix(key, ".dir") { // which are absolute in a definition
					if configuration[key], err = filepath.Abs(v); err != nil {
						t.Fatal(err)
					}
				}
			}
			if diff := cmp.Diff(configuration, configurationAgain); diff != "" || len(configuration) < 4 {
				t.Errorf("%s%v", diff, configuration)
			}
			if j.Name+".yaml" != filepath.Base(name) || len(same.Nodes) != len(j.Nodes) || string(j.Definition) != string(f.Definition()) {
				t.Errorf("%+v, %+v", j, same)
			}
		})
	}
}

// The reference for users has an example that loads, and each key that there is.
func TestReadme(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(examples, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	_, example, _ := strings.Cut(text, "```yaml\n")
	example, _, _ = strings.Cut(example, "```")
	build(t, load(t, example, nil))
	_, reference, _ := strings.Cut(text, "## The job")
	seen := 0
	for _, key := range keysOf(schema()) {
		if seen++; !strings.Contains(reference, key) {
			t.Errorf("nothing of %s", key)
		}
	}
	if seen < 60 {
		t.Errorf("only %d keys", seen)
	}
}

// keysOf are the names of all properties in a schema.
func keysOf(s any) (all []string) {
	switch s := s.(type) {
	case object:
		if properties, ok := s["properties"].(object); ok {
			all = slices.Collect(maps.Keys(properties))
		}
		for _, inner := range s {
			all = append(all, keysOf(inner)...)
		}
	case []any:
		for _, inner := range s {
			all = append(all, keysOf(inner)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
