package cmd

import (
	"strings"

	"github.com/spf13/cobra"
)

// measureMistake writes metrics of a command line that did not get as far as its command,
// as cron shall notice that too. It can only where the line tells the file.
func (e *Env) measureMistake(root *cobra.Command, err error) error {
	c, args, _ := root.Find(e.Args)
	if c == nil || c.InheritedFlags() == nil || c.Flag(metricsFlag) == nil {
		return err
	}
	roots, file := readAnyhow(c, args)
	if file == "" {
		file = e.Getenv(envName(metricsFlag))
	}
	if file == "" {
		return err
	}
	if roots = rootsOf(roots); len(roots) == 0 {
		roots = []string{""}
	}
	m := newMetrics()
	now := e.Now()
	m.ran(c.Name(), roots, entryOf(err).code, now, now)
	return e.withMetricsError(err, m.write(file))
}

// readAnyhow finds the arguments, and the file for metrics, in a command line that cannot
// be parsed: flags that c does not know are taken for ones without a value.
func readAnyhow(c *cobra.Command, line []string) (args []string, file string) {
	for i := 0; i < len(line); i++ {
		word := line[i]
		switch {
		case word == "--":
			return append(args, line[i+1:]...), file
		case strings.HasPrefix(word, "--"):
			name, value, with := strings.Cut(word[2:], "=")
			if f := c.Flag(name); !with && f != nil && f.NoOptDefVal == "" && i+1 < len(line) {
				i++
				value = line[i]
			}
			if name == metricsFlag {
				file = value
			}
		case strings.HasPrefix(word, "-") && len(word) > 1:
			if f := c.Flags().ShorthandLookup(word[len(word)-1:]); f != nil && f.NoOptDefVal == "" {
				i++
			}
		default:
			args = append(args, word)
		}
	}
	return args, file
}
