package cmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/spf13/cobra"
)

// urlArg names a tree in usage lines.
const urlArg = "[URL]"

// lsOptions are the flags of `ckpt ls`.
type lsOptions struct {
	streamOptions
	mapOptions
	metricsOptions
	job, kind, sort string
	states          []string
	verify, reverse bool
}

// orders are the values of ls --sort: what is the same in one of them stands by job, id
// and path.
var orders = []string{"job", "path", "id", "age", "size"}

func (o *lsOptions) addFlags(c *cobra.Command) {
	c.Flags().BoolVar(&o.verify, "verify", false, "look whether the files that they name are there, as verify does")
	c.Flags().StringVar(&o.job, "job", "", "only what belongs to the job of this `ID`")
	choice(c, &o.kind, "kind", "", "", []string{string(layout.Checkpoint), string(layout.Savepoint)}, "only these")
	c.Flags().StringSliceVar(&o.states, "state", nil, "only what is in one of these `STATES`")
	choice(c, &o.sort, "sort", "", orders[0], orders, "order; the youngest and the largest first")
	c.Flags().BoolVar(&o.reverse, "reverse", false, "the other way round")
	o.mapOptions.addFlags(c)
	o.streamOptions.addFlags(c)
	o.metricsOptions.addFlags(c)
}

// validate settles what depends on several flags.
func (o *lsOptions) validate(env *Env) error {
	for _, s := range o.states {
		if !slices.Contains(layout.States, layout.State(s)) {
			return usagef("want "+orList(stateNames()), "--state: %q is no state", s)
		}
	}
	if slices.Contains(o.states, string(layout.Damaged)) && !o.verify {
		return usagef("add --verify", "without --verify, ls finds nothing damaged")
	}
	if o.stream && o.sort != orders[0] || o.stream && o.reverse {
		return usagef("leave one of them away", "--stream has no order")
	}
	if len(o.maps) > 0 && !o.verify {
		return usagef("add --verify", "--map is for --verify")
	}
	return o.streamOptions.validate(env)
}

func stateNames() []string {
	var names []string
	for _, s := range layout.States {
		names = append(names, string(s))
	}
	return names
}

// shows tells whether an entry is asked for.
func (o *lsOptions) shows(e *lsEntry) bool {
	return (o.kind == "" || e.Kind == o.kind) && (len(o.states) == 0 || slices.Contains(o.states, e.State))
}

func newLsCommand(env *Env) *cobra.Command {
	opts := &lsOptions{}
	c := &cobra.Command{
		Use:   "ls " + urlArg,
		Short: "The checkpoints and savepoints below a directory, and their states",
		Long: `Lists the checkpoints and savepoints at any depth below URL, or below the
current directory. Each _metadata is read to its end:

  complete     it was read to its end; whether the files it names still exist is
               another question, which ls asks with --verify only
  in-progress  there is none, and something changed within the last 15 minutes
  incomplete   there is none: failed, aborted, half deleted, or left by a crash
  corrupt      it does not parse
  unsupported  it is of a version that ckpt does not read
  unreadable   the storage refused: nothing is known
  damaged      with --verify: complete, but files are missing or of another size

SIZE is what Flink calls the state size of a complete one, files that it shares
included, and otherwise the bytes found in its directory. KIND is told by the
directory's name where the _metadata does not tell it (Flink before 1.16).
Symbolic links below URL are not followed.

Exits with 3 where one is corrupt, unsupported or damaged, or with 5 where the
only _metadata does not parse, with 4 where there is nothing to list, and with 1
where something could not be read.`,
		Example: `  ckpt ls /data/flink/checkpoints
  ckpt ls /data/flink --job 495d8572c34476e61174bd4e676c9523
  ckpt ls /data/flink --verify --sort size
  ckpt ls -o json | jq -r '.entries[] | select(.state == "corrupt").path'`,
		GroupID: groupLook,
		Args:    maxArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return opts.record(c.Context(), env, "ls", []string{urlOf(args)}, func() error {
				if err := opts.validate(env); err != nil {
					return err
				}
				return runLs(c.Context(), env, opts, urlOf(args))
			})
		},
	}
	opts.addFlags(c)
	return c
}

