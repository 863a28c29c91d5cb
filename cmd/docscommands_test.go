package cmd

import (
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// shown is a command line in a text. One in running prose may leave out what it needs.
type shown struct {
	args  []string
	prose bool
}

// The places of a command: a line of its own, behind what begins one in a script, a
// crontab, a unit or a workflow, and within a line.
var (
	commandPlace = regexp.MustCompile(`(?:^|[|;&(]|\bif|\brun:|^-|ExecStart=|(?:[0-9*/,-]+\s+){5})\s*(?:/\S*/)?ckpt\s`)
	codeSpan     = regexp.MustCompile("`ckpt ([^`]+)`")
	fence        = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```")
	remark       = regexp.MustCompile(`(?m)(\S) {2,}.*`) // beside a command, where a block is no script
)

func shownCommands(name, text string) (all []shown) {
	switch path.Ext(name) {
	case ".md":
		for _, block := range fence.FindAllStringSubmatch(text, -1) {
			script := block[2]
			if block[1] == "" {
				script = remark.ReplaceAllString(script, "$1")
			}
			all = append(all, lineCommands(script)...)
		}
		text = fence.ReplaceAllString(text, "")
	case ".yaml", ".yml":
		all = append(all, containerCommands(text)...)
		fallthrough
	default:
		all = append(all, lineCommands(text)...)
	}
	for _, m := range codeSpan.FindAllStringSubmatch(text, -1) {
		all = append(all, shown{shellWords(m[1]), true})
	}
	return all
}

// lineCommands are those in the lines of a script.
func lineCommands(text string) (all []shown) {
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, at := range commandPlace.FindAllStringIndex(line, -1) {
			all = append(all, shown{args: shellWords(line[at[1]:])})
		}
	}
	return all
}

// containerCommands are the arguments of containers whose image is that of ckpt.
func containerCommands(text string) (all []shown) {
	for _, doc := range yamlDocuments(text) {
		visit(doc, func(m map[string]any) {
			image, _ := m["image"].(string)
			list, _ := m["args"].([]any)
			if !strings.Contains(image, "ckpt") || list == nil {
				return
			}
			c := shown{}
			for _, arg := range list {
				s, _ := arg.(string)
				c.args = append(c.args, s)
			}
			all = append(all, c)
		})
	}
	return all
}

func yamlDocuments(text string) (docs []any) {
	d := yaml.NewDecoder(strings.NewReader(text), yaml.Strict())
	for {
		var doc any
		if err := d.Decode(&doc); err != nil {
			return docs
		}
		docs = append(docs, doc)
	}
}

// visit calls do for each mapping of a document.
func visit(doc any, do func(map[string]any)) {
	switch v := doc.(type) {
	case map[string]any:
		do(v)
		for _, below := range v {
			visit(below, do)
		}
	case []any:
		for _, below := range v {
			visit(below, do)
		}
	}
}

// shellWords splits a command line as far as the first command goes.
func shellWords(line string) (words []string) {
	word, quote, open := "", byte(0), false
	end := func() {
		if open {
			words = append(words, word)
		}
		word, open = "", false
	}
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word += string(c)
		case c == '"' || c == '\'':
			quote, open = c, true
		case c == ' ' || c == '\t' || c == '\n':
			end()
		case strings.IndexByte("|;&<>)", c) >= 0, c == '#' && !open:
			if c == '>' && word == "2" {
				open = false // of 2>&1
			}
			end()
			return words
		default:
			word, open = word+string(c), true
		}
	}
	end()
	return words
}

// parses tells what is wrong with a command line.
func parses(s shown) error {
	c := newRoot(call{}.world(nil))
	args := s.args
	for len(args) > 0 {
		next := findCommand(c, args[0])
		if next == nil {
			break
		}
		c, args = next, args[1:]
	}
	if !c.HasParent() && len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		return errors.New("no such command")
	}
	c.InitDefaultHelpFlag()
	err := c.ParseFlags(args)
	if s.prose {
		if err != nil && !strings.Contains(err.Error(), "unknown") {
			return nil // a value that stands for another
		}
		return err
	}
	if err == nil {
		err = c.ValidateArgs(c.Flags().Args())
	}
	return err
}

// The words of a line are those that a shell makes of it.
func TestShellWords(t *testing.T) {
	for line, want := range map[string][]string{
		`ls "a b" 'c d' e"f"g`:      {"ls", "a b", "c d", "efg"},
		`ls URL >> "$FILE"`:         {"ls", "URL"},
		`verify x 2>&1)`:            {"verify", "x"},
		`ls x | jq .`:               {"ls", "x"},
		`ls s3://b/x   # it is one`: {"ls", "s3://b/x"},
		`state ls a#b ""`:           {"state", "ls", "a#b", ""},
	} {
		if got := shellWords(line); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}

// What is wrong in a guide must be found.
func TestShownCommands(t *testing.T) {
	for _, c := range []struct{ name, text, args, wrong string }{
		{"a.md", "```sh\nckpt ls /data --stat complete\n```\n", "ls /data --stat complete", "unknown flag"},
		{"a.md", "```\nckpt ls /data            all of it\n```\n", "ls /data", ""},
		{"a.md", "```sh\nfor f in *; do x=$(ckpt lst /data); done\n```\n", "lst /data", "no such command"},
		{"a.md", "so `ckpt verify --levels` says\n", "verify --levels", "unknown flag"},
		{"a.md", "so `ckpt verify --sample N` says, and ckpt does\n", "verify --sample N", ""},
		{"a.md", "```json\n{\"a\": \"ckpt ls\"}\n```\n", "", ""},
		{"crontab", "1 2 * * 1-5 /usr/bin/ckpt prune apply --apply plan >/dev/null 2>&1\n", "prune apply --apply plan", "unknown flag"},
		{"x.service", "ExecStart=/usr/bin/ckpt du \\\n  /data --if-delete x\n", "du /data --if-delete x", "unknown flag"},
		{"x.yml", "a:\n  - image: ckpt:1\n    args: [ls, /data, --kind, banana]\n", "ls /data --kind banana", "want"},
		{"x.yml", "a:\n  - run: ckpt latest a b\n  # ckpt none\n", "latest a b", "does not know"},
	} {
		found := shownCommands(c.name, c.text)
		if c.args == "" {
			if len(found) > 0 {
				t.Errorf("%q: %v", c.text, found)
			}
			continue
		}
		if len(found) != 1 || strings.Join(found[0].args, " ") != c.args {
			t.Errorf("%q: %v", c.text, found)
			continue
		}
		err := parses(found[0])
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%q: %v", c.text, err)
		}
	}
}
