package cmd

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"github.com/ckpt-tool/ckpt/backends/snapshot"
	"github.com/spf13/cobra"
)

// stateExportOptions are the flags of `ckpt state export`.
type stateExportOptions struct {
	stateOptions
	format, to, condition string
}

// The formats of files.
const (
	formatJSONL   = "jsonl"
	formatCSV     = "csv"
	formatParquet = "parquet"
)

var exportFormats = []string{formatJSONL, formatCSV, formatParquet}

func (o *stateExportOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	choice(c, &o.format, "format", "", formatJSONL, exportFormats, "of the files")
	f.StringVar(&o.to, "to", "", "where to: a directory, or for one state a file, `URL`")
	f.StringVar(&o.condition, "where", "", "only entries for which this condition holds: an expression in `CEL`")
	o.addKeyGroups(c)
	o.stateOptions.addFlags(c)
}

func (o *stateExportOptions) validate(c *cobra.Command) error {
	if o.to == "" {
		return usagef("name a directory or URL", "--to is missing: export where?")
	}
	for _, format := range exportFormats {
		switch {
		case format == o.format || !strings.HasSuffix(o.to, "."+format):
		case onCommandLine(c.Flags(), "format"):
			return usagef("leave --format out, or let --to end in ."+o.format, "--to %s is no file of --format %s", o.to, o.format)
		default:
			o.format = format
		}
	}
	return o.stateOptions.validate()
}

func newStateExportCommand(env *Env) *cobra.Command {
	opts := &stateExportOptions{}
	c := &cobra.Command{
		Use:   "export " + checkpointArg + " --to URL",
		Short: "The entries of the state as files: JSON lines, CSV or Parquet",
		Long: `Writes the entries of each state to a file of its own, OPERATOR.STATE.FORMAT in
the directory --to, on any storage. Where --to ends in .jsonl, .csv or .parquet,
it is the file of the one state that --operator and --state choose, and says the
format.

  jsonl    what ckpt state cat shows
  csv      columns with a header; what is null is empty, empty text is ""
  parquet  typed columns, compressed by zstd, in row groups of about 64 MiB

Columns are key_group, key, namespace, map_key, value, last_access, ts. Tuples,
POJOs, case classes and rows are taken apart by one level, value.field, and a
window is namespace.start and namespace.end. Lists are lists in Parquet; maps
and what lies deeper are JSON. Times are timestamps, DECIMALs decimals;
BigDecimals, which have no precision, are text.

Files are made in the local directory for temporary ones and then sent, so that
none is there half. None is ever overwritten.

` + aboutStateArgs + `

Exits with 3 where some entries could not be exported, as only the job knows
their class or they do not fit the format (warnings name the first); with 4
where there is no such operator or state; without files, with 5 where bytes are
wrong or missing and with 1 where a file could not be read or --memory is too
little.`,
		Example: `  ckpt state export chk-6 --format parquet --to s3://lake/chk-6
  ckpt state export chk-6 --state count --to count.csv
  ckpt state export latest:/data/flink --operator my-window --to /tmp/window`,
		Args: exactArgs(checkpointArg),
		RunE: func(c *cobra.Command, args []string) error {
			if err := opts.validate(c); err != nil {
				return err
			}
			return runStateExport(c.Context(), env, opts, args[0])
		},
	}
	opts.addFlags(c)
	return c
}

func runStateExport(ctx context.Context, env *Env, opts *stateExportOptions, arg string) error {
	x := &exporting{env: env, opts: opts, faults: stateFaults{env: env}}
	var err error
	if x.filter, err = compileWhere(opts.condition); err != nil {
		return err
	}
	if x.openedState, err = openState(ctx, env, &opts.stateOptions, arg); err != nil {
		return err
	}
	defer x.close()
	x.keep(func(h *snapshot.Handle) bool { return !isChannel(h) })
	if err := x.checkStates(ctx); err != nil {
		return err
	}
	if err := x.plan(ctx); err != nil {
		return err
	}
	if err := x.destination(ctx); err != nil {
		return err
	}
	defer x.removeFiles()
	if err := x.read(ctx); err != nil {
		return err
	}
	if len(x.faults.corrupt) > 0 {
		return x.faults.end()
	}
	if err := x.send(ctx); err != nil {
		return errors.Join(err, x.takeBack(ctx))
	}
	if err := x.print(); err != nil {
		return err
	}
	x.answers.warn(env)
	return x.faults.end()
}

// oneFile is the directory and the name in --to if it names a file, "" and "" if it does not.
func (o *stateExportOptions) oneFile() (dir, name string) {
	if !strings.HasSuffix(o.to, "."+o.format) {
		return "", ""
	}
	i := strings.LastIndexByte(o.to, '/')
	if i < 0 {
		return ".", o.to
	}
	dir, name = o.to[:i], o.to[i+1:]
	if dir == "" {
		dir = string(filepath.Separator)
	}
	return dir, name
}
