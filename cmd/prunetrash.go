package cmd

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/spf13/cobra"
)

// trashOptions are the flags of commands that look into a trash.
type trashOptions struct {
	trash     string
	snapshots []string
	olderThan days
	apply     bool
	dryRun    bool
	whole     map[string][]string // by run: checkpoints of which nothing was restored
}

func (o *trashOptions) addFlags(c *cobra.Command) {
	c.Flags().StringVar(&o.trash, "trash", "", "the `URL` to which prune --trash moved files")
	c.Flags().BoolVar(&o.dryRun, "dry-run", false, "only show what there is, whatever else is said")
}

func (o *trashOptions) validate(c *cobra.Command) error {
	if o.trash == "" {
		return usagef("the URL that prune --trash was given", "%s needs --trash URL", c.CommandPath())
	}
	return nil
}

// resolve finds out which snapshots of runs are meant. What has no scheme may stand
// relative to here, or to the root in which it was, as ls lists it.
func (o *trashOptions) resolve(runs []prune.TrashRun) error {
	for i, s := range o.snapshots {
		url, err := absoluteURL(s)
		if err != nil {
			return err
		}
		o.snapshots[i] = layout.SnapshotURL(url)
		if layout.ParsePlace(s).Scheme != "" || filepath.IsAbs(s) || inTrash(runs, o.snapshots[i]) {
			continue
		}
		tail := "/" + strings.TrimSuffix(path.Clean(filepath.ToSlash(s)), "/"+layout.MetadataName)
		if o.snapshots[i], err = byTail(runs, tail, o.snapshots[i]); err != nil {
			return err
		}
	}
	return nil
}

func inTrash(runs []prune.TrashRun, url string) bool {
	return slices.ContainsFunc(runs, func(r prune.TrashRun) bool { return slices.Contains(r.Snapshots, url) })
}

// byTail is the snapshot whose URL ends with tail, or else otherwise.
func byTail(runs []prune.TrashRun, tail, otherwise string) (string, error) {
	found := otherwise
	for _, r := range runs {
		for _, url := range r.Snapshots {
			switch {
			case !strings.HasSuffix(url, tail):
			case found != otherwise && found != url:
				return "", usagef("give the whole URL", "--snapshot %s: both %s and %s", strings.TrimPrefix(tail, "/"), found, url)
			default:
				found = url
			}
		}
	}
	return found, nil
}

func newPruneRestoreCommand(env *Env) *cobra.Command {
	opts := &trashOptions{}
	c := &cobra.Command{
		Use:   "restore --trash URL [RUN...]",
		Short: "Bring back what prune moved to the trash",
		Long: `Lists the runs of ckpt prune --trash URL that lie in the trash. With RUN, moves
what that run deleted back to where it was, or with --snapshot only the named
checkpoints with all that they use. A _metadata comes back last, when all files
of its checkpoint are there. What lies at its place already stays as it is. A
run that has not ended may still be at work, and is not touched for an hour.

CHECKPOINTS counts those that can still be brought back, of all that the run
moved; -v lists them. --snapshot also takes what ls listed, such as JOB/chk-3.

Exits with 3 where something could not be brought back, and with 4 where there
is no such run, or no trash. docs/safety.md tells more.`,
		Example: `  ckpt prune restore --trash s3://bucket/trash
  ckpt prune restore --trash s3://bucket/trash 20260301T120000Z-1f2e3d4c
  ckpt prune restore --trash /data/trash \
    --snapshot /data/flink/495d8572c34476e61174bd4e676c9523/chk-6`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := opts.validate(c); err != nil {
				return err
			}
			return runPruneRestore(c.Context(), env, opts, args)
		},
	}
	opts.addFlags(c)
	c.Flags().StringArrayVar(&opts.snapshots, "snapshot", nil, "only the checkpoint that was at `URL` (repeatable)")
	return c
}

func newEmptyTrashCommand(env *Env) *cobra.Command {
	opts := &trashOptions{}
	c := &cobra.Command{
		Use:   "empty-trash --trash URL --older-than DURATION",
		Short: "Delete what has lain in the trash for long",
		Long: `Shows which runs of ckpt prune --trash URL have lain in the trash for longer
than --older-than. With --apply it deletes their files for good. Runs that have
not ended, and those whose list cannot be read, stay.

Exits with 3 where something could not be deleted, and with 4 where there is no
trash. docs/safety.md tells more.`,
		Example: `  ckpt prune empty-trash --trash s3://bucket/trash --older-than 7d --apply -q
  ckpt prune empty-trash --trash s3://bucket/trash --older-than 7d`,
		Args: maxArgs(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := opts.validate(c); err != nil {
				return err
			}
			if !c.Flags().Changed("older-than") {
				return usagef("such as --older-than 7d", "%s needs --older-than", c.CommandPath())
			}
			return runEmptyTrash(c.Context(), env, opts)
		},
	}
	opts.addFlags(c)
	c.Flags().Var(&opts.olderThan, "older-than", "only runs that began so long ago, such as 7d")
	c.Flags().BoolVar(&opts.apply, "apply", false, "delete them")
	return c
}

