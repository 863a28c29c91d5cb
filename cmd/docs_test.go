package cmd

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// guides are the texts that people read, by their paths from the top: README.md, and
// docs without what is made of the commands themselves.
func guides(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{"README.md": readText(t, "../README.md")}
	for name, text := range readDir(t, "../docs") {
		if !strings.HasPrefix(name, "cli/") && !strings.HasPrefix(name, "man/") && path.Ext(name) != ".svg" {
			texts["docs/"+name] = text
		}
	}
	return texts
}

func readText(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Whatever command a guide or an example shows, ckpt must take it: the command is there,
// its flags are, and what must be given is.
func TestDocumentedFlags(t *testing.T) {
	seen := map[string]int{}
	for name, text := range guides(t) {
		for _, c := range shownCommands(name, text) {
			seen[name]++
			if err := parses(c); err != nil {
				t.Errorf("%s: ckpt %s: %v", name, strings.Join(c.args, " "), err)
			}
		}
	}
	for _, name := range []string{
		"README.md", "docs/ci.md", "docs/run.md", "docs/safety.md", "docs/state.md", "docs/permissions.md", "docs/scripting.md", "docs/examples/crontab",
		"docs/examples/systemd/ckpt-prune.service", "docs/examples/kubernetes/cronjob.yaml", "docs/examples/github-action.yml",
	} {
		if seen[name] == 0 {
			t.Errorf("%s: no command was found in it", name)
		}
	}
}

// Every flag that a guide names must be one of some command, where it stands by itself as
// well.
func TestDocumentedFlagNames(t *testing.T) {
	known := map[string]bool{}
	for _, c := range allCommands(newRoot(call{}.world(nil))) {
		c.InitDefaultHelpFlag()
		c.Flags().VisitAll(func(f *pflag.Flag) { known[f.Name] = true })
		c.PersistentFlags().VisitAll(func(f *pflag.Flag) { known[f.Name] = true })
	}
	for _, file := range []string{"../docs/safety.md", "../docs/permissions.md"} {
		text := readText(t, file)
		for _, m := range regexp.MustCompile("`--([a-z][a-z-]+)").FindAllStringSubmatch(text, -1) {
			if !known[m[1]] {
				t.Errorf("%s names --%s, which no command has", file, m[1])
			}
		}
	}
}

func allCommands(c *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		all = append(all, allCommands(sub)...)
	}
	return all
}

// The JSON and YAML of the guides and examples is well formed.
func TestDocumentedData(t *testing.T) {
	count := map[string]int{}
	for name, text := range guides(t) {
		if ext := path.Ext(name); ext == ".yml" || ext == ".yaml" {
			count["yaml"]++
			checkYAML(t, name, text)
			continue
		}
		for _, block := range regexp.MustCompile("(?ms)^```(json|yaml)\n(.*?)^```").FindAllStringSubmatch(text, -1) {
			count[block[1]]++
			if block[1] == "yaml" {
				checkYAML(t, name, block[2])
			} else if !json.Valid([]byte(block[2])) {
				t.Errorf("%s: no JSON:\n%s", name, block[2])
			}
		}
	}
	if count["json"] < 10 || count["yaml"] < 5 {
		t.Errorf("too few were found: %v", count)
	}
}

func checkYAML(t *testing.T, name, text string) {
	t.Helper()
	d := yaml.NewDecoder(strings.NewReader(text), yaml.Strict())
	for n := 0; ; n++ {
		var doc any
		switch err := d.Decode(&doc); {
		case errors.Is(err, io.EOF) && n > 0:
			return
		case err != nil:
			t.Errorf("%s: %v", name, err)
			return
		}
	}
}

