package cmd

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/spf13/cobra"
)

// latestOptions are the flags that say which checkpoint is the newest.
type latestOptions struct {
	job        string
	savepoints bool
	by         string
}

// addFlags adds them; prefix says when they count.
func (o *latestOptions) addFlags(c *cobra.Command, prefix string) {
	c.Flags().StringVar(&o.job, "job", "", prefix+"the `ID` of the job, where several lie there")
	c.Flags().BoolVar(&o.savepoints, "savepoints", false, prefix+"savepoints count as well")
	choice(c, &o.by, "by", "", "", []string{string(layout.ByID), string(layout.ByTime)}, prefix+"what tells the newest where ids and times disagree")
}

// find is the options for layout.
func (o *latestOptions) find(env *Env) (layout.FindOptions, error) {
	job, err := parseJob(o.job)
	return layout.FindOptions{
		Assess: layout.AssessOptions{Now: env.Now()},
		Latest: layout.LatestOptions{Job: job, Savepoints: o.savepoints, By: layout.Order(o.by)},
	}, err
}

// latestCommandOptions are the flags of `ckpt latest`.
type latestCommandOptions struct {
	latestOptions
	mapOptions
	verify bool
}

func (o *latestCommandOptions) addFlags(c *cobra.Command) {
	o.latestOptions.addFlags(c, "")
	c.Flags().BoolVar(&o.verify, "verify", false, "the newest of which all files are there, as verify finds")
	o.mapOptions.addFlags(c)
}

// validate settles what depends on several flags.
func (o *latestCommandOptions) validate() error {
	if len(o.maps) > 0 && !o.verify {
		return usagef("add --verify", "--map is for --verify")
	}
	return nil
}

func newLatestCommand(env *Env) *cobra.Command {
	opts := &latestCommandOptions{}
	c := &cobra.Command{
		Use:   "latest " + urlArg,
		Short: "The path of the newest complete checkpoint of a job",
		Long: `Prints the path of the newest checkpoint below URL, or below the current
directory, whose _metadata can be read to its end. Whether the files that it
names still exist is another question, which --verify asks: then damaged ones
are passed over, and where all are damaged the exit code is 3.

It refuses to guess, with exit code 64, where several jobs lie there and none is
chosen with --job, and where a lower checkpoint id has a later time: then a job
was started anew in the same directory, or the tree is a copy whose times mean
nothing. --by id or --by time settles it. Where something that may be newer can
not be read, or is of a newer Flink, there is no answer either (exit code 1 or
5). What is corrupt or incomplete is passed over.`,
		Example: `  ckpt latest /data/flink/495d8572c34476e61174bd4e676c9523
  ckpt latest /data/flink --job 495d8572c34476e61174bd4e676c9523 --savepoints
  ckpt latest /data/flink --verify
  flink run -s "$(ckpt latest /data/flink)" job.jar`,
		GroupID: groupLook,
		Args:    maxArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := opts.validate(); err != nil {
				return err
			}
			return runLatest(c.Context(), env, opts, urlOf(args))
		},
	}
	opts.addFlags(c)
	return c
}

// latestReport is the JSON of `ckpt latest`.
type latestReport struct {
	Schema string `json:"schema"`
	Root   string `json:"root"`
	URL    string `json:"url"` // what is printed without JSON
	lsEntry
}

func runLatest(ctx context.Context, env *Env, opts *latestCommandOptions, url string) error {
	find, err := opts.find(env)
	if err != nil {
		return err
	}
	store, err := layout.OpenTree(ctx, env.OpenStore, url)
	if err != nil {
		return err
	}
	defer store.Close()
	newest, err := opts.newest(ctx, env, store, find)
	if err != nil {
		return err
	}
	passedOver(env, store.URL(), newest.Broken)
	where := below(url, newest.Dir)
	if env.Output == JSON {
		return env.writeJSON(latestReport{Schema: "ckpt.latest/v1", Root: store.URL(), URL: where, lsEntry: newLsEntry(newest.Entry)})
	}
	if env.OutTerminal {
		where = escape(where)
	}
	_, err = env.Out.Write([]byte(where + "\n"))
	return err
}

// newest looks for it, and with --verify for one of which all files are there.
func (o *latestCommandOptions) newest(ctx context.Context, env *Env, store layout.Store, find layout.FindOptions) (*layout.Choice, error) {
	if !o.verify {
		p := env.startProgress("looking below "+store.URL(), "files")
		defer p.stop()
		find.Progress = p.listed
		return layout.ScanLatest(ctx, store, find)
	}
	tree, entries, err := verifiedTree(ctx, env, store, o.maps)
	if err != nil {
		return nil, err
	}
	choice, err := layout.LatestOf(tree.Inventory, entries, find.Latest)
	var none *layout.NotFoundError
	if errors.As(err, &none) && slices.ContainsFunc(entries, func(e layout.Entry) bool { return e.State == layout.Damaged && find.Latest.Counts(&e) }) {
		return nil, &findingsError{message: none.Message, path: none.Path, hint: "ckpt verify says what is missing"}
	}
	return choice, err
}

// passedOver warns of what looks newer than the newest complete checkpoint.
func passedOver(env *Env, root string, broken []layout.Entry) {
	for _, b := range broken {
		env.Log.Warn("something newer is broken and was passed over", "path", layout.Join(root, b.Dir), "state", b.State, "reason", b.Reason)
	}
}

// below is the path of key below url, in the way that the user wrote url.
func below(url, key string) string {
	if key == "" {
		return url
	}
	return strings.TrimRight(url, "/") + "/" + key
}