// trashRuns are the runs in the trash. One that is not there is empty.
func (o *trashOptions) runs(ctx context.Context, env *Env) ([]prune.TrashRun, error) {
	o.whole = map[string][]string{}
	store, err := env.OpenStore(ctx, o.trash)
	if isMissing(err) {
		return nil, &layout.NotFoundError{Path: o.trash, Message: "no such trash", Err: err}
	}
	if err != nil {
		return nil, err
	}
	defer store.Close()
	t := &prune.Trash{Store: readOnly{store}}
	runs, err := t.Runs(ctx)
	if err == nil && len(runs) == 0 {
		err = refuseOther(ctx, store)
	}
	for i := range runs {
		if r := (&runs[i]); err == nil && r.Err == nil {
			o.whole[r.Run], err = t.Whole(ctx, r)
		}
	}
	return runs, err
}

// refuseOther refuses a directory that is no trash, but something else.
func refuseOther(ctx context.Context, store layout.Store) error {
	for o, err := range store.Children(ctx, "") {
		switch {
		case err != nil:
			return err
		case o.Type == layout.TypeDir && (o.Key == "" || runName.MatchString(o.Name())):
		case strings.HasPrefix(o.Name(), layout.ToolDirName+"-"): // what writing has left
		default:
			return &notFoundError{message: fmt.Sprintf("%s is no trash: it holds %s, and no run", store.URL(), o.Name()), path: store.URL()}
		}
	}
	return nil
}

// runName is how runs are called.
var runName = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z-`)

func runPruneRestore(ctx context.Context, env *Env, opts *trashOptions, names []string) error {
	runs, err := opts.runs(ctx, env)
	if err != nil {
		return err
	}
	if err := opts.resolve(runs); err != nil {
		return err
	}
	for _, name := range names {
		if !slices.ContainsFunc(runs, func(r prune.TrashRun) bool { return r.Run == name }) {
			return &notFoundError{message: fmt.Sprintf("%s: no run %q in this trash", opts.trash, name), path: opts.trash}
		}
	}
	if len(names)+len(opts.snapshots) == 0 || opts.dryRun {
		return printTrash(env, opts, runs, nil)
	}
	store, err := env.OpenMutable(ctx, opts.trash)
	if err != nil {
		return err
	}
	defer store.Close()
	progress := env.startProgress("restoring from "+store.URL(), "files")
	log := &trashLog{env: env, progress: progress, did: "restored"}
	done, err := (&prune.Trash{Store: store}).Restore(ctx, prune.Restoration{Runs: names, Snapshots: opts.snapshots, Open: env.OpenMutable, Now: env.Now(), Observe: log.observe})
	progress.stop()
	if err != nil {
		return err
	}
	return log.conclude(trashResult{"ckpt.prune.restore/v1", done.Objects, done.Bytes, done.Snapshots, 0, done.Failed, log.failures.list})
}

func runEmptyTrash(ctx context.Context, env *Env, opts *trashOptions) error {
	runs, err := opts.runs(ctx, env)
	if err != nil {
		return err
	}
	older := time.Duration(opts.olderThan)
	if !opts.apply || opts.dryRun {
		return printTrash(env, opts, runs, func(r *prune.TrashRun) bool {
			return r.Ended && r.Err == nil && env.Now().Sub(r.Created) >= older
		})
	}
	store, err := env.OpenMutable(ctx, opts.trash)
	if err != nil {
		return err
	}
	defer store.Close()
	progress := env.startProgress("emptying "+store.URL(), "files")
	log := &trashLog{env: env, progress: progress, did: "deleted"}
	done, err := (&prune.Trash{Store: store}).Empty(ctx, older, env.Now(), log.observe)
	progress.stop()
	if err != nil {
		return err
	}
	return log.conclude(trashResult{"ckpt.prune.empty-trash/v1", done.Objects, done.Bytes, 0, done.Runs, done.Failed, log.failures.list})
}
