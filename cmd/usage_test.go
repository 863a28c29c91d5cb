package cmd

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestWrongCommandLines(t *testing.T) {
	for _, test := range []struct{ line, message, hint string }{
		{"verison", `unknown command "verison"`, "did you mean version?"},
		{"verison --frob", `unknown command "verison"`, "did you mean version?"},
		{"--color never verison", `unknown command "verison"`, "did you mean version?"},
		{"xyzzy", `unknown command "xyzzy"`, "lists the commands"},
		{"help verison", `unknown command "verison"`, "did you mean version?"},
		{"version --otput json", "unknown flag: --otput", "did you mean --output?"},
		{"version --zzz", "unknown flag: --zzz", "lists the flags"},
		{"version -z", "'z'", "lists the flags"},
		{"version --output", "needs an argument", "lists the flags"},
		{"version -o xml", "table, json or tsv", "lists the flags"},
		{"version --quiet=perhaps", "perhaps", "lists the flags"},
		{"version more", `"more"`, "usage: ckpt version"},
		{"completion", "the name of a shell", "usage: ckpt completion"},
		{"completion ksh", `"ksh"`, "bash, zsh, fish or powershell"},
		{"uid", "no names", "--candidates"},
	} {
		r := ckpt(t, strings.Fields(test.line)...).want(t, Usage)
		first, second, _ := strings.Cut(r.err, "\n")
		if r.out != "" || !strings.Contains(first, test.message) || !strings.Contains(second, "hint: ") || !strings.Contains(second, test.hint) {
			t.Errorf("ckpt %s: stdout %q, stderr\n%s", test.line, r.out, r.err)
		}
	}
}

// An error in the form that was asked for, even where the rest was not understood.
func TestWrongCommandLineInJSON(t *testing.T) {
	for _, test := range []struct {
		line string
		env  string
		json bool
	}{
		{"verison -o json", "", true},
		{"version --frob -ojson", "", true},
		{"version --frob -o=json", "", true},
		{"version --frob --output=json", "", true},
		{"version --frob --output json", "", true},
		{"version --frob", "json", true},
		{"version --frob -o tsv", "json", false},
		{"version --frob -o", "", false},
		{"version --frob -o xml", "", false},
		{"version --frob -- -o json", "", false},
	} {
		r := call{env: map[string]string{"CKPT_OUTPUT": test.env}}.run(t, strings.Fields(test.line)...).want(t, Usage)
		if !test.json {
			if !strings.HasPrefix(r.err, "ckpt: ") {
				t.Errorf("ckpt %s: %s", test.line, r.err)
			}
			continue
		}
		if e := r.decodeError(t); e.Code != Usage || e.Message == "" || e.Hint == "" {
			t.Errorf("ckpt %s: %s", test.line, r.err)
		}
	}
}

func TestHelp(t *testing.T) {
	bare := ckpt(t).want(t, OK).out
	for _, line := range []string{"--help", "-h", "help"} {
		if got := ckpt(t, line).want(t, OK).out; got != bare {
			t.Errorf("ckpt %s differs from ckpt alone", line)
		}
	}
	if got, want := ckpt(t, "help", "uid").want(t, OK).out, ckpt(t, "uid", "--help").want(t, OK).out; got != want {
		t.Error("ckpt help uid differs from ckpt uid --help")
	}
	if r := (call{env: map[string]string{"CKPT_OUTPUT": "nonsense"}}).run(t, "--help"); r.code != OK || r.out != bare {
		t.Error("a wrong variable keeps help away")
	}
}

// Help fits into 80 columns, says what each command is for, and shows examples.
func TestHelpOfEveryCommand(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		args := append(strings.Fields(c.CommandPath())[1:], "--help")
		r := call{width: 80}.run(t, args...).want(t, OK)
		for line := range strings.Lines(r.out) {
			if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
				t.Errorf("%s: a line of %d columns: %s", c.CommandPath(), n, line)
			}
		}
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: short help %q", c.CommandPath(), c.Short)
		}
		if c.Example == "" && !c.Hidden {
			t.Errorf("%s: no example", c.CommandPath())
		}
		if c.GroupID == "" && !c.Hidden && c.HasParent() && !c.Parent().HasParent() {
			t.Errorf("%s is in no group", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(call{}.world(nil)))
}

func TestEditDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"kitten", "sitting", 3}, {"output", "otput", 1}, {"map", "pam", 2}} {
		if got := editDistance(test.a, test.b); got != test.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
