package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/ckpt-tool/ckpt/layout/relocate"
	"github.com/spf13/cobra"
	"golang.org/x/time/rate"
)

// cpOptions are the flags of `ckpt cp`, and of `ckpt mv`.
type cpOptions struct {
	openOptions
	mapOptions
	keepLayout, readBack, dryRun bool
	as, bwlimit                  string
	moves                        bool // the source is to be deleted: what was sent is read back
}

func (o *cpOptions) addFlags(c *cobra.Command) {
	o.addCopyFlags(c)
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "say what would be copied, and change nothing")
	o.openOptions.addFlags(c)
	o.mapOptions.addFlags(c)
}

// addCopyFlags adds those that say how to copy.
func (o *cpOptions) addCopyFlags(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&o.keepLayout, "keep-layout", false, "DST is a root: copy into DST/JOB/chk-N, DST/JOB/shared …, with absolute paths")
	f.StringVar(&o.as, "as", "", "what Flink calls DST, where a path in the copy must be absolute: a `URL`")
	f.StringVar(&o.bwlimit, "bwlimit", "", "at most so many bytes a second through this machine, such as `50M`")
	f.BoolVar(&o.readBack, "read-back", false, "let all bytes come by here, read each file again from DST and compare its checksum")
}

// limit is what --bwlimit says, nil for no limit.
func (o *cpOptions) limit() (*rate.Limiter, error) {
	if o.bwlimit == "" {
		return nil, nil
	}
	n, err := parseSize(o.bwlimit)
	if err != nil || n == 0 {
		return nil, usagef("give a size such as 50M, of a second", "--bwlimit %s: no rate", o.bwlimit)
	}
	return rate.NewLimiter(rate.Limit(n), int(min(max(n/10, 1<<10), 1<<20))), nil
}

// aboutCopies goes into the help of cp and mv.
const aboutCopies = `The copy is one directory with all that the checkpoint needs, whatever the
source is: incremental, with a changelog, with merged files, with files in the
directories of other jobs. Flink restores from it as from any other checkpoint.
Its paths are relative, so that it can be moved on by any tool; with a
changelog, and for Flink up to 1.10, they must be absolute, and the output says
so. Parts of merged files are cut out into files of their own.

The source is verified first; nothing is copied of a damaged one (exit code 3).
Each file is copied once, its size checked and its SHA-256 taken on the way;
where a storage copies by itself, only sizes are compared. _metadata is written
last, then the copy is verified. What was interrupted goes on when it is called
again with the same arguments: until it is finished, a file .ckpt-copy.json lies
in DST. Nothing is ever overwritten: DST must be new or empty. docs/safety.md
tells what ckpt does not touch.`

func newCpCommand(env *Env) *cobra.Command {
	opts := &cpOptions{}
	c := &cobra.Command{
		Use:   "cp " + checkpointArg + " DST",
		Short: "A checkpoint as a self-contained directory elsewhere",
		Long: `Copies a checkpoint or savepoint to the directory DST, on any storage.

` + aboutCopies + `

--keep-layout copies into DST/JOB/chk-N, DST/JOB/shared and so on instead, with
merged files as they are, and absolute paths that begin with DST, or with --as.
Files that are there already, from another checkpoint of the job, are compared
and kept. --concurrency files are copied at a time.

` + aboutCheckpointArg,
		Example: `  ckpt cp latest:/data/flink /backup/before-upgrade
  ckpt cp s3://bucket/flink/495d8572c34476e61174bd4e676c9523/chk-7 ./chk-7
  ckpt cp latest:hdfs://nn/flink s3://backup/flink --keep-layout --bwlimit 50M`,
		GroupID: groupChange,
		Args:    exactArgs(checkpointArg, "DST"),
		RunE: func(c *cobra.Command, args []string) error {
			return runCp(c.Context(), env, c, opts, args[0], args[1])
		},
	}
	opts.addFlags(c)
	return c
}

func runCp(ctx context.Context, env *Env, c *cobra.Command, opts *cpOptions, src, dst string) error {
	report, err := copyCheckpoint(ctx, env, opts, src, dst, nil)
	if err != nil {
		return err
	}
	return report.print(env, "ckpt.cp/v1", c.Flags().Changed("output"))
}

// copyCheckpoint is what cp does, without its output. may is asked, if it is given,
// whether the checkpoint at a URL may be copied, before anything is.
func copyCheckpoint(ctx context.Context, env *Env, opts *cpOptions, arg, dst string, may func(url string) error) (*cpReport, error) {
	limit, err := opts.limit()
	if err != nil {
		return nil, err
	}
	c := &copying{env: env, opts: opts, limit: limit}
	defer c.close()
	if err := c.examine(ctx, arg); err != nil {
		return nil, refusal(err, true)
	}
	if may != nil {
		if err := may(c.source.URL); err != nil {
			return nil, err
		}
	}
	if err := c.draw(ctx, dst); err != nil {
		return nil, refusal(err, true)
	}
	report := &cpReport{Plan: c.plan, Finished: c.standing == relocate.Finished}
	if opts.dryRun {
		return report, nil
	}
	if report.Done, err = c.execute(ctx); err != nil {
		return nil, &resumableError{refusal(err, false), "the same command goes on with what was copied"}
	}
	return report, nil
}

// refusal makes a wrong command line of what the destination is not fit for. Before
// anything is copied, a damaged source is a finding; later it is a failure.
func refusal(err error, before bool) error {
	var refused *relocate.RefusedError
	var damaged *relocate.DamagedError
	switch {
	case errors.As(err, &refused):
		return usagef(refused.Hint, "%s", refused.Error())
	case before && errors.As(err, &damaged):
		return &findingsError{
			message: fmt.Sprintf("nothing was copied of a damaged checkpoint: %s", damaged.Error()),
			path:    damaged.Path, hint: "ckpt verify lists all that is wrong with it",
		}
	}
	return err
}