// Each policy for S3 in the guide is one that IAM takes by its form, and those that look
// only can change nothing.
func TestDocumentedPolicies(t *testing.T) {
	type policy struct {
		Version   string
		Statement []struct {
			Sid, Effect      string
			Action, Resource any
			Condition        map[string]map[string]string
		}
	}
	_, section, _ := strings.Cut(readText(t, "../docs/permissions.md"), "\n## S3\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile("(?ms)^```json\n(.*?)^```").FindAllStringSubmatch(section, -1)
	if len(blocks) < 4 {
		t.Fatalf("only %d policies", len(blocks))
	}
	for i, block := range blocks {
		var p policy
		d := json.NewDecoder(strings.NewReader(block[1]))
		d.DisallowUnknownFields()
		if err := d.Decode(&p); err != nil {
			t.Fatalf("policy %d: %v", i+1, err)
		}
		if p.Version != "2012-10-17" || len(p.Statement) == 0 {
			t.Errorf("policy %d: version %q, %d statements", i+1, p.Version, len(p.Statement))
		}
		for _, s := range p.Statement {
			if s.Effect != "Allow" || s.Sid == "" || s.Action == nil || s.Resource == nil {
				t.Errorf("policy %d: %+v", i+1, s)
			}
			if i == 0 && regexp.MustCompile(`Delete|Put|Abort|\*`).MatchString(strings.Join(texts(s.Action), " ")) {
				t.Errorf("who looks may %v", s.Action)
			}
		}
	}
}

// texts are the strings of what may be one or a list of them.
func texts(v any) []string {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	var all []string
	for _, s := range list {
		text, _ := s.(string)
		all = append(all, text)
	}
	return all
}

// What cron runs is what the guide says of it: by one at a time, as nobody, with --apply,
// and with word of who lives and where else checkpoints lie.
func TestExamplesOfCron(t *testing.T) {
	job := readText(t, "../docs/examples/kubernetes/cronjob.yaml")
	for _, must := range []string{"concurrencyPolicy: Forbid", "runAsNonRoot: true", "readOnlyRootFilesystem: true", "allowPrivilegeEscalation: false", "serviceAccountName: ckpt-prune"} {
		if !strings.Contains(job, must) {
			t.Errorf("the CronJob lacks %s", must)
		}
	}
	for _, name := range []string{"docs/examples/kubernetes/cronjob.yaml", "docs/examples/systemd/ckpt-prune.service", "docs/examples/crontab"} {
		found := shownCommands(name, readText(t, "../"+name))
		i := slices.IndexFunc(found, func(c shown) bool { return c.args[0] == "prune" && !c.prose })
		if i < 0 {
			t.Errorf("%s: no ckpt prune", name)
			continue
		}
		for _, flag := range []string{"--apply", "-q", "--keep-last", "--flink-url", "--clusters-complete", "--also-root", "--metrics-file"} {
			if !slices.Contains(found[i].args, flag) {
				t.Errorf("%s: ckpt prune without %s", name, flag)
			}
		}
	}
}

// Alerts that ask for a metric that nobody writes never fire.
func TestExamplesOfAlerts(t *testing.T) {
	_, metrics, ok := strings.Cut(readText(t, "../docs/scripting.md"), "\n## Metrics\n")
	if !ok {
		t.Fatal("docs/scripting.md has no section Metrics")
	}
	names := regexp.MustCompile(`\bckpt_[a-z_]+`).FindAllString(readText(t, "../docs/examples/prometheus-rules.yml"), -1)
	if len(names) < 5 {
		t.Errorf("only %d metrics", len(names))
	}
	for _, name := range names {
		if !strings.Contains(metrics, "`"+name+"`") {
			t.Errorf("no command writes %s", name)
		}
	}
}

// What links to a file of this repository leads to one.
func TestDocumentedLinks(t *testing.T) {
	links := regexp.MustCompile(`\]\(([^)#:\s]+)(?:#[^)]*)?\)`)
	found := 0
	for name, text := range guides(t) {
		if path.Ext(name) != ".md" {
			continue
		}
		for _, m := range links.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			found++
			if _, err := os.Stat(filepath.Join("..", path.Dir(name), m[1])); errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: there is no %s", name, m[1])
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d links", found)
	}
}
