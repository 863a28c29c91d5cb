package cmd

import (
	"context"
	"fmt"
	"slices"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/spf13/cobra"
)

// rmOptions are the flags of `ckpt rm`.
type rmOptions struct {
	openOptions
	evidenceOptions
	rootOptions
	safetyOptions
	applyOptions
	plan string
}

func (o *rmOptions) addFlags(c *cobra.Command) {
	o.evidenceOptions.addFlags(c)
	o.rootOptions.addFlags(c)
	o.safetyOptions.addFlags(c)
	o.applyOptions.addFlags(c)
	o.addPlanFlag(c, &o.plan)
	o.openOptions.addFlags(c)
	c.Flags().SortFlags = false
}

// validate settles what depends on several flags.
func (o *rmOptions) validate(c *cobra.Command, roots []string) error {
	if err := o.evidenceOptions.validate(); err != nil {
		return err
	}
	if err := o.rootOptions.validate(); err != nil {
		return err
	}
	return o.safetyOptions.validate(c, roots)
}

func newRmCommand(env *Env) *cobra.Command {
	opts := &rmOptions{}
	c := &cobra.Command{
		Use:   "rm CKPT...",
		Short: "Delete named checkpoints, and only files nobody else uses",
		Long: `Shows what deleting the named checkpoints and savepoints would delete: their
directories, and the shared files that no other checkpoint uses. With --apply it
does it. It needs no cluster that runs, and not the job's jar.

` + aboutCheckpointArg + `

Who else uses the files is looked for below the directory that holds the jobs,
and in the roots that --also-root names; say --no-other-roots where there are
none. Damaged checkpoints and the newest one of a job go as well: they were
named. What stays all the same, with exit code 3 and the reason:

  - a checkpoint of a job that lives, or of which it is not known that it has
    ended: --flink-url, --ended and others are the evidence, as for ckpt prune
  - one that a JobManager or the storage of high availability names
  - one that is younger than --min-age

Guards are those of ckpt prune, and where one stops everything, the exit code is
6. A savepoint's name tells 6 digits of its job; evidence for all jobs, such as
--ended all, is needed where no job begins with these. docs/safety.md tells what
is safe, and why.`,
		Example: `  ckpt rm /data/savepoints/savepoint-1f2e3d-0a1b2c3d4e5f \
    --ended all --also-root /data/flink
  ckpt rm s3://bucket/flink/495d8572c34476e61174bd4e676c9523/chk-6 \
    --ended 495d8572c34476e61174bd4e676c9523 --no-other-roots --apply
  ckpt rm latest:/data/flink --flink-url http://jobmanager:8081 \
    --no-other-roots -o json`,
		GroupID: groupChange,
		Args:    minArgs(checkpointArg),
		RunE:    func(c *cobra.Command, args []string) error { return runRm(c.Context(), env, c, opts, args) },
	}
	opts.addFlags(c)
	return c
}

func runRm(ctx context.Context, env *Env, c *cobra.Command, opts *rmOptions, args []string) error {
	run, err := planRm(ctx, env, c, opts, args)
	if run != nil {
		defer run.close()
	}
	if err != nil {
		return err
	}
	run.explicit = c.Flags().Changed("output")
	if err := run.save(c, opts.plan, run.asked); err != nil {
		return err
	}
	return run.finish(ctx)
}

// planRm makes the plan. Whoever gets a run closes it, with an error or without.
func planRm(ctx context.Context, env *Env, c *cobra.Command, opts *rmOptions, args []string) (*pruneRun, error) {
	urls, roots, err := opts.locate(ctx, env, args)
	if err != nil {
		return nil, err
	}
	if err := opts.validate(c, roots); err != nil {
		return nil, err
	}
	run, err := newPruneRun(env, commandRm, &opts.evidenceOptions, &opts.rootOptions, &opts.safetyOptions, &opts.applyOptions)
	if err != nil {
		return nil, err
	}
	run.asked = urls
	if err := run.make(ctx, roots, prune.Policy{Remove: urls}); err != nil {
		return run, err
	}
	return run, run.recognise()
}

// locate finds the directories of the checkpoints, and the trees around them. One that is
// named by several of its names is one.
func (o *rmOptions) locate(ctx context.Context, env *Env, args []string) (urls, roots []string, err error) {
	known := map[string]bool{}
	for _, arg := range args {
		t, err := o.find(ctx, env, arg)
		if err != nil {
			return nil, nil, err
		}
		root := t.Store.URL()
		real := realPath(root)
		url := layout.Join(real, t.Dir)
		t.Store.Close()
		switch {
		case t.Metadata != layout.Join(t.Dir, layout.MetadataName) && t.Dir != "":
			return nil, nil, &layout.NotCheckpointError{Path: arg, Message: "not called " + layout.MetadataName, Hint: "name the directory of a checkpoint"}
		case t.Dir == "" && real != root: // nobody knows what lies around the link's name
			return nil, nil, &layout.NotCheckpointError{Path: arg, Message: "a symbolic link", Hint: "name the checkpoint by its own place, " + real}
		case real == "/":
			return nil, nil, usagef("move it to a directory below", "%s: to know who uses its files, all of / would have to be listed", url)
		}
		if !slices.Contains(urls, url) {
			urls = append(urls, url)
		}
		if !known[real] {
			known[real] = true
			roots = append(roots, root)
		}
	}
	return urls, roots, nil
}

// recognise makes sure that the trees have what was named: behind a link they do not.
func (r *pruneRun) recognise() error {
	for _, url := range r.asked {
		if r.node(url) == nil {
			return &layout.NotCheckpointError{Path: url, Message: "no checkpoint of the tree around it", Hint: "what lies behind a link is named by its own place"}
		}
	}
	return nil
}

// node is the snapshot at url, nil where there is none.
func (r *pruneRun) node(url string) *layout.Node {
	for i := range r.graph.Nodes {
		if n := &r.graph.Nodes[i]; n.URL() == url {
			return n
		}
	}
	return nil
}

// refused is an error for what was named and stays all the same, nil where all of it goes.
func (r *pruneRun) refused() error {
	var e *findingsError
	for _, k := range r.made.Kept {
		n := &r.graph.Nodes[k.Node]
		switch {
		case !slices.Contains(r.asked, n.URL()):
		case e != nil && r.env.Output == JSON: // which has them all, and one object on stderr
		case e != nil:
			r.env.Log.Warn("it stays", "path", n.URL(), "reason", k.Reason)
		default:
			e = &findingsError{message: fmt.Sprintf("%s stays: %s", n.URL(), k.Reason), path: n.URL()}
			if len(r.made.Missing) > 0 {
				e.hint = "it is not known " + r.made.Missing[0]
			}
		}
	}
	if e == nil {
		return nil
	}
	return e
}
