// Package cmd is the command line of ckpt: flags in, text or JSON out. It knows
// nothing of checkpoints itself.
//
// There is one file a command. A command has options that own their flags, a
// constructor newXCommand(env) and a function runX(ctx, env, options) that does
// the work; its errors are ordinary Go errors, which exit.go turns into exit
// codes. Everything of the outside world comes from Env, so that tests run the
// whole command line in their own process through Run.
package cmd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The groups of commands in the help.
const (
	groupLook   = "look"
	groupChange = "change"
	groupTools  = "tools"
)

// newSubcommands makes the commands of ckpt in the order of the help.
func newSubcommands(env *Env) []*cobra.Command {
	return []*cobra.Command{
		newLsCommand(env),
		newLatestCommand(env),
		newInspectCommand(env),
		newDuCommand(env),
		newVerifyCommand(env),
		newWhyCommand(env),
		newDiffCommand(env),
		newStateCommand(env),
		newOffsetsCommand(env),
		newPruneCommand(env),
		newRmCommand(env),
		newCpCommand(env),
		newMvCommand(env, removeSource),
		newRunCommand(env),
		newUIDCommand(env),
		newVersionCommand(env),
		newCompletionCommand(env),
		newGendocsCommand(env),
	}
}

// keepOrder lists commands in the order of newSubcommands. The setting is cobra's for
// the whole process.
var keepOrder = sync.OnceFunc(func() { cobra.EnableCommandSorting = false })

// newRoot makes the command line of env.
func newRoot(env *Env) *cobra.Command {
	opts := &globals{}
	root := &cobra.Command{
		Use:   "ckpt",
		Short: "Look into the checkpoints and savepoints of Apache Flink",
		Long: `ckpt looks into the checkpoints and savepoints of Apache Flink: which there are,
what is in them, which still restore, how big they really are, and why a file is
there. It reads their files, and needs no Java and no cluster. Only run, and the
commands listed under Change, change anything.

URL is a local path or file://, s3:// (s3a, s3p), gs://, azblob:// (abfs, wasb),
hdfs:// or webhdfs://. Credentials are those of each cloud's own tools, and
endpoints may come from Flink's configuration (--flink-conf, -D s3.endpoint=…).`,
		Example: `  ckpt ls s3://bucket/checkpoints          what lies below a directory
  ckpt latest /data/flink/checkpoints      the newest one that is complete
  ckpt verify latest:/data/flink           whether it still restores
  ckpt du /data/flink                      where the bytes are, and the orphans
  ckpt inspect /data/flink/savepoint-1f2e  operators, sub-tasks and files of one
  ckpt prune /data/flink --keep-last 3     what may go; --apply deletes it`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRunE: func(c *cobra.Command, _ []string) error { return prepare(env, opts, c.Flags()) },
	}
	keepOrder()
	root.SetArgs(append([]string{}, env.Args...)) // nil would stand for those of the process
	root.SetIn(env.In)
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	root.SetFlagErrorFunc(flagError)
	root.SetHelpFunc(func(c *cobra.Command, _ []string) {
		// --help comes before the flags are settled. Wrong ones must not keep help away.
		_ = prepare(env, opts, c.Flags())
		printHelp(env, c)
	})
	root.AddGroup(&cobra.Group{ID: groupLook, Title: "Look"}, &cobra.Group{ID: groupChange, Title: "Change"}, &cobra.Group{ID: groupTools, Title: "Tools"})
	root.AddCommand(newSubcommands(env)...)
	root.SetHelpCommand(newHelpCommand(env))
	opts.addFlags(root)
	addVersionFlag(env, root)
	markRuns(root)
	return root
}

// prepare settles the flags just before a command runs.
func prepare(env *Env, opts *globals, flags *pflag.FlagSet) error {
	ignored, err := fromEnvironment(env, flags)
	if err != nil {
		return err
	}
	if err := opts.settle(env); err != nil {
		return err
	}
	for _, name := range ignored {
		env.Log.Warn("the variable is ignored: this flag counts on the command line only", "variable", name)
	}
	return nil
}

// Run runs the command line of env and gives the code to exit with. A context
// that a signal cancelled has a signalError as its cause.
func Run(ctx context.Context, env *Env) Code {
	world := *env
	out := &guardedWriter{w: env.Out}
	world.Out, world.Err = out, &statusLine{w: env.Err}
	world.Log = newLogger(world.Err, false, 0)
	root := newRoot(&world)
	err := root.ExecuteContext(ctx)
	var ran *runError
	switch {
	case err == nil:
	case errors.As(err, &ran):
		err = ran.err
	default:
		// The command line did not get as far as a command.
		asked := globals{output: requested(env, "output", "-o", outputForms), color: requested(env, "color", "", when)}
		world.Output, world.ColorErr = Format(asked.output), asked.colored(env, env.ErrTerminal)
		err = world.measureMistake(root, asUsage(err))
	}
	return world.conclude(ctx, out, err)
}

// runError marks what a command itself returned, to tell it from what cobra
// says of the command line.
type runError struct{ err error }

// Error implements error.
func (e *runError) Error() string { return e.err.Error() }

// markRuns makes every command below c mark its errors.
func markRuns(c *cobra.Command) {
	if run := c.RunE; run != nil {
		c.RunE = func(c *cobra.Command, args []string) error {
			if err := run(c, args); err != nil {
				return &runError{err}
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		markRuns(sub)
	}
}

// asUsage makes err a usageError if it is none.
func asUsage(err error) error {
	var usage *usageError
	if errors.As(err, &usage) {
		return err
	}
	return usagef("see ckpt --help", "%s", err.Error())
}

// requested looks for the value of a flag in a command line that could not be
// parsed, so that its error comes as it was asked for. It is allowed[0] without any.
func requested(env *Env, flag, short string, allowed []string) string {
	found := env.Getenv(envName(flag))
	for i, arg := range env.Args {
		if arg == "--" {
			break
		}
		value, ok := strings.CutPrefix(arg, "--"+flag+"=")
		switch {
		case ok:
		case (arg == short || arg == "--"+flag) && i+1 < len(env.Args):
			value = env.Args[i+1]
		case short != "" && strings.HasPrefix(arg, short):
			value = strings.TrimPrefix(arg[len(short):], "=")
		default:
			continue
		}
		found = value
	}
	if !slices.Contains(allowed, found) {
		return allowed[0]
	}
	return found
}
