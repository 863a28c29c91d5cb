package cmd

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// globals are the flags of every command.
type globals struct {
	output, color, progress, logFormat string
	quiet, verbose                     bool
	storage                            storageOptions
}

// The allowed values of flags, the initial one first. What is initial of outputForms
// depends on the terminal.
var (
	outputForms = []string{string(Table), string(JSON), string(TSV)}
	when        = []string{"auto", "always", "never"}
	logFormats  = []string{"text", "json"}
)

func (g *globals) addFlags(root *cobra.Command) {
	f := root.PersistentFlags()
	global := func(value *string, name, short, initial string, allowed []string, usage string) {
		addChoice(root, f, value, name, short, initial, allowed, usage)
	}
	global(&g.output, "output", "o", "", outputForms, "output form; table on a terminal, else tsv")
	global(&g.color, "color", "", when[0], when, "colours")
	global(&g.progress, "progress", "", when[0], when, "progress on stderr")
	global(&g.logFormat, "log-format", "", logFormats[0], logFormats, "form of messages")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "no messages but errors")
	f.BoolVarP(&g.verbose, "verbose", "v", false, "more messages; exact sizes and times")
	g.storage.addFlags(f)
}

// settle turns the global flags into what commands look at.
func (g *globals) settle(env *Env) error {
	if g.quiet && g.verbose {
		return usagef("give one of them", "--quiet and --verbose exclude each other")
	}
	env.Output = Format(g.output)
	if g.output == "" {
		env.Output = TSV
		if env.OutTerminal {
			env.Output = Table
		}
	}
	env.Quiet, env.Verbose = g.quiet, g.verbose
	env.Progress = g.progress == "always" || g.progress == "auto" && env.ErrTerminal && !g.quiet
	env.ColorOut = g.colored(env, env.OutTerminal)
	env.ColorErr = g.colored(env, env.ErrTerminal)
	env.jsonLog = g.logFormat == "json"
	level := slog.LevelInfo
	switch {
	case g.quiet:
		level = slog.LevelError
	case g.verbose:
		level = slog.LevelDebug
	}
	env.Log = newLogger(env.Err, env.jsonLog, level)
	return g.storage.settle(env)
}

func (g *globals) colored(env *Env, terminal bool) bool {
	if g.color != "auto" {
		return g.color == "always"
	}
	return terminal && env.Getenv("NO_COLOR") == "" && env.Getenv("TERM") != "dumb"
}

// choiceValue is a flag with a few allowed values.
type choiceValue struct {
	value   *string
	allowed []string
}

// String implements pflag.Value.
func (c *choiceValue) String() string { return *c.value }

// Type implements pflag.Value. It is what help shows for the value.
func (c *choiceValue) Type() string { return strings.Join(c.allowed, "|") }

// Set implements pflag.Value.
func (c *choiceValue) Set(s string) error {
	if !slices.Contains(c.allowed, s) {
		return fmt.Errorf("want %s", orList(c.allowed))
	}
	*c.value = s
	return nil
}

// choice adds a flag with a few allowed values, which the shell completes.
func choice(c *cobra.Command, value *string, name, short, initial string, allowed []string, usage string) {
	addChoice(c, c.Flags(), value, name, short, initial, allowed, usage)
}

func addChoice(c *cobra.Command, flags *pflag.FlagSet, value *string, name, short, initial string, allowed []string, usage string) {
	*value = initial
	flags.VarP(&choiceValue{value, allowed}, name, short, usage)
	complete := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return allowed, cobra.ShellCompDirectiveNoFileComp
	}
	if err := c.RegisterFlagCompletionFunc(name, complete); err != nil {
		panic(err) // the flag was added just above
	}
}

func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// envName is the environment variable that sets a flag.
func envName(flag string) string {
	return "CKPT_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// neverFromEnv tells whether a flag must stand on the command line itself. Such
// flags delete, or loosen a guard: a forgotten variable must not do that.
func neverFromEnv(flag string) bool {
	switch flag {
	case "apply", "ended", "clusters-complete", "assume-ended-after", "no-other-roots", "entropy-prefix",
		"min-age", "max-orphan-percent", "trash", "claim-mode", "allow-non-restored-state":
		return true
	}
	return strings.HasPrefix(flag, "unsafe-") || strings.HasPrefix(flag, "remove-")
}

// onlyTyped is the annotation of a flag that deletes or loosens a guard in this command
// alone, and has a name that does neither in others.
const onlyTyped = "ckpt_only_typed"

// mustBeTyped makes a flag of c count on the command line only.
func mustBeTyped(c *cobra.Command, flag string) {
	if err := c.Flags().SetAnnotation(flag, onlyTyped, nil); err != nil {
		panic(err) // there is no such flag
	}
}

func isTyped(f *pflag.Flag) bool {
	_, only := f.Annotations[onlyTyped]
	return only || neverFromEnv(f.Name)
}

// isQuestion tells whether a flag asks ckpt about itself. CI systems set
// variables such as CKPT_VERSION for purposes of their own.
func isQuestion(flag string) bool { return flag == "help" || flag == "version" }

// fromEnvironment sets the flags that are not on the command line from their
// variables. It names the variables that it must not obey.
func fromEnvironment(env *Env, flags *pflag.FlagSet) (ignored []string, err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		value := env.Getenv(envName(f.Name))
		switch {
		case err != nil || f.Changed || value == "" || isQuestion(f.Name):
		case isTyped(f):
			ignored = append(ignored, envName(f.Name))
		default:
			err = setFromEnvironment(flags, f, value)
		}
	})
	return ignored, err
}

