package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpWidth is how wide help is where the terminal does not say.
const helpWidth = 80

// newHelpCommand is `ckpt help`, which unlike cobra's fails where there is no such command.
func newHelpCommand(env *Env) *cobra.Command {
	return &cobra.Command{
		Use:    "help [COMMAND]",
		Short:  "Help on a command",
		Hidden: true,
		RunE: func(c *cobra.Command, args []string) error {
			at := c.Root()
			for _, name := range args {
				next := findCommand(at, name)
				if next == nil {
					return unknownCommand(at, name)
				}
				at = next
			}
			printHelp(env, at)
			return nil
		},
	}
}

func findCommand(parent *cobra.Command, name string) *cobra.Command {
	for _, c := range parent.Commands() {
		if c.Name() == name || c.HasAlias(name) {
			return c
		}
	}
	return nil
}

// printHelp writes the help of c to Out.
func printHelp(env *Env, c *cobra.Command) {
	c.InitDefaultHelpFlag() // cobra adds it to the command that runs only
	var b strings.Builder
	long := c.Long
	if long == "" {
		long = c.Short + "."
	}
	fmt.Fprintf(&b, "%s\n", long)
	title := func(s string) { fmt.Fprintf(&b, "\n%s\n", env.paintOut(bold, s+":")) }
	title("Usage")
	fmt.Fprintf(&b, "  %s\n", synopsis(c))
	if c.Example != "" {
		title("Examples")
		fmt.Fprintf(&b, "%s\n", c.Example)
	}
	helpCommands(&b, c, title)
	helpFlags(&b, env, c, title)
	if !c.HasParent() {
		fmt.Fprint(&b, "\nckpt help COMMAND tells more about a command.\n")
	}
	fmt.Fprint(env.Out, b.String())
}

func synopsis(c *cobra.Command) string {
	if !c.HasAvailableSubCommands() {
		return c.UseLine()
	}
	line := c.CommandPath() + " COMMAND [flags]"
	if takesArguments(c) {
		line = c.UseLine() + "\n  " + line
	}
	return line
}

func helpCommands(b *strings.Builder, c *cobra.Command, title func(string)) {
	if !c.HasAvailableSubCommands() {
		return
	}
	width := 0
	for _, sub := range c.Commands() {
		width = max(width, len(sub.Name()))
	}
	list := func(heading, group string) {
		first := true
		for _, sub := range c.Commands() {
			if !sub.IsAvailableCommand() || sub.GroupID != group {
				continue
			}
			if first {
				title(heading)
				first = false
			}
			fmt.Fprintf(b, "  %-*s  %s\n", width, sub.Name(), sub.Short)
		}
	}
	for _, g := range c.Groups() {
		list(g.Title, g.ID)
	}
	list("Commands", "")
}

func helpFlags(b *strings.Builder, env *Env, c *cobra.Command, title func(string)) {
	width := env.Width()
	if width <= 0 || width > 2*helpWidth {
		width = helpWidth
	}
	show := func(heading string, flags *pflag.FlagSet) {
		if flags.HasAvailableFlags() {
			title(heading)
			fmt.Fprint(b, flags.FlagUsagesWrapped(width))
		}
	}
	if !c.HasParent() {
		show("Flags of every command", c.LocalFlags())
		fmt.Fprintf(b, "\n%s\n", environmentHelp)
		return
	}
	show("Flags", c.LocalFlags())
	if c.HasAvailableInheritedFlags() {
		fmt.Fprint(b, "\nckpt --help lists the flags of every command, such as -o json.\n")
	}
}

// environmentHelp tells what else sets flags, and where to read on.
const environmentHelp = `Colours and progress, if auto, come on a terminal only; NO_COLOR is honoured.
Every flag can be set in the environment: --log-format as CKPT_LOG_FORMAT. The
command line wins. Flags that delete or loosen a guard count only there.`
