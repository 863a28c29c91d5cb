package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/testdata"
	"github.com/spf13/cobra"
)

// docs/scripting.md is the contract: it must name the codes and variables that
// there are, and its examples must be what it says they are.
func TestScriptingGuide(t *testing.T) {
	b, err := os.ReadFile("../docs/scripting.md")
	if err != nil {
		t.Fatal(err)
	}
	guide := string(b)

	var codes []Code
	for _, m := range regexp.MustCompile(`(?m)^\| (\d+) \| \S`).FindAllStringSubmatch(guide, -1) {
		n, _ := strconv.Atoi(m[1])
		codes = append(codes, Code(n))
	}
	want := append(slices.Clone(precedence[:]), OK)
	slices.Sort(want)
	if !slices.Equal(codes, want) {
		t.Errorf("the guide has the codes %v, the program %v", codes, want)
	}

	var order []string
	for _, c := range precedence {
		order = append(order, strconv.Itoa(int(c)))
	}
	if list := strings.Join(order, ", ") + ", 0."; !strings.Contains(guide, list) {
		t.Errorf("the guide lacks the precedence %s", list)
	}

	for _, name := range regexp.MustCompile(`--[a-z-]+[a-z]`).FindAllString(guide, -1) {
		if flag := strings.TrimPrefix(name, "--"); !flagExists(flag) && !neverFromEnv(flag) && flag != "unsafe" && flag != "remove" {
			t.Errorf("the guide names %s, which no command has", name)
		}
	}

	examples := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(guide, -1)
	if len(examples) < 4 {
		t.Fatalf("only %d examples of JSON", len(examples))
	}
	for _, e := range examples {
		if !json.Valid([]byte(e[1])) {
			t.Errorf("no JSON:\n%s", e[1])
		}
	}
}

func flagExists(name string) bool {
	var has func(c *cobra.Command) bool
	has = func(c *cobra.Command) bool {
		c.InitDefaultHelpFlag()
		return c.Flags().Lookup(name) != nil || c.PersistentFlags().Lookup(name) != nil || slices.ContainsFunc(c.Commands(), has)
	}
	return has(newRoot(call{}.world(nil)))
}

// What the examples show must be there.
func TestScriptingExamples(t *testing.T) {
	b, err := os.ReadFile("../docs/scripting.md")
	if err != nil {
		t.Fatal(err)
	}
	tree := filepath.Join(testdata.Root(t), "flink", "2.2.0", "savepoint-and-checkpoints")
	old, _ := pinned(t, "2.2.0/savepoint-and-checkpoints")
	incremental := filepath.Join(testdata.Root(t), "flink", "2.2.0", "rocksdb-incremental-small", "495d8572c34476e61174bd4e676c9523")
	for section, args := range map[string][]string{
		"### ckpt ls":      {"ls", tree},
		"### ckpt latest":  {"latest", tree},
		"### ckpt du":      {"du", tree},
		"### ckpt why":     {"why", filepath.Join(incremental, "shared", "53310b3e-8b68-473b-a578-88a7cfe22d40")},
		"### ckpt diff":    {"diff", filepath.Join(incremental, "chk-4"), filepath.Join(incremental, "chk-6")},
		"### ckpt verify":  {"verify", filepath.Join(testdata.Root(t), "flink", "2.0.0", "rescale-claim")},
		"### ckpt prune":   {"prune", old, "--keep-last", "1", "--min-age", "1h", "--no-other-roots", "--ended", "all"},
		"### ckpt rm":      {"rm", filepath.Join(old, "41faf955ef9cf869192a110509a82ccf", "chk-1"), "--min-age", "1h", "--no-other-roots", "--ended", "all"},
		"### ckpt uid":     {"uid", "my-uid"},
		"### ckpt version": {"version"},
	} {
		_, rest, ok := strings.Cut(string(b), section+"\n")
		_, rest, ok2 := strings.Cut(rest, "```json\n")
		example, _, ok3 := strings.Cut(rest, "```")
		if !ok || !ok2 || !ok3 {
			t.Errorf("%s: no example", section)
			continue
		}
		r := ckpt(t, append(args, "-o", "json")...)
		if r.code != OK && r.code != Findings {
			t.Fatalf("%v: exit code %d: %s", args, r.code, r.err)
		}
		have := fieldsOf(r.out)
		for _, f := range fieldsOf(example) {
			if !slices.Contains(have, f) {
				t.Errorf("%s: no field %q in\n%s", section, f, r.out)
			}
		}
	}
}

// fieldsOf lists the names of fields in a document.
func fieldsOf(doc string) []string {
	var names []string
	for _, m := range regexp.MustCompile(`"([A-Za-z]+)":`).FindAllStringSubmatch(doc, -1) {
		names = append(names, m[1])
	}
	return names
}
