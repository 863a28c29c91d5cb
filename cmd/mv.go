package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

// mvOptions are the flags of `ckpt mv`: those of cp, and those by which rm knows that a
// checkpoint may go.
type mvOptions struct {
	copy cpOptions
	rm   rmOptions
}

func (o *mvOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.BoolVar(&o.rm.apply, "apply", false, "do it: copy, verify, and delete the source")
	o.rm.applyOptions.addOtherFlags(c)
	o.copy.addCopyFlags(c)
	o.rm.evidenceOptions.addFlags(c)
	o.rm.rootOptions.addFlags(c)
	o.rm.safetyOptions.addFlags(c)
	o.rm.openOptions.addFlags(c)
	f.SortFlags = false
}

// settle hands the flags on that cp and rm have in common.
func (o *mvOptions) settle() {
	o.copy.openOptions, o.copy.mapOptions = o.rm.openOptions, o.rm.mapOptions
	o.copy.dryRun, o.copy.moves = !o.rm.deletes(), true
}

// removeAfterMove deletes the source of a move, as rm does: only what nobody else uses,
// and with the same guards. Without apply it says no more than whether that may be done, and
// what it would free.
type removeAfterMove func(ctx context.Context, env *Env, c *cobra.Command, opts *rmOptions, source string, apply bool) (*removal, error)

func newMvCommand(env *Env, remove removeAfterMove) *cobra.Command {
	opts := &mvOptions{}
	c := &cobra.Command{
		Use:   "mv " + checkpointArg + " DST",
		Short: "A checkpoint elsewhere, and no longer here",
		Long: `Copies a checkpoint or savepoint to DST as ckpt cp does, verifies the copy,
reads back what came by here and compares it, and then deletes the source as
ckpt rm does: its directory, and the shared files that nobody else uses.

Before it copies, it asks whether the source may go at all; a checkpoint of a
job that lives, or may, does not. Without --apply it only says what it would do,
and changes nothing.

` + aboutCopies + `

Who else uses the files of the source, and which jobs have ended, has to be
known as for ckpt rm: --also-root or --no-other-roots, --flink-url, --ended …
Where the source may not go, nothing is copied, with the exit codes of ckpt rm.

` + aboutCheckpointArg,
		Example: `  ckpt mv /data/savepoint-1f2e3d-0a1b2c3d4e5f s3://archive/1f2e3d \
      --ended all --also-root /data/flink
  ckpt mv latest:/data/flink /archive/last --flink-url http://jobmanager:8081 \
      --clusters-complete --no-other-roots --apply`,
		GroupID: groupChange,
		Args:    exactArgs(checkpointArg, "DST"),
		RunE: func(c *cobra.Command, args []string) error {
			opts.settle()
			return runMv(c.Context(), env, c, opts, remove, args[0], args[1])
		},
	}
	opts.addFlags(c)
	return c
}

func runMv(ctx context.Context, env *Env, c *cobra.Command, opts *mvOptions, remove removeAfterMove, src, dst string) error {
	var source *removal
	may := func(url string) (err error) {
		source, err = remove(ctx, env, c, &opts.rm, url, false)
		return err
	}
	report, err := copyCheckpoint(ctx, env, &opts.copy, src, dst, may)
	if err != nil {
		return err
	}
	removed := false
	report.Removed, report.Removal, report.apply = &removed, source, opts.rm.apply
	if opts.rm.deletes() {
		if report.Removal, err = remove(ctx, env, c, &opts.rm, report.Plan.Source, true); err != nil {
			err = fmt.Errorf("the copy %s is whole, but the source could not be deleted: %w", report.Plan.URL(), err)
			return &resumableError{err, "the copy is whole; what was begun to be deleted of the source, ckpt prune --apply of its root ends"}
		}
		removed = true
	}
	return report.print(env, "ckpt.mv/v1", c.Flags().Changed("output"))
}

// removeSource is rm, without its output.
func removeSource(ctx context.Context, env *Env, c *cobra.Command, opts *rmOptions, source string, apply bool) (*removal, error) {
	run, err := planRm(ctx, env, c, opts, []string{source})
	if run != nil {
		defer run.close()
	}
	if err != nil {
		return nil, err
	}
	if err := run.verdict(); err != nil || !apply {
		return run.removal(), err
	}
	if err := run.execute(ctx); err != nil {
		return nil, err
	}
	return run.removal(), run.verdict()
}
