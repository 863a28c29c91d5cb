package cmd

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/ckpt-tool/ckpt/backends/content"
	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/verify"
)

// listTree lists a tree with all of its files, with progress.
func listTree(ctx context.Context, env *Env, store layout.Store) (*layout.Tree, error) {
	p := env.startProgress("listing "+store.URL(), "files")
	defer p.stop()
	return layout.NewTree(ctx, store, p.listed)
}

// checkpointOrTree finds out what arg names by listing it: a bucket tells whether there
// is a _metadata no faster. One of the two results is nil.
func checkpointOrTree(ctx context.Context, env *Env, opts *openOptions, arg string) (*layout.Target, *layout.Tree, error) {
	if strings.HasPrefix(arg, "latest:") {
		t, err := opts.find(ctx, env, arg)
		return t, nil, err
	}
	store, err := env.OpenStore(ctx, arg)
	if err == nil {
		var tree *layout.Tree
		if tree, err = listTree(ctx, env, store); err == nil && !isSnapshot(tree) {
			return nil, tree, nil
		}
		store.Close()
	}
	if err != nil && !errors.Is(err, layout.ErrNotDirectory) && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, err
	}
	t, err := opts.find(ctx, env, arg)
	return t, nil, err
}

// isSnapshot tells whether the root of a tree is a checkpoint.
func isSnapshot(t *layout.Tree) bool {
	return slices.ContainsFunc(t.Snapshots, func(s layout.Snapshot) bool { return s.Dir == "" && s.Metadata != nil })
}

// newGraph reads all _metadata of the trees, with progress.
func newGraph(ctx context.Context, env *Env, trees []*layout.Tree, opts layout.GraphOptions) (*layout.Graph, error) {
	p := env.startProgress("reading _metadata below "+trees[0].Root, "checkpoints")
	defer p.stop()
	opts.Progress = p.of
	return layout.NewGraph(ctx, trees, opts)
}

// verifiedTree lists a tree and looks whether all files that its checkpoints name are
// there: the states of the entries come from that.
func verifiedTree(ctx context.Context, env *Env, store layout.Store, maps []layout.Mapping) (*layout.Tree, []layout.Entry, error) {
	tree, err := listTree(ctx, env, store)
	if err != nil {
		return nil, nil, err
	}
	g, err := newGraph(ctx, env, []*layout.Tree{tree}, layout.GraphOptions{
		Assess: layout.AssessOptions{Now: env.Now()}, Maps: maps, Open: env.OpenStore,
	})
	if err != nil {
		return nil, nil, err
	}
	p := env.startProgress("verifying below "+tree.Root, "files")
	defer p.stop()
	results, err := verify.Nodes(ctx, g.Nodes, verify.Options{
		Level: verify.Files, LogLength: content.LogLength, Open: env.OpenStore, Progress: p.listed,
	})
	if err != nil {
		return nil, nil, err
	}
	byDir := map[string]*verify.Result{}
	for i := range results {
		byDir[results[i].Dir] = &results[i]
	}
	entries := make([]layout.Entry, 0, len(g.Nodes))
	for i := range g.Nodes {
		entries = append(entries, judged(g.Nodes[i].Entry, byDir[g.Nodes[i].Dir]))
	}
	return tree, entries, nil
}

// judged is an entry in the state that its verification showed; r is nil where there
// was nothing to verify.
func judged(e layout.Entry, r *verify.Result) layout.Entry {
	switch {
	case r == nil || e.State != layout.Complete:
	case r.Err != nil:
		e.State, e.Reason, e.Err = layout.Unreadable, "could not check its files: "+r.Err.Error(), r.Err
	case r.Verdict == verify.Damaged:
		e.State, e.Reason = layout.Damaged, r.Worst().Message
	}
	return e
}
