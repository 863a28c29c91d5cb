package cmd

import (
	"context"
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/usage"
)

// diskUsage is one run of `ckpt du`.
type diskUsage struct {
	env  *Env
	opts *duOptions
	job  *layout.JobID

	target string   // URL of the _metadata of the one checkpoint that was named, "" for none
	trees  []duTree // no two have a file in common
	used   *usage.Usage
	parts  usage.Observer // of the target

	nodes   []int // snapshots that are shown, in order
	deleted *usage.Deletion
}

// duTree is a tree, and whether it is shown or only its checkpoints count as users.
type duTree struct {
	layout.Store
	shown  bool
	listed *layout.Tree // if it is already
}

func (d *diskUsage) close() {
	for _, t := range d.trees {
		t.Close()
	}
}

// open opens the trees that the arguments name.
func (d *diskUsage) open(ctx context.Context, args []string) error {
	if len(args) == 1 {
		t, tree, err := checkpointOrTree(ctx, d.env, &openOptions{d.opts.latestOptions}, args[0])
		if err != nil {
			return err
		}
		if tree != nil {
			d.add(duTree{tree.Store, true, tree})
		} else {
			d.target = metadataURL(t)
			d.add(duTree{t.Store, true, nil})
		}
		args = nil
	}
	for i, url := range slices.Concat(args, d.opts.alsoRoots) {
		store, err := layout.OpenTree(ctx, d.env.OpenStore, url)
		if err != nil {
			return err
		}
		d.add(duTree{store, i < len(args), nil})
	}
	return nil
}

// add adds a tree, unless it lies within another one. Those that lie within it go.
func (d *diskUsage) add(t duTree) {
	for i := 0; i < len(d.trees); i++ {
		old := &d.trees[i]
		if _, within := layout.Below(old.URL(), t.URL()); within {
			d.merge(t, old)
			return
		}
		if _, around := layout.Below(t.URL(), old.URL()); around {
			d.merge(*old, &t)
			d.trees = slices.Delete(d.trees, i, i+1)
			i--
		}
	}
	d.trees = append(d.trees, t)
}

// merge lets outer stand for inner as well.
func (d *diskUsage) merge(inner duTree, outer *duTree) {
	d.env.Log.Debug("a tree within another one is part of it", "tree", inner.URL(), "of", outer.URL())
	outer.shown = outer.shown || inner.shown
	inner.Close()
}

// measure lists all trees, then reads all _metadata.
func (d *diskUsage) measure(ctx context.Context) error {
	var trees []*layout.Tree
	for _, t := range d.trees {
		tree := t.listed
		if tree == nil {
			var err error
			if tree, err = listTree(ctx, d.env, t.Store); err != nil {
				return err
			}
		}
		for _, o := range tree.Skipped {
			d.env.Log.Debug("not followed", "path", layout.Join(tree.Root, o.Key))
		}
		trees = append(trees, tree)
	}
	return d.read(ctx, trees)
}

// read reads all _metadata.
func (d *diskUsage) read(ctx context.Context, trees []*layout.Tree) error {
	now, grace := d.env.Now(), max(d.opts.grace, time.Nanosecond) // 0 would stand for the default
	names := &usage.Names{}
	g, err := newGraph(ctx, d.env, trees, layout.GraphOptions{
		Assess: layout.AssessOptions{Now: now, Grace: grace},
		Maps:   d.opts.maps,
		Observe: func(t *layout.Tree, s *layout.Snapshot) func(*layout.Reference) {
			if layout.Join(t.Root, s.MetadataKey()) != d.target {
				return names.Observe
			}
			return func(r *layout.Reference) {
				names.Observe(r)
				d.parts.Observe(r)
			}
		},
	})
	if err == nil {
		d.used = usage.Account(g, usage.Options{Now: now, Grace: grace, Outside: names})
	}
	return err
}
