package cmd

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func TestOutputForms(t *testing.T) {
	const tsv, table = "adf090656b210b1609ad3203d4ee7329\tfirst\n", "OPERATOR ID"
	for name, test := range map[string]struct {
		call  call
		args  []string
		start string
	}{
		"a pipe":                {call{}, nil, tsv},
		"a terminal":            {call{terminal: true, width: 80}, nil, table},
		"tsv on a terminal":     {call{terminal: true}, []string{"-o", "tsv"}, tsv},
		"table in a pipe":       {call{}, []string{"--output=table"}, table},
		"from the environment":  {call{env: map[string]string{"CKPT_OUTPUT": "json"}}, nil, "{"},
		"the command line wins": {call{env: map[string]string{"CKPT_OUTPUT": "json"}}, []string{"-otsv"}, tsv},
		"empty is not set":      {call{env: map[string]string{"CKPT_OUTPUT": ""}}, nil, tsv},
	} {
		r := test.call.run(t, append([]string{"uid", "first"}, test.args...)...).want(t, OK)
		if !strings.HasPrefix(strings.TrimPrefix(r.out, "\x1b[1m"), test.start) {
			t.Errorf("%s: %q, want it to start with %q", name, r.out, test.start)
		}
	}
}

func TestColour(t *testing.T) {
	on := map[string]string{}
	for name, test := range map[string]struct {
		call call
		args []string
		want bool
	}{
		"terminal":               {call{terminal: true, env: on}, nil, true},
		"pipe":                   {call{}, nil, false},
		"NO_COLOR":               {call{terminal: true, env: map[string]string{"NO_COLOR": "1"}}, nil, false},
		"NO_COLOR, but empty":    {call{terminal: true, env: map[string]string{"NO_COLOR": ""}}, nil, true},
		"dumb terminal":          {call{terminal: true, env: map[string]string{"TERM": "dumb"}}, nil, false},
		"never":                  {call{terminal: true}, []string{"--color", "never"}, false},
		"always beats NO_COLOR":  {call{env: map[string]string{"NO_COLOR": "1"}}, []string{"--color", "always"}, true},
		"never, from CKPT_COLOR": {call{terminal: true, env: map[string]string{"CKPT_COLOR": "never"}}, nil, false},
	} {
		r := test.call.run(t, append([]string{"uid", "a", "-o", "table"}, test.args...)...).want(t, OK)
		if got := strings.Contains(r.out, "\x1b["); got != test.want {
			t.Errorf("%s: colours %t, want %t: %q", name, got, test.want, r.out)
		}
		help := test.call.run(t, append([]string{"--help"}, test.args...)...).want(t, OK)
		if got := strings.Contains(help.out, "\x1b["); got != test.want {
			t.Errorf("%s: colours in help %t, want %t", name, got, test.want)
		}
	}
}

func TestFlagsFromTheEnvironment(t *testing.T) {
	r := call{env: map[string]string{"CKPT_OUTPUT": "xml"}}.run(t, "version").want(t, Usage)
	for _, part := range []string{`CKPT_OUTPUT="xml"`, "table, json or tsv", "--output"} {
		if !strings.Contains(r.err, part) {
			t.Errorf("stderr lacks %q:\n%s", part, r.err)
		}
	}
	// CI systems set such variables for their own purposes.
	call{env: map[string]string{"CKPT_VERSION": "1.2", "CKPT_HELP": "x", "CKPT_FIXTURES": "/x"}}.run(t, "version").want(t, OK)
}

func TestNeverFromTheEnvironment(t *testing.T) {
	for _, name := range []string{"apply", "ended", "clusters-complete", "trash", "unsafe-no-grace", "remove-orphans"} {
		flags := pflag.NewFlagSet("", pflag.ContinueOnError)
		flags.Bool(name, false, "")
		flags.Bool("quiet", false, "")
		env := call{env: map[string]string{envName(name): "true", "CKPT_QUIET": "true"}}.world(nil)
		ignored, err := fromEnvironment(env, flags)
		if err != nil || !slices.Equal(ignored, []string{envName(name)}) {
			t.Errorf("%s: ignored %v, error %v", name, ignored, err)
		}
		if on, _ := flags.GetBool(name); on {
			t.Errorf("%s was set from the environment", name)
		}
		if on, _ := flags.GetBool("quiet"); !on {
			t.Errorf("%s: quiet was not set", name)
		}
	}
}

