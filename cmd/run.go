package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/backends"
	"github.com/ckpt-tool/ckpt/restore"
	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/spf13/cobra"
)

// runOptions are the flags of `ckpt run`.
type runOptions struct {
	openOptions
	mapOptions
	from        string
	claim       string
	claimed     bool // whether claim was given
	allow       bool
	check       bool
	parallelism int
	stopTo      string
	set         keyValues
}

// claimModes are the words for restore.ClaimMode, in its order.
var claimModes = []string{"no-claim", "claim", "legacy"}

func (o *runOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVarP(&o.from, "from", "s", "", "begin with the state of this checkpoint: a `"+checkpointArg+"`, also latest:URL")
	choice(c, &o.claim, "claim-mode", "", claimModes[0], claimModes, "who owns that checkpoint afterwards")
	f.BoolVarP(&o.allow, "allow-non-restored-state", "n", false, "leave behind state that belongs to no operator of the job")
	f.VarP(&o.set, "set", "", "a parameter of the job file (repeatable)")
	f.IntVarP(&o.parallelism, "parallelism", "p", 0, "`N` sub-tasks, of all that does not say itself")
	f.StringVar(&o.stopTo, "savepoint-on-stop", "", "at the first Ctrl-C or SIGTERM, stop with a canonical savepoint below `URL`, which Flink restores as well")
	f.BoolVar(&o.check, "check", false, "read the job, and with -s the checkpoint, say what would run, and do not run it")
	o.openOptions.addFlags(c)
	o.mapOptions.addFlags(c)
}

func newRunCommand(env *Env) *cobra.Command {
	opts := &runOptions{}
	c := &cobra.Command{
		Use:   "run [JOB] [-s " + checkpointArg + "]",
		Short: "Run a job with the bundled engine, from a checkpoint",
		Long: `Runs the job of a job file on this machine, with checkpoints in Flink's layout
that all other commands understand. With -s it begins where a checkpoint or
savepoint was taken, at any parallelism, whether ckpt or Flink wrote it. A
checkpoint that ckpt wrote carries its job file, so that JOB may be left out.
docs/jobs tells of job files, docs/run.md of settings and guarantees.

State is found by the uids of operators. State that belongs to no operator of
the job, or does not fit its own, is told and nothing is run (exit code 7);
--allow-non-restored-state leaves the former behind. A new run has a new job id,
and the ids of its checkpoints continue behind the restored one.

--claim-mode says whose the checkpoint is then: with no-claim, the default, the
job's first checkpoint uses none of its files; with claim the job deletes it in
time; with legacy the job may use its files for ever and deletes none.

A job whose sources end, ends with a last checkpoint and exit code 0. One that
fails is restarted as its restart-strategy says, and then ends with 1. The first
Ctrl-C or SIGTERM cancels it, and checkpoints stay or go as
execution.checkpointing.externalized-checkpoint-retention says; a second ends it
at once and leaves everything as it lies. --savepoint-on-stop takes a savepoint
before the job ends.

` + aboutCheckpointArg,
		Example: `  ckpt run docs/jobs/windows.yaml --set out=/tmp/out --check
  ckpt run job.yaml -D execution.checkpointing.dir=s3://bucket/checkpoints
  ckpt run -s latest:/data/checkpoints
  ckpt run job.yaml -s s3://bucket/savepoints/savepoint-1f2e3d-0a1b2c3d4e5f -p 4`,
		GroupID: groupTools,
		Args:    atMostOneJob,
		RunE: func(c *cobra.Command, args []string) error {
			if err := opts.validate(c); err != nil {
				return err
			}
			return runRun(c.Context(), env, opts, args)
		},
	}
	opts.addFlags(c)
	return c
}

func atMostOneJob(_ *cobra.Command, args []string) error {
	if len(args) > 1 {
		return usagef("give one job file", "%d arguments, want at most one", len(args))
	}
	return nil
}

