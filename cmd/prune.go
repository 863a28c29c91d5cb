package cmd

import (
	"context"

	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/spf13/cobra"
)

// pruneOptions are the flags of `ckpt prune`.
type pruneOptions struct {
	keepOptions
	evidenceOptions
	rootOptions
	safetyOptions
	applyOptions
	metricsOptions
	plan, tags string
	settled    prune.Policy
}

func (o *pruneOptions) addFlags(c *cobra.Command) {
	o.keepOptions.addFlags(c)
	o.evidenceOptions.addFlags(c)
	o.rootOptions.addFlags(c)
	o.safetyOptions.addFlags(c)
	o.applyOptions.addFlags(c)
	o.addPlanFlag(c, &o.plan)
	o.metricsOptions.addFlags(c)
	c.Flags().StringVar(&o.tags, "emit-tag-manifest", "", "write data files of ended jobs that would go to `FILE`, for S3 Batch Operations to tag")
	c.Flags().SortFlags = false
}

// addPlanFlag adds the flag that saves a plan.
func (o *applyOptions) addPlanFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "plan", "", "save the plan to `FILE`, for ckpt prune apply")
}

// validate settles what depends on several flags.
func (o *pruneOptions) validate(c *cobra.Command, roots []string) error {
	var err error
	if o.settled, err = o.policy(); err != nil {
		return err
	}
	if err := refuseNone(c); err != nil {
		return err
	}
	if err := o.evidenceOptions.validate(); err != nil {
		return err
	}
	if err := o.rootOptions.validate(); err != nil {
		return err
	}
	if o.tags != "" && o.deletes() {
		return usagef("leave --apply away: the lifecycle rule deletes what is tagged", "--emit-tag-manifest and --apply contradict each other")
	}
	return o.safetyOptions.validate(c, roots)
}

// refuseNone refuses rules that would keep nothing: whoever says so means something else.
func refuseNone(c *cobra.Command) error {
	for _, rule := range []string{"keep-last", "keep-hourly", "keep-daily", "keep-weekly", "keep-monthly"} {
		if f := c.Flags().Lookup(rule); f.Changed && f.Value.String() == "0" {
			return usagef("leave it away for no such rule; --remove-all JOB keeps nothing of a job", "--%s 0: want a number from 1 on", rule)
		}
	}
	return nil
}

func newPruneCommand(env *Env) *cobra.Command {
	opts := &pruneOptions{}
	c := &cobra.Command{
		Use:     "prune URL...",
		Short:   "Delete checkpoints by policy, and what no checkpoint uses",
		Long:    pruneHelp,
		Example: pruneExamples,
		GroupID: groupChange,
		Args:    minArgs("URL"),
		RunE: func(c *cobra.Command, args []string) error {
			return opts.record(c.Context(), env, commandPrune, args, func() error {
				return runPrune(c.Context(), env, c, opts, args)
			})
		},
	}
	opts.addFlags(c)
	c.AddCommand(newPruneApplyCommand(env), newPruneRestoreCommand(env), newEmptyTrashCommand(env))
	return c
}

// pruneHelp tells what goes, what stays, and what prune has to know.
const pruneHelp = `Shows which checkpoints below the URLs are to go and why, which files nothing
uses, and what stays. With --apply it deletes that.

What goes. Without a rule only orphans: files that no checkpoint uses, what is
left of checkpoints that were never completed, and empty directories. With rules
(--keep-last …), also checkpoints that no rule keeps, counted by lineage; a run
of a job that began anew is a lineage of its own. Then all goes that they alone
used. What is younger than --min-age stays.

What stays, whatever the rules. The newest whole checkpoint of each lineage. All
that a JobManager calls latest, restored or retained, that the storage of high
availability names, and that --keep or --keep-from lists. Savepoints, unless
--savepoints; damaged checkpoints, unless --remove-damaged; and all that these
use, in whatever directory it lies.

Evidence. Checkpoints go only from jobs that have ended. That nothing is heard
of a job proves nothing, so say how it is known:
  --flink-url URL       the JobManager says FINISHED, CANCELED or FAILED
  --clusters-complete   and a job that none of the clusters knows has ended
  --ha-dir URL          the store of job results has it
  --ended JOB|all       you know it
  --assume-ended-after  you know that jobs write more often than that
From jobs that live, or may, only orphans go, which two later checkpoints have
passed over. Who says that a job lives is believed over all others.

Other roots. Checkpoints elsewhere may use files here: those of jobs that were
started from here, and savepoints. Name where they lie by --also-root, or say
--no-other-roots. Checkpoints go only after one of the two was said.

Guards. Each doubt has a guard. It keeps an object (hold), all of a job
(stop-job), or everything (stop-all): a _metadata that cannot be read, a
reference that leads nowhere, a JobManager that does not answer, a root that is
gone. The plan says which guards held what; with -v, it lists all.

Deleting. The _metadata of a checkpoint goes first, shared files go last. Before
each batch the clusters are asked, and new _metadata are read, once more. Each
file goes by its own name, and only if it still is what was listed. A killed run
leaves a journal in .ckpt below the first root, and the next one ends what it
began. With --trash URL, files are moved; see ckpt prune restore.

--plan FILE saves a plan, which ckpt prune apply executes within the hour if it
still is true. Without a terminal, --apply prints one line; with -q none, unless
something is wrong. --log-format json logs each object on stderr.

Exits with 6 where a guard stops everything, with 3 where something could not be
deleted or, with --strict, a guard held something, and with 1 where the storage
failed. docs/safety.md tells what is safe, and why.`

// pruneExamples begin with the line for cron.
const pruneExamples = `  # cron: silent unless something is wrong
  ckpt prune s3://bucket/flink --apply -q --keep-last 3 \
    --also-root s3://bucket/savepoints \
    --flink-url http://jobmanager:8081 --clusters-complete

  ckpt prune /data/flink                               what nothing uses
  ckpt prune /data/flink --keep-last 1 --no-other-roots --ended all
  ckpt prune /data/flink --keep-daily 7 --keep-within 2d \
    --also-root /data/savepoints --assume-ended-after 14d
  ckpt prune /data/flink --keep-last 3 --no-other-roots --ended all \
    --plan plan.json && ckpt prune apply plan.json
  ckpt prune /data/flink -o json | jq -r '.delete[] | [.bytes, .path] | @tsv'`

func runPrune(ctx context.Context, env *Env, c *cobra.Command, opts *pruneOptions, roots []string) error {
	run, err := planPrune(ctx, env, c, opts, roots)
	if run != nil {
		defer run.close()
	}
	if err != nil {
		return err
	}
	defer func() { run.measure(opts.metrics) }()
	run.explicit = c.Flags().Changed("output")
	if err := run.save(c, opts.plan, roots); err != nil {
		return err
	}
	if err := run.tagManifest(opts.tags); err != nil {
		return err
	}
	return run.finish(ctx)
}

// planPrune makes the plan. Whoever gets a run closes it, with an error or without.
func planPrune(ctx context.Context, env *Env, c *cobra.Command, opts *pruneOptions, roots []string) (*pruneRun, error) {
	if err := opts.validate(c, roots); err != nil {
		return nil, err
	}
	run, err := newPruneRun(env, commandPrune, &opts.evidenceOptions, &opts.rootOptions, &opts.safetyOptions, &opts.applyOptions)
	if err != nil {
		return nil, err
	}
	if err := run.claims(ctx, &opts.keepOptions, roots); err != nil {
		return run, err
	}
	return run, run.make(ctx, roots, opts.settled)
}
