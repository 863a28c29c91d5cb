package cmd

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// savedCall is the command line that made a plan, as it stands in a saved one.
type savedCall struct {
	Command string   `json:"command"`
	Args    []string `json:"args"`
	Flags   []string `json:"flags"`
	// What the plan deletes, so that it can be said where less goes.
	Checkpoints int `json:"checkpoints"`
	Files       int `json:"files"`
}

// The commands that make plans.
const (
	commandPrune = "prune"
	commandRm    = "rm"
)

// unsaved are flags that say what becomes of the plan, or that are saved in another form.
var unsaved = []string{"apply", "dry-run", "plan", "list", "emit-tag-manifest", "metrics-file", "help",
	"keep", "keep-from", "flink-url", "ha-dir", "by"}

// placeFlags have URLs, which are to mean the same from any directory.
var placeFlags = []string{"also-root", "entropy-prefix", "inventory", "journal", "trash"}

// save writes the plan to file, if one is named, unless it lets nothing be deleted.
func (r *pruneRun) save(c *cobra.Command, file string, args []string) error {
	if file == "" || r.made.Stopped() {
		return nil
	}
	call, err := r.call(c, args)
	if err != nil {
		return err
	}
	options, err := json.Marshal(call)
	if err != nil {
		return err
	}
	err = streamFile(file, func(w io.Writer) error {
		return prune.Save(w, r.made, prune.SaveOptions{Version: readBuild().Version, Now: r.env.Now(), Options: options})
	})
	if err == nil {
		r.env.Log.Info("the plan was saved: for an hour, ckpt prune apply executes it", "file", file)
	}
	return err
}

// call is the command line, with nothing in it that depends on where it is executed. Users
// and passwords of clusters are left out.
func (r *pruneRun) call(c *cobra.Command, args []string) (*savedCall, error) {
	call := &savedCall{Command: r.command, Checkpoints: r.made.Totals.Snapshots, Files: r.made.Totals.DeleteObjects}
	for _, arg := range args {
		url, err := absoluteURL(arg)
		if err != nil {
			return nil, err
		}
		call.Args = append(call.Args, url)
	}
	add := func(name, value string) { call.Flags = append(call.Flags, "--"+name+"="+value) }
	var err error
	c.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
		if !f.Changed || slices.Contains(unsaved, f.Name) {
			return
		}
		for _, value := range valuesOf(f) {
			if slices.Contains(placeFlags, f.Name) && err == nil {
				value, err = absoluteURL(value)
			}
			add(f.Name, value)
		}
	})
	for _, k := range r.keep {
		add("keep", k.URL)
	}
	for _, client := range r.clients {
		add("flink-url", client.URL())
	}
	for _, dir := range r.haDirs {
		if dir, err = absoluteURL(dir); err != nil {
			break
		}
		add("ha-dir", dir)
	}
	return call, err
}

// valuesOf are the values that a flag was given, each in a form that it takes again.
func valuesOf(f *pflag.Flag) []string {
	if list, ok := f.Value.(pflag.SliceValue); ok {
		return list.GetSlice()
	}
	if text := f.Value.String(); text != "" || f.Value.Type() == "string" {
		return []string{text}
	}
	return []string{"0s"} // a duration that was set to nothing
}

// pruneApplyOptions are the flags of `ckpt prune apply`.
type pruneApplyOptions struct {
	applyOptions
	clusters []string
}

