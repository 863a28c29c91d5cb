package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/flinkconf"
	"github.com/ckpt-tool/ckpt/metadata"
	"github.com/ckpt-tool/ckpt/restore/engine"
	"github.com/ckpt-tool/ckpt/restore/job"
	"github.com/ckpt-tool/ckpt/restore/settings"
)

// running is one run of `ckpt run`.
type running struct {
	env      *Env
	opts     *runOptions
	file     *job.File
	job      *engine.Job
	settings *settings.Settings

	// Of the checkpoint to begin with; nil without one.
	target     *layout.Target
	checkpoint *metadata.Checkpoint
	blobs      *layout.Blobs

	consumed bool // whether standard input was the job file
	closers  []io.Closer
}

func (r *running) close() {
	for i := len(r.closers) - 1; i >= 0; i-- {
		_ = r.closers[i].Close()
	}
}

// load reads the job and what it begins with.
func (r *running) load(ctx context.Context, args []string) error {
	if err := r.begin(ctx, r.opts.from); err != nil {
		return err
	}
	data, name, err := r.definition(args)
	if err != nil {
		return err
	}
	set, err := r.opts.parameters()
	if err != nil {
		return err
	}
	if len(args) == 0 && len(set) > 0 {
		return usagef("name the job file as well: ckpt run JOB -s "+r.opts.from, "the job file in a checkpoint has its parameters filled in, so that --set finds none")
	}
	// Build tells the mistakes of Load again, with its own.
	if r.file, err = job.Load(data, name, set); r.file == nil {
		return err
	}
	application, err := r.build()
	if err != nil {
		return err
	}
	if err := r.settle(application); err != nil {
		return err
	}
	if r.opts.from == "" && r.settings.RestorePath != "" {
		if err := r.begin(ctx, r.settings.RestorePath); err != nil {
			return err
		}
	}
	return r.takesOver()
}

// begin finds the checkpoint to begin with, and reads it.
func (r *running) begin(ctx context.Context, from string) error {
	if from == "" {
		return nil
	}
	t, err := r.opts.find(ctx, r.env, from)
	if err != nil {
		return err
	}
	r.closers = append(r.closers, t.Store)
	if r.checkpoint, _, err = readMetadata(ctx, t); err != nil {
		return err
	}
	r.target, r.blobs = t, layout.NewBlobs(context.WithoutCancel(ctx), r.env.OpenStore, t, r.opts.maps)
	r.closers = append(r.closers, r.blobs)
	return nil
}

// definition is the job file: that of the command line, or the one in the checkpoint.
func (r *running) definition(args []string) (data []byte, name string, err error) {
	switch {
	case len(args) == 1 && args[0] == "-":
		r.consumed = true
		data, err = readJob(r.env.In)
		return data, "standard input", err
	case len(args) == 1:
		f, err := os.Open(args[0])
		if err != nil {
			return nil, args[0], err
		}
		defer f.Close()
		data, err = readJob(f)
		return data, args[0], err
	case r.checkpoint == nil:
		return nil, "", usagef("give a job file, or -s and a checkpoint that ckpt wrote", "there is no job to run")
	}
	for _, m := range r.checkpoint.MasterStates {
		if m.Name.String() == engine.MasterStateName {
			return m.Data, "the job file in " + metadataURL(r.target), nil
		}
	}
	return nil, "", usagef("name the job file: ckpt run JOB -s "+r.opts.from, "%s holds no job file, as only those do that ckpt wrote", r.target.URL())
}

// readJob reads a job file, and of what is too large to be one just so much that this shows.
func readJob(from io.Reader) ([]byte, error) { return io.ReadAll(io.LimitReader(from, job.MaxFile+1)) }

// build makes the engine's job of the file, and gives the settings in it.
func (r *running) build() (*flinkconf.Config, error) {
	made, conf, err := r.file.Build(r.catalog())
	if err != nil {
		return nil, err
	}
	r.job = made
	application := &flinkconf.Config{}
	var unknown job.Errors
	for _, key := range slices.Sorted(maps.Keys(conf)) {
		if !settings.Known(key) {
			unknown = append(unknown, r.file.Mistake([]string{key}, settingLike(key), fmt.Sprintf("the setting %s is not known to the engine", key)))
		}
		application.Set(key, conf[key])
	}
	if unknown != nil {
		slices.SortFunc(unknown, func(a, b *job.Error) int { return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column)) })
		return nil, unknown
	}
	return application, nil
}

// settle reads the settings.
func (r *running) settle(application *flinkconf.Config) (err error) {
	layers := settings.Layers{Application: application, Configuration: r.env.FlinkConf}
	if r.settings, err = settings.Load(layers); err != nil {
		return r.placed(application, err)
	}
	for _, key := range r.env.defined {
		if !settings.Known(key.key) && strings.HasPrefix(key.key, "execution.") {
			r.env.Log.Warn("the engine does not know this setting", "key", key.key)
		}
		if v, ok := application.Lookup(key.key); ok && v != key.value {
			r.env.Log.Warn("the job file says otherwise, and counts", "key", key.key, "here", key.value, "there", v)
		}
	}
	if r.opts.parallelism < 0 {
		return usagef("give a number from 1 on", "--parallelism %d", r.opts.parallelism)
	}
	for _, p := range []int{r.opts.parallelism, r.job.Parallelism, r.settings.Parallelism, 1} {
		if p > 0 {
			r.job.Parallelism = p
			break
		}
	}
	if r.job.MaxParallelism == 0 {
		r.job.MaxParallelism = r.settings.MaxParallelism
	}
	r.job.Definition = r.file.Definition()
	return nil
}

// placed tells where in the job file a setting stands that cannot be, if it stands there.
func (r *running) placed(application *flinkconf.Config, err error) error {
	var refused *settings.Error
	var unread *flinkconf.Error
	key, message := "", err.Error()
	switch {
	case errors.As(err, &refused):
		key = refused.Key
	case errors.As(err, &unread):
		key, message = unread.Key, unread.Key+": "+unread.Message
	}
	if _, ok := application.Lookup(key); !ok {
		return err
	}
	return r.file.Mistake(flinkconf.Spellings(key), "", message)
}

// origin names what a run begins with.
func (r *running) origin() string {
	if r.target == nil {
		return "nothing"
	}
	return fmt.Sprintf("checkpoint %d, %s", r.checkpoint.ID, r.target.URL())
}

// settingLike names the setting that may have been meant.
func settingLike(key string) string {
	if near := closest(key, settings.Keys()); near != "" {
		return "did you mean " + near + "?"
	}
	return "docs/run.md lists the settings"
}
