package cmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// exactArgs wants as many arguments as there are names.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return usagef(usageLine(c), "%s needs %s", c.CommandPath(), strings.Join(names[len(args):], " and "))
		case len(args) > len(names):
			return tooMany(c, args[len(names)])
		}
		return nil
	}
}

// maxArgs wants n arguments or fewer.
func maxArgs(n int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) > n {
			return tooMany(c, args[n])
		}
		return nil
	}
}

func tooMany(c *cobra.Command, arg string) error {
	return usagef(usageLine(c), "%s does not know what to do with %q", c.CommandPath(), arg)
}

func usageLine(c *cobra.Command) string { return "usage: " + c.UseLine() }

// unknownCommand is the error for a name below c that is no command.
func unknownCommand(c *cobra.Command, name string) error {
	c.SuggestionsMinimumDistance = 2
	hint := fmt.Sprintf("%s --help lists the commands", c.CommandPath())
	if s := c.SuggestionsFor(name); len(s) > 0 {
		hint = fmt.Sprintf("did you mean %s?", orList(s))
	}
	return usagef(hint, "unknown command %q", name)
}

// noCommand is for a command that has only sub-commands: it shows its help when
// called alone, and any argument is a command that does not exist.
func noCommand(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unknownCommand(c, args[0])
	}
	return nil
}

// flagError explains a flag that cobra cannot parse.
func flagError(c *cobra.Command, err error) error {
	if args := c.Flags().Args(); c.HasSubCommands() && !takesArguments(c) && len(args) > 0 {
		return unknownCommand(c, args[0]) // its flags cannot be known either
	}
	hint := fmt.Sprintf("%s --help lists the flags", c.CommandPath())
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) {
		if s := similarFlag(c.Flags(), unknown.GetSpecifiedName()); s != "" {
			hint = fmt.Sprintf("did you mean --%s?", s)
		}
	}
	return usagef(hint, "%s", err.Error())
}

// takesArguments tells whether c takes others than the names of sub-commands.
func takesArguments(c *cobra.Command) bool { return strings.Contains(c.Use, " ") }

// similarFlag is the flag whose name is nearest to name, "" where none is near.
func similarFlag(flags *pflag.FlagSet, name string) string {
	var names []string
	flags.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	return closest(name, names)
}

// closest is the name that is nearest to what was given, "" where none is near.
func closest(given string, names []string) string {
	best, distance := "", min(3, len(given)/2+1)
	for _, name := range names {
		if d := editDistance(name, given); d < distance {
			best, distance = name, d
		}
	}
	return best
}

// editDistance is Levenshtein's, by bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