func newPruneApplyCommand(env *Env) *cobra.Command {
	opts := &pruneApplyOptions{}
	c := &cobra.Command{
		Use:   "apply FILE",
		Short: "Execute a saved plan, if it still is true",
		Long: `Reads the plan that ckpt prune --plan FILE or ckpt rm --plan FILE saved, looks
at everything anew with the same flags, and deletes what both the plan and the
new look let go. Nothing more: what came up since stays for the next plan. Where
it is less than was planned, stderr says so. A plan that is older than an hour,
or of another version of ckpt or other roots, is refused, as is one of whose
checkpoints a _metadata has changed (exit code 6).

Users and passwords of clusters are not saved: give such a --flink-url again.
docs/safety.md tells what is safe, and why.`,
		Example: `  ckpt prune /data/flink --no-other-roots --ended all --plan plan.json
  ckpt prune apply plan.json --dry-run
  ckpt prune apply plan.json`,
		Args: exactArgs("FILE"),
		RunE: func(c *cobra.Command, args []string) error { return runPruneApply(c, env, opts, args[0]) },
	}
	opts.addOtherFlags(c)
	c.Flags().StringArrayVar(&opts.clusters, "flink-url", nil, "the `URL` of a cluster of the plan, with user and password (repeatable)")
	return c
}

func runPruneApply(c *cobra.Command, env *Env, opts *pruneApplyOptions, file string) error {
	saved, call, err := loadPlan(file)
	if err != nil {
		return err
	}
	opts.apply = true
	ctx := c.Context()
	run, err := call.again(ctx, env, opts)
	if run != nil {
		defer run.close()
	}
	if err != nil {
		return err
	}
	run.explicit = c.Flags().Changed("output")
	if !run.made.Stopped() {
		checked, notes, err := saved.Check(run.made, readBuild().Version, env.Now())
		if err != nil {
			return err
		}
		run.made = checked
		run.sayFewer(call, notes)
	}
	return run.finish(ctx)
}

// sayFewer tells where less goes than was planned, and of what.
func (r *pruneRun) sayFewer(planned *savedCall, problems []string) {
	if len(problems) == 0 {
		return
	}
	t := r.made.Totals
	r.env.Log.Warn(fmt.Sprintf("the plan had %s and %s; %d and %d may still go: %s", plural(planned.Checkpoints, "checkpoint"), plural(planned.Files, "file"),
		t.Snapshots, t.DeleteObjects, problems[0]))
	if n := len(problems); n > mostMissing {
		problems = append(problems[:mostMissing], fmt.Sprintf("and %d more of the plan are not to be deleted any more", n-mostMissing))
	}
	r.notes = append(r.notes, problems...)
}

// loadPlan reads a saved plan, and the command line that made it.
func loadPlan(file string) (*prune.Saved, *savedCall, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	saved, err := prune.Load(f)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	call := &savedCall{}
	if err := json.Unmarshal(saved.Options, call); err != nil || len(call.Args) == 0 {
		return nil, nil, usagef("ckpt prune --plan FILE saves one", "%s: not a plan that ckpt can execute", file)
	}
	return saved, call, nil
}

// again makes the plan once more.
func (s *savedCall) again(ctx context.Context, env *Env, opts *pruneApplyOptions) (*pruneRun, error) {
	c := &cobra.Command{Use: s.Command}
	plan, remove := &pruneOptions{}, &rmOptions{}
	isRm := s.Command == commandRm
	if isRm {
		remove.addFlags(c)
	} else {
		plan.addFlags(c)
	}
	if err := c.ParseFlags(s.Flags); err != nil {
		return nil, usagef("save the plan anew", "the plan has flags that this version does not know: %v", err)
	}
	if isRm {
		opts.take(c, &remove.evidenceOptions, &remove.applyOptions)
		return planRm(ctx, env, c, remove, s.Args)
	}
	opts.take(c, &plan.evidenceOptions, &plan.applyOptions)
	return planPrune(ctx, env, c, plan, s.Args)
}

// take puts what is said now over what was said then.
func (o *pruneApplyOptions) take(c *cobra.Command, evidence *evidenceOptions, apply *applyOptions) {
	apply.apply, apply.dryRun = o.apply, o.dryRun
	if o.journal != "" {
		apply.journal = o.journal
	}
	if o.trash != "" {
		apply.trash = o.trash
	}
	for _, url := range o.clusters {
		i := slices.IndexFunc(evidence.clusters, func(old string) bool { return sameCluster(old, url) })
		if i < 0 {
			evidence.clusters = append(evidence.clusters, url)
			continue
		}
		evidence.clusters[i] = url
	}
}