// The user hears of a variable that does not count, and -q alone silences that.
func TestIgnoredVariableIsReported(t *testing.T) {
	for quiet, want := range map[string]string{"": "CKPT_APPLY", "true": ""} {
		var msg strings.Builder
		env := call{env: map[string]string{"CKPT_APPLY": "1", "CKPT_QUIET": quiet}}.world(nil)
		env.Err = &msg
		root := newRoot(env)
		root.Flags().Bool("apply", false, "")
		if err := root.ParseFlags(nil); err != nil {
			t.Fatal(err)
		}
		if err := root.PersistentPreRunE(root, nil); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(msg.String(), want) || want == "" && msg.Len() > 0 {
			t.Errorf("quiet=%q: %q", quiet, msg.String())
		}
	}
}

func TestQuietAndVerbose(t *testing.T) {
	r := ckpt(t, "version", "-q", "-v").want(t, Usage)
	if !strings.Contains(r.err, "exclude each other") {
		t.Error(r.err)
	}
}

func TestMaps(t *testing.T) {
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	to := func(old, new string) layout.Mapping {
		return layout.Mapping{Old: layout.Canonical(old), New: layout.Canonical(new)}
	}
	for name, test := range map[string]struct {
		args []string
		env  string
		want []layout.Mapping
		err  string
	}{
		"two":             {[]string{"--map", "a=/b", "--map", "s3://x/y=/z=1"}, "", []layout.Mapping{to("a", "/b"), to("s3://x/y", "/z=1")}, ""},
		"lines":           {nil, "a=/b\nc=/d", []layout.Mapping{to("a", "/b"), to("c", "/d")}, ""},
		"no equals sign":  {[]string{"--map", "ab"}, "", nil, "want OLD=NEW"},
		"nothing old":     {[]string{"--map", "=b"}, "", nil, "want OLD=NEW"},
		"nothing new":     {[]string{"--map", "a="}, "", nil, "want OLD=NEW"},
		"two for one":     {[]string{"--map", "a=/b", "--map", "a=/c"}, "", nil, "mapped to /b already"},
		"from here":       {[]string{"--map", "s3://b=."}, "", []layout.Mapping{to("s3://b", here)}, ""},
		"wrong, from env": {nil, "a=b\nc", nil, `CKPT_MAP="c": want OLD=NEW`},
	} {
		var opts mapOptions
		c := &cobra.Command{}
		opts.addFlags(c)
		err := c.ParseFlags(test.args)
		if err == nil {
			env := call{env: map[string]string{"CKPT_MAP": test.env}}.world(nil)
			_, err = fromEnvironment(env, c.Flags())
		}
		switch {
		case test.err != "":
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: error %v, want %q", name, err, test.err)
			}
		case err != nil || !slices.Equal(opts.maps, pathMaps(test.want)):
			t.Errorf("%s: %v, error %v", name, opts.maps, err)
		}
	}
}

func TestMapsAreAList(t *testing.T) {
	m := pathMaps{{Old: "old", New: "x"}}
	if err := m.Replace([]string{"a=/b", "c=/d"}); err != nil || m.String() != "a=/b c=/d" {
		t.Errorf("%v, %v", m, err)
	}
	if err := m.Append("e=/f"); err != nil || !slices.Equal(m.GetSlice(), []string{"a=/b", "c=/d", "e=/f"}) {
		t.Errorf("%v, %v", m, err)
	}
	if err := m.Replace([]string{"a"}); err == nil {
		t.Error("no error")
	}
}

// No flag may be there that a variable cannot name, nor one whose default help
// would hide.
func TestEveryFlagHasItsVariable(t *testing.T) {
	seen := map[string]string{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			name := envName(f.Name)
			if other, ok := seen[name]; ok && other != f.Name {
				t.Errorf("%s stands for --%s and --%s", name, other, f.Name)
			}
			seen[name] = f.Name
			if f.Usage == "" {
				t.Errorf("%s: --%s says nothing of itself", c.CommandPath(), f.Name)
			}
		})
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(newRoot(call{}.world(nil)))
	if len(seen) < 6 {
		t.Errorf("only %d flags found", len(seen))
	}
}
