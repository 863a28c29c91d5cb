package cmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/spf13/cobra"
)

// urlArg names a tree in usage lines.
const urlArg = "[URL]"

// lsOptions are the flags of `ckpt ls`.
type lsOptions struct {
	streamOptions
	job string
}

func (o *lsOptions) addFlags(c *cobra.Command) {
	o.streamOptions.addFlags(c)
	c.Flags().StringVar(&o.job, "job", "", "only what belongs to the job of this `ID`")
}

func newLsCommand(env *Env) *cobra.Command {
	opts := &lsOptions{}
	c := &cobra.Command{
		Use:   "ls " + urlArg,
		Short: "The checkpoints and savepoints below a directory, and their states",
		Long: `Lists the checkpoints and savepoints at any depth below URL, a local path or
file://, or below the current directory. Each _metadata is read to its end:

  complete     it was read to its end; whether the files it names still exist is
               another question, which ls does not ask
  in-progress  there is none, and something changed within the last 15 minutes
  incomplete   there is none: failed, aborted, half deleted, or left by a crash
  corrupt      it does not parse
  unsupported  it is of a version that ckpt does not read
  unreadable   the storage refused: nothing is known

SIZE is what Flink calls the state size of a complete one, files that it shares
included, and otherwise the bytes found in its directory. KIND is told by the
directory's name where the _metadata does not tell it (Flink before 1.16).
Symbolic links below URL are not followed.

Exits with 3 where a _metadata is corrupt or unsupported, or 5 if it is the only
one, with 4 where there is nothing to list, and with 1 where something could not
be read.`,
		Example: `  ckpt ls /data/flink/checkpoints
  ckpt ls /data/flink --job 495d8572c34476e61174bd4e676c9523
  ckpt ls -o json | jq -r '.entries[] | select(.state == "corrupt").path'`,
		GroupID: groupLook,
		Args:    maxArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := opts.validate(env); err != nil {
				return err
			}
			return runLs(c.Context(), env, opts, urlOf(args))
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
	inv, err := scanTree(ctx, env, store)
	if err != nil {
		return err
	}
	snapshots := ofJob(inv.Snapshots, job)
	if len(snapshots) == 0 && len(inv.Errors) == 0 {
		return nothingListed(url, inv, job)
	}
	l := &listing{env: env, inv: inv, snapshots: snapshots}
	for _, o := range inv.Skipped {
		env.Log.Debug("not followed", "path", layout.Join(inv.Root, o.Key))
	}
	if err := l.print(ctx, store, opts.stream); err != nil {
		return err
	}
	return l.verdict()
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
