package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/usage"
	"github.com/ckpt-tool/ckpt/layout/users"
	"github.com/spf13/cobra"
)

// whyOptions are the flags of `ckpt why`.
type whyOptions struct {
	mapOptions
	streamOptions
	root      string
	alsoRoots []string
	grace     time.Duration
}

func (o *whyOptions) addFlags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.root, "root", "", "look for users below `URL`, not around FILE")
	f.StringArrayVar(&o.alsoRoots, "also-root", nil, "look for users below `URL` as well, such as a directory of savepoints (repeatable)")
	f.DurationVar(&o.grace, "grace", layout.DefaultGrace, "a file that changed so shortly ago may be in flight")
	o.mapOptions.addFlags(c)
	o.streamOptions.addFlags(c)
}

func (o *whyOptions) validate(env *Env) error {
	if o.grace < 0 {
		return usagef("give a duration such as 15m", "--grace %v", o.grace)
	}
	return o.streamOptions.validate(env)
}

func newWhyCommand(env *Env) *cobra.Command {
	opts := &whyOptions{}
	c := &cobra.Command{
		Use:   "why FILE...",
		Short: "Which checkpoints use a file, or why it is an orphan",
		Long: `Tells which checkpoints and savepoints use FILE, a path or URL: a file of state,
a _metadata, or a directory, for all that lies in it. It may be gone: then it
tells who would need it. Each use comes with the operator, the sub-task, and
what the file is to it. The verdict is

  referenced  a checkpoint or savepoint uses it
  in-flight   nothing uses it yet, but it changed within --grace, or lies in a
              checkpoint that is in progress
  orphan      nothing uses it, it is old, and all that could use it was read
  unknown     nobody can tell, and why

It reads every _metadata below the directory that holds the job's, because other
jobs, restored from this one, may use its files. What lies elsewhere, such as
savepoints, it does not know of: --also-root adds it. The answer says where it
looked, and holds for there only.

Exits with 0 whatever the verdict, with 4 where there is no such file and
nothing needs it, with 3 where the verdict is unknown because a _metadata is
corrupt or unsupported, and with 1 where something could not be read.`,
		Example: `  cd /data/flink/495d8572c34476e61174bd4e676c9523
  ckpt why shared/0f8fad5b-d9cb-469f-a165-70867728950e
  ckpt why taskowned --also-root /data/savepoints
  ckpt why chk-41                          who besides chk-41 uses its files
  find shared -mtime +7 -type f | xargs ckpt why -o json --stream`,
		GroupID: groupLook,
		Args:    minArgs("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := opts.validate(env); err != nil {
				return err
			}
			return runWhy(c.Context(), env, opts, args)
		},
	}
	opts.addFlags(c)
	return c
}

// minArgs wants one argument or more.
func minArgs(name string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef(usageLine(c), "%s needs %s", c.CommandPath(), name)
		}
		return nil
	}
}

func runWhy(ctx context.Context, env *Env, opts *whyOptions, args []string) error {
	w := &inquiry{env: env, opts: opts}
	defer w.close()
	if err := w.open(ctx, args); err != nil {
		return err
	}
	if err := w.ask(ctx); err != nil {
		return err
	}
	if len(w.answers) == 1 && w.answers[0].Gone {
		return w.gone(&w.answers[0])
	}
	if err := w.print(); err != nil {
		return err
	}
	return w.verdict()
}

// inquiry is one run of `ckpt why`.
type inquiry struct {
	env     *Env
	opts    *whyOptions
	files   []string // canonical URLs
	stores  []layout.Store
	graph   *layout.Graph
	answers []users.Answer
}

func (w *inquiry) close() {
	for _, s := range w.stores {
		s.Close()
	}
}

// ask lists the trees, reads all _metadata, and keeps what has to do with the files.
func (w *inquiry) ask(ctx context.Context) error {
	var trees []*layout.Tree
	for _, store := range w.stores {
		tree, err := listTree(ctx, w.env, store)
		if err != nil {
			return err
		}
		trees = append(trees, tree)
	}
	finder, err := users.New(ctx, trees, w.files)
	if err != nil {
		return err
	}
	now, grace := w.env.Now(), max(w.opts.grace, time.Nanosecond) // 0 would stand for the default
	w.graph, err = newGraph(ctx, w.env, trees, layout.GraphOptions{
		Assess: layout.AssessOptions{Now: now, Grace: grace}, Maps: w.opts.maps, Open: w.env.OpenStore, Observe: finder.Observe,
	})
	if err == nil {
		w.answers = finder.Answers(w.graph, users.Clock{Now: now, Grace: grace})
	}
	return err
}

// gone is the error for a single file that nobody has heard of.
func (w *inquiry) gone(a *users.Answer) error {
	e := &layout.NotFoundError{Path: a.URL, Message: a.Reason}
	if !a.Within {
		e.Hint = "--root names the tree to look in"
	}
	return e
}

// verdict is the error to end with.
func (w *inquiry) verdict() error {
	if failed := w.failed(); len(failed) > 0 {
		for _, err := range failed[1:] {
			if w.env.Output != JSON { // which has them all, and one object on stderr
				w.env.Log.Warn(err.Error())
			}
		}
		return fmt.Errorf("could not check everything: %w", failed[0])
	}
	var codes []Code
	for i := range w.answers {
		switch a := &w.answers[i]; {
		case a.Gone:
			codes = append(codes, NotFound)
		case a.Class == usage.Unknown && len(a.Doubts) > 0:
			codes = append(codes, Findings)
		}
	}
	return status(worst(codes...))
}

// failed is what the storage refused.
func (w *inquiry) failed() []error {
	var failed []error
	for _, t := range w.graph.Trees {
		failed = append(failed, t.Errors...)
	}
	for i := range w.graph.Nodes {
		n := &w.graph.Nodes[i]
		if n.State == layout.Unreadable && n.Err != nil && n.Err != n.Snapshot.Err && !n.Followed() {
			failed = append(failed, n.Err)
		}
	}
	for i := range w.answers {
		if err := w.answers[i].Err; err != nil {
			failed = append(failed, err)
		}
	}
	return failed
}
