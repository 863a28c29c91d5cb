package cmd

import (
	"context"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/spf13/cobra"
)

// duOptions are the flags of `ckpt du`.
type duOptions struct {
	latestOptions
	mapOptions
	streamOptions
	metricsOptions
	alsoRoots []string
	ifDeleted []string
	grace     time.Duration
	sort      string
	top       int
	orphans   bool
	subtasks  bool
}

// The orders of checkpoints.
const (
	bySize = "size"
	byID   = "id"
	byAge  = "age"
)

func (o *duOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	o.latestOptions.addFlags(c, "with latest: ")
	f.Lookup("job").Usage = "show only the job of this `ID`; what other jobs use still counts"
	f.StringArrayVar(&o.alsoRoots, "also-root", nil, "the checkpoints below `URL` count as users as well (repeatable)")
	f.StringArrayVar(&o.ifDeleted, "if-deleted", nil, "what deleting `CKPT` would free, together with all others given so (repeatable)")
	f.DurationVar(&o.grace, "grace", layout.DefaultGrace, "a file that changed so shortly ago may be in flight")
	choice(c, &o.sort, "sort", "", bySize, []string{bySize, byID, byAge}, "order of checkpoints: the biggest, lowest or newest first")
	f.IntVar(&o.top, "top", 20, "table: at most `N` checkpoints of a job, and as many orphans; 0 for all")
	f.BoolVar(&o.orphans, "orphans", false, "table: all orphans")
	f.BoolVar(&o.subtasks, "subtasks", false, "of one checkpoint: the sub-tasks of each operator")
	o.mapOptions.addFlags(c)
	o.streamOptions.addFlags(c)
	o.metricsOptions.addFlags(c)
}

func (o *duOptions) validate(env *Env) error {
	switch {
	case o.grace < 0:
		return usagef("give a duration such as 15m", "--grace %v", o.grace)
	case o.top < 0:
		return usagef("0 stands for all", "--top %d", o.top)
	}
	return o.streamOptions.validate(env)
}

func newDuCommand(env *Env) *cobra.Command {
	opts := &duOptions{}
	c := &cobra.Command{
		Use:   "du [URL...]",
		Short: "Which bytes belong to which checkpoints, and which to none",
		Long: `Lists the trees below the URLs, or below the current directory, reads every
_metadata, and says of each byte what it is there for:

  referenced  a complete checkpoint or savepoint uses it
  in-flight   nothing uses it yet, but it changed within --grace, or lies in a
              checkpoint that is in progress
  orphan      nothing uses it, it is old, and all that could use it was read
  unknown     not Flink's, or its user may be what could not be read

The four are all bytes listed, to the byte. Of each checkpoint:

  SIZE       its files, each once: EXCLUSIVE and SHARED. Checkpoints share
             files, so these do not add up
  UNIQUE     freed if this one alone is deleted; of a job, if all of it is
  LOGICAL    the state size as Flink counts and shows it
  EXCLUSIVE  files of its own, its _metadata with them
  SHARED     files that Flink keeps for other checkpoints as well
  INLINE     state within its _metadata
  ELSEWHERE  bytes that it records in files outside of the trees

Savepoints and restored jobs in other trees may use these files: name their
trees as well, or with --also-root. A tree within another one is part of it.

The only URL may be a checkpoint, its _metadata or latest:URL. Then it alone is
shown, by operators and states; all others of the tree around it count as users.
Of operator state, what its parts do not add up to are serializers. Keyed state
does not tell its parts without a look into its files.

Exits with 3 where a _metadata is corrupt or unsupported, or 5 if it is the only
one, with 4 where a checkpoint or job does not exist, and with 1 where something
could not be read. Orphans and missing files are no error.`,
		Example: `  ckpt du /data/flink
  ckpt du /data/flink --also-root /data/savepoints --orphans
  ckpt du /data/flink --if-deleted 495d8572c34476e61174bd4e676c9523/chk-6
  ckpt du latest:/data/flink --subtasks
  ckpt du /data/flink -o json | jq '.root.orphan'`,
		GroupID: groupLook,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{urlOf(args)}
			}
			return opts.record(c.Context(), env, "du", args, func() error {
				if err := opts.validate(env); err != nil {
					return err
				}
				return runDu(c.Context(), env, opts, args)
			})
		},
	}
	opts.addFlags(c)
	return c
}

func runDu(ctx context.Context, env *Env, opts *duOptions, args []string) error {
	job, err := parseJob(opts.job)
	if err != nil {
		return err
	}
	d := &diskUsage{env: env, opts: opts, job: job}
	defer d.close()
	if err := d.open(ctx, args); err != nil {
		return err
	}
	if err := d.measure(ctx); err != nil {
		return err
	}
	if err := d.choose(); err != nil {
		return err
	}
	if err := d.print(ctx); err != nil {
		return err
	}
	for i := range d.used.Roots {
		if d.trees[i].shown {
			opts.metrics.used(d.trees[i].URL(), &d.used.Roots[i].Sums)
		}
	}
	return d.verdict()
}