// runRun runs a job to its end.
func runRun(ctx context.Context, env *Env, opts *runOptions, args []string) error {
	r := &running{env: env, opts: opts}
	defer r.close()
	if err := r.load(ctx, args); err != nil {
		return err
	}
	if opts.check {
		return r.check(ctx)
	}
	return r.run(ctx)
}

// run starts the job, tells of it, and waits for its end.
func (r *running) run(ctx context.Context) error {
	config, err := r.wire()
	if err != nil {
		return err
	}
	for _, w := range r.settings.Warnings {
		r.env.Log.Warn(w)
	}
	r.warnOfSharing(ctx)
	if ctx.Err() != nil { // nothing is claimed yet
		return context.Cause(ctx)
	}
	r.env.letCancel()
	x, err := engine.Start(context.WithoutCancel(ctx), r.job, *config)
	if err != nil {
		return incompatibility(err)
	}
	stop := context.AfterFunc(ctx, func() { r.halt(ctx, x) })
	defer stop()
	live := r.watch(x)
	result := x.Wait()
	live.stop()
	return r.conclude(ctx, result)
}

// savepointGrace is how long the savepoint may take that ends a job. What is left of cancelGrace is for the cancelling, where there is none.
const savepointGrace = cancelGrace - 5*time.Second

// halt ends the job as the user wants it.
func (r *running) halt(ctx context.Context, x *engine.Execution) {
	if r.opts.stopTo == "" {
		x.Cancel()
		return
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), savepointGrace)
	defer cancel()
	if _, err := x.StopWithSavepoint(limit, r.opts.stopTo, false); err != nil {
		r.env.Log.Warn("no savepoint is known to be complete, and the job is cancelled", "error", err)
		x.Cancel()
	}
}

// validate refuses flags that would have no effect. Variables may stand there for other commands.
func (o *runOptions) validate(c *cobra.Command) error {
	o.claimed = c.Flags().Changed("claim-mode")
	if o.from != "" {
		return nil
	}
	for _, name := range []string{"claim-mode", "allow-non-restored-state", "job", "map"} {
		if onCommandLine(c.Flags(), name) {
			return usagef("say by -s with which checkpoint to begin", "--%s is of use with -s only", name)
		}
	}
	return nil
}

// incompatibility says how to go on all the same, where that is possible.
func incompatibility(err error) error {
	var wrong *restore.IncompatibleError
	var opaque *backends.OpaqueError
	switch {
	case errors.As(err, &wrong) && wrong.OnlyMissing():
		return &incompatibleError{err, "leave that state behind with --allow-non-restored-state, or give the operators the uids that it belongs to"}
	case errors.As(err, &opaque):
		return &incompatibleError{err, "give the operator another uid and leave its state behind with --allow-non-restored-state; state.backend.type: rocksdb carries single values on"}
	}
	return err
}

// incompatibleError is a checkpoint that does not fit the job, with a hint.
type incompatibleError struct {
	err  error
	hint string
}

// Error implements error.
func (e *incompatibleError) Error() string { return e.err.Error() }

// Unwrap gives the error itself.
func (e *incompatibleError) Unwrap() error { return e.err }

// ErrHint says what to do.
func (e *incompatibleError) ErrHint() string { return e.hint }

// parameters are those of --set.
func (o *runOptions) parameters() (map[string]string, error) {
	all := map[string]string{}
	for _, kv := range o.set {
		if _, twice := all[kv.key]; twice {
			return nil, usagef("give it once", "--set %s is given twice", kv.key)
		}
		all[kv.key] = kv.value
	}
	return all, nil
}

// claimMode is that of the flag, or of the settings.
func (r *running) claimMode() restore.ClaimMode {
	if !r.opts.claimed {
		return r.settings.ClaimMode
	}
	return restore.ClaimMode(slices.Index(claimModes, r.opts.claim))
}

// jobFailure is how the end of a job becomes an error.
func jobFailure(result *engine.Result) error {
	if result.Restarts > 0 {
		return fmt.Errorf("the job failed after %d restarts: %w", result.Restarts, incompatibility(result.Err))
	}
	return fmt.Errorf("the job failed: %w", incompatibility(result.Err))
}
