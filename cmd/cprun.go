package cmd

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/ckpt-tool/ckpt/backends/content"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/relocate"
	"golang.org/x/time/rate"
)

// copying is one run of `ckpt cp`.
type copying struct {
	env    *Env
	opts   *cpOptions
	limit  *rate.Limiter
	source *relocate.Source
	plan   *relocate.Plan
	// standing is how far the destination was, before anything was copied.
	standing relocate.Standing
	into     layout.MutableStore // nil in a dry run
	opened   []layout.Store
}

func (c *copying) close() {
	for _, s := range c.opened {
		s.Close()
	}
}

// examine finds the source, reads it and verifies it.
func (c *copying) examine(ctx context.Context, arg string) error {
	target, err := c.opts.find(ctx, c.env, arg)
	if err != nil {
		return err
	}
	c.opened = append(c.opened, target.Store)
	p := c.env.startProgress("verifying "+target.URL(), "")
	defer p.stop()
	c.source, err = relocate.Examine(ctx, target, relocate.ExamineOptions{
		Open: c.env.OpenStore, Maps: c.opts.maps, Now: c.env.Now(), LogLength: content.LogLength,
	})
	if err == nil && c.source.ByTail > 0 {
		c.env.Log.Info("the source was copied before: files were found by the tails of their paths", "references", c.source.ByTail)
	}
	return err
}

// draw makes the plan, and asks whether the destination is fit for it.
func (c *copying) draw(ctx context.Context, dst string) error {
	where, store, err := c.destination(ctx, dst)
	if err != nil {
		return err
	}
	root, err := flinkRoot(c.opts.as, dst, where)
	if err != nil {
		return err
	}
	if err := apart(c.source.URL, where); err != nil {
		return err
	}
	r := relocate.Request{
		Form: relocate.SelfContained, Source: c.source.URL, Destination: where, Root: root,
		Checkpoint: c.source.Checkpoint, Located: c.source.Located,
	}
	if c.opts.keepLayout {
		r.Form = relocate.KeepLayout
	}
	if c.plan, err = relocate.New(r); err != nil {
		return err
	}
	if !c.plan.Relocatable && !flinkReads(root) {
		return usagef("say with --as what Flink calls it", "paths in this copy must be absolute, and %s is not how Flink names a place", root)
	}
	if store != nil {
		c.standing, err = c.plan.Admit(ctx, store, c.source.Identity)
	}
	return err
}

// destination opens DST: for changes, unless this is a dry run. Then it may be missing.
func (c *copying) destination(ctx context.Context, dst string) (where string, store layout.Store, err error) {
	if dst == "" {
		return "", nil, usagef("name a directory or URL", "DST is empty")
	}
	if c.opts.dryRun {
		store, err = c.env.OpenStore(ctx, dst)
		if errors.Is(err, fs.ErrNotExist) {
			where, err = absolute(dst)
			return where, nil, err
		}
	} else {
		c.into, err = c.env.OpenMutable(ctx, dst)
		store = c.into
	}
	switch {
	case errors.Is(err, layout.ErrNotDirectory):
		return "", nil, usagef("name a directory", "%s is a file", dst)
	case errors.Is(err, errors.ErrUnsupported):
		return "", nil, usagef("copy to a local path, s3://, gs://, abfss:// or hdfs://", "%s: this storage can only be read", dst)
	case err != nil:
		return "", nil, err
	}
	c.opened = append(c.opened, store)
	return store.URL(), store, nil
}

// execute carries the plan out, with progress.
func (c *copying) execute(ctx context.Context) (*relocate.Report, error) {
	p := c.env.startProgress("copying to "+c.plan.URL(), "files")
	defer p.stop()
	total := len(c.plan.Files)
	return c.plan.Execute(ctx, c.into, relocate.Options{
		Source: c.source.Store, Open: c.env.OpenStore, Identity: c.source.Identity, Workers: c.env.Concurrency,
		Limit: c.limit, ReadBack: c.opts.readBack || c.opts.moves, Through: c.opts.readBack, LogLength: content.LogLength, Version: readBuild().Version, Now: c.env.Now,
		Progress: func(files int, bytes int64) {
			p.of(files, total)
			p.bytes.Store(bytes)
		},
	})
}

// flinkRoot is how Flink begins a path in DST: with the scheme and authority that the
// user gave, or as --as says.
func flinkRoot(as, dst, where string) (string, error) {
	given := dst
	if as != "" {
		given = as
	}
	place := layout.ParsePlace(given)
	switch {
	case place.Scheme == "" && as != "" && !filepath.IsAbs(as):
		return "", usagef("give an absolute path or a URL", "--as %s: relative", as)
	case place.Scheme == "" && as == "":
		return "file:" + where, nil
	case place.Scheme == "" || place.Scheme == "file" && place.Authority == "":
		return "file:" + layout.Canonical(given), nil
	}
	family := layout.ParsePlace(layout.Canonical(given))
	family.Scheme = place.Scheme // s3a stays s3a
	return family.String(), nil
}

// flinkReads tells whether Flink has a file system for a URL's scheme.
func flinkReads(url string) bool {
	ours := []string{"azblob", "webhdfs", "swebhdfs"}
	return !slices.Contains(ours, layout.ParsePlace(url).Scheme)
}

// apart refuses a destination within the source, also by way of symbolic links.
func apart(source, destination string) error {
	if _, inside := layout.Below(realPath(source), realPath(destination)); inside {
		return usagef("choose a place outside of it", "%s lies within the source %s", destination, source)
	}
	return nil
}

// realPath is a local path without symbolic links, as far as it exists.
func realPath(url string) string {
	if layout.ParsePlace(url).Scheme != "" {
		return url
	}
	rest := ""
	for at := url; ; at = filepath.Dir(at) {
		if real, err := filepath.EvalSymlinks(at); err == nil {
			return filepath.ToSlash(filepath.Join(real, rest))
		}
		if filepath.Dir(at) == at {
			return url
		}
		rest = filepath.Join(filepath.Base(at), rest)
	}
}