// urlOf is the tree that the arguments name.
func urlOf(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}

func runLs(ctx context.Context, env *Env, opts *lsOptions, url string) error {
	job, err := parseJob(opts.job)
	if err != nil {
		return err
	}
	store, err := layout.OpenTree(ctx, env.OpenStore, url)
	if err != nil {
		return err
	}
	defer store.Close()
	l := &listing{env: env, opts: opts}
	if err := l.list(ctx, store, job); err != nil {
		return err
	}
	if len(l.snapshots) == 0 && len(l.inv.Errors) == 0 {
		return nothingListed(url, l.inv, job)
	}
	for _, o := range l.inv.Skipped {
		env.Log.Debug("not followed", "path", layout.Join(l.inv.Root, o.Key))
	}
	if err := l.print(ctx, store); err != nil {
		return err
	}
	opts.metrics.listed(l.inv.Root, &l.tally)
	return l.verdict()
}

// list finds the snapshots of job, and with --verify their states.
func (l *listing) list(ctx context.Context, store layout.Store, job *layout.JobID) error {
	if !l.opts.verify {
		inv, err := scanTree(ctx, l.env, store)
		if err != nil {
			return err
		}
		l.inv, l.snapshots = inv, ofJob(inv.Snapshots, job)
		return nil
	}
	tree, entries, err := verifiedTree(ctx, l.env, store, l.opts.maps)
	if err != nil {
		return err
	}
	l.inv = tree.Inventory
	for _, e := range entries {
		if len(ofJob([]layout.Snapshot{e.Snapshot}, job)) > 0 {
			l.snapshots, l.verified = append(l.snapshots, e.Snapshot), append(l.verified, e)
		}
	}
	return nil
}

// scanTree lists a tree, with progress.
func scanTree(ctx context.Context, env *Env, store layout.Store) (*layout.Inventory, error) {
	p := env.startProgress("listing "+store.URL(), "files")
	defer p.stop()
	return layout.Scan(ctx, store, layout.ScanOptions{Progress: p.listed})
}

// parseJob reads the value of --job, nil where there is none.
func parseJob(s string) (*layout.JobID, error) {
	if s == "" {
		return nil, nil
	}
	id, err := layout.ParseJobID(strings.ToLower(s))
	if err != nil {
		return nil, usagef("a job id is the name of the job's directory", "--job: %v", err)
	}
	return &id, nil
}

// ofJob filters by job, as far as places and names tell it; nil stands for all.
func ofJob(snapshots []layout.Snapshot, job *layout.JobID) []layout.Snapshot {
	if job == nil {
		return snapshots
	}
	var found []layout.Snapshot
	for _, s := range snapshots {
		if prefix := s.JobPrefix(); prefix != "" && strings.HasPrefix(job.String(), prefix) {
			found = append(found, s)
		}
	}
	return found
}

// nothingListed says what there is instead.
func nothingListed(url string, inv *layout.Inventory, job *layout.JobID) error {
	e := &layout.NotFoundError{Path: url, Message: "no checkpoint or savepoint here or below"}
	switch {
	case job != nil && len(inv.Snapshots) > 0:
		e.Message = fmt.Sprintf("no checkpoint or savepoint of job %s; there are %d of others", job, len(inv.Snapshots))
	case len(inv.JobDirs) > 0:
		e.Message += fmt.Sprintf(", but %d job directories without any (%d files)", len(inv.JobDirs), inv.Count)
	case inv.Count > 0:
		e.Message += fmt.Sprintf(" (%d other files)", inv.Count)
	}
	if len(inv.Skipped) > 0 {
		e.Hint = fmt.Sprintf("symbolic links and special files are passed over; there are %d", len(inv.Skipped))
	}
	return e
}
