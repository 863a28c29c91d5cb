package cmd

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// What users copy must at least be YAML, and know no flag that ckpt has not.
func TestExamplesOfCI(t *testing.T) {
	for file, keys := range map[string][]string{
		"github-action.yml": {"name", "on", "permissions", "jobs"},
		"gitlab-ci.yml":     {"verify-checkpoints"},
	} {
		data, err := os.ReadFile(filepath.Join("../docs/examples", file))
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := yaml.UnmarshalWithOptions(data, &doc, yaml.Strict()); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, key := range keys {
			if doc[key] == nil {
				t.Errorf("%s has no %s", file, key)
			}
		}
		checkFlags(t, file, string(data))
	}
	data, err := os.ReadFile("../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	checkFlags(t, "ci.md", string(data))
}

// checkFlags looks for flags of `ckpt verify` that do not exist.
func checkFlags(t *testing.T, file, text string) {
	t.Helper()
	flags := newVerifyCommand(call{}.world(nil)).Flags()
	lines := regexp.MustCompile(`ckpt verify.*`).FindAllString(strings.ReplaceAll(text, "\\\n", " "), -1)
	if len(lines) == 0 {
		t.Errorf("%s never runs ckpt verify", file)
	}
	for _, line := range lines {
		for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(line, -1) {
			if flags.Lookup(strings.TrimPrefix(flag, "--")) == nil {
				t.Errorf("%s: %q has the unknown flag %s", file, line, flag)
			}
		}
	}
}