func setFromEnvironment(flags *pflag.FlagSet, f *pflag.Flag, value string) error {
	values := []string{value}
	if _, list := f.Value.(pflag.SliceValue); list {
		values = strings.Split(value, "\n")
	}
	for _, v := range values {
		if err := flags.Set(f.Name, v); err != nil {
			var invalid *pflag.InvalidValueError
			if errors.As(err, &invalid) {
				err = invalid.Unwrap()
			}
			hint := fmt.Sprintf("the variable %s stands for --%s; unset it or correct it", envName(f.Name), f.Name)
			return usagef(hint, "%s=%q: %v", envName(f.Name), v, err)
		}
	}
	return flags.SetAnnotation(f.Name, byVariable, nil)
}

// byVariable is the annotation of a flag that the environment has set.
const byVariable = "ckpt_by_variable"

// onCommandLine tells whether the user gave a flag in this very call. A variable
// may stand there for other commands.
func onCommandLine(flags *pflag.FlagSet, name string) bool {
	f := flags.Lookup(name)
	if f == nil || !f.Changed {
		return false
	}
	_, variable := f.Annotations[byVariable]
	return !variable
}

// mapOptions is the flag --map of commands that follow the paths in a `_metadata`.
type mapOptions struct{ maps pathMaps }

func (o *mapOptions) addFlags(c *cobra.Command) {
	c.Flags().Var(&o.maps, "map", "read what lies below OLD at NEW: for a copied tree (repeatable)")
}

// pathMaps is the value of --map.
type pathMaps []layout.Mapping

// String implements pflag.Value.
func (m *pathMaps) String() string { return strings.Join(m.GetSlice(), " ") }

// Type implements pflag.Value.
func (m *pathMaps) Type() string { return "OLD=NEW" }

// Set implements pflag.Value.
func (m *pathMaps) Set(s string) error {
	mapping, err := layout.ParseMapping(s)
	if err != nil {
		return errors.New("want OLD=NEW, two paths or URLs")
	}
	if place := layout.ParsePlace(mapping.New); place.Scheme == "" {
		// What a _metadata names lies nowhere relative to here; NEW may.
		if mapping.New, err = filepath.Abs(place.Path); err != nil {
			return err
		}
	}
	for _, other := range *m {
		if other.Old == mapping.Old && other.New != mapping.New {
			return fmt.Errorf("%s is mapped to %s already", other.Old, other.New)
		}
	}
	*m = append(*m, mapping)
	return nil
}

// Append implements pflag.SliceValue.
func (m *pathMaps) Append(s string) error { return m.Set(s) }

// Replace implements pflag.SliceValue.
func (m *pathMaps) Replace(all []string) error {
	*m = nil
	for _, s := range all {
		if err := m.Set(s); err != nil {
			return err
		}
	}
	return nil
}

// GetSlice implements pflag.SliceValue.
func (m *pathMaps) GetSlice() []string {
	var all []string
	for _, mapping := range *m {
		all = append(all, mapping.Old+"="+mapping.New)
	}
	return all
}

// days is the value of a flag that is a duration, in weeks and days as well.
type days time.Duration

// String implements pflag.Value.
func (d *days) String() string {
	if *d == 0 {
		return ""
	}
	return formatDays(time.Duration(*d))
}

// Type implements pflag.Value.
func (d *days) Type() string { return "DURATION" }

// Set implements pflag.Value.
func (d *days) Set(s string) error {
	v, err := parseDays(s)
	*d = days(v)
	return err
}

// longUnits are those that time.ParseDuration does not have.
var longUnits = map[byte]time.Duration{'w': 7 * 24 * time.Hour, 'd': 24 * time.Hour}

// longestTime is more than anybody means, and leaves room for sums.
const longestTime = 100 * 365 * 24 * time.Hour

// parseDays reads a duration such as 90m, 7d or 1w2d12h. There are no negative ones.
func parseDays(s string) (time.Duration, error) {
	total, rest := time.Duration(0), s
	for {
		end := strings.IndexAny(rest, "wd")
		if end < 0 {
			break
		}
		n, err := strconv.ParseFloat(rest[:end], 64)
		part := n * float64(longUnits[rest[end]])
		if err != nil || !(n >= 0 && part <= float64(longestTime)) {
			return 0, notDuration(s)
		}
		if total += time.Duration(part); total > longestTime {
			return 0, notDuration(s)
		}
		rest = rest[end+1:]
	}
	if rest == "" && s != "" {
		return total, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d > longestTime-total {
		return 0, notDuration(s)
	}
	return total + d, nil
}

func notDuration(s string) error {
	return fmt.Errorf("%q is no duration: want one such as 90m, 24h, 7d or 2w, and not above 100 years", s)
}

// formatDays is a duration in the form that parseDays reads, without units of zero.
func formatDays(d time.Duration) string {
	const day = 24 * time.Hour
	var b strings.Builder
	if n := d / day; n > 0 {
		fmt.Fprintf(&b, "%dd", n)
	}
	if rest := d % day; rest > 0 || b.Len() == 0 {
		text := rest.String()
		for _, zero := range []string{"m0s", "h0m"} {
			if strings.HasSuffix(text, zero) {
				text = text[:len(text)-2]
			}
		}
		b.WriteString(text)
	}
	return b.String()
}

// bytesValue is the value of a flag that is a number of bytes, such as 500G.
type bytesValue int64

// String implements pflag.Value.
func (b *bytesValue) String() string {
	if *b == 0 {
		return ""
	}
	return strconv.FormatInt(int64(*b), 10)
}

// Type implements pflag.Value.
func (b *bytesValue) Type() string { return "SIZE" }

// Set implements pflag.Value.
func (b *bytesValue) Set(s string) error {
	n, err := parseSize(s)
	if err == nil && n == 0 {
		err = errors.New("want a number above 0")
	}
	*b = bytesValue(n)
	return err
}
