package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/inventory"
	"github.com/ckpt-tool/ckpt/layout/prune"
	"github.com/ckpt-tool/ckpt/layout/usage"
)

// pruning is one run of `ckpt prune` or `ckpt rm`.
type pruning struct {
	env *Env
	*witnesses
	// now is when the listing began: what is found is as old as it was then.
	now    time.Time
	roots  *rootOptions
	safety prune.Safety

	trees   []layout.Store // no two have a file in common
	places  []prune.Place
	local   []localPlace     // those of them on this machine
	aliases []layout.Mapping // other names of these
	lent    []layout.Store   // of snapshots that lie in no tree
	stops   []prune.Stop     // found on the way
	notes   []string
	names   usage.Names
	graph   *layout.Graph
	known   *prune.World
}

func (p *pruning) close() {
	for _, t := range slices.Concat(p.trees, p.lent) {
		t.Close()
	}
}

// open opens the roots, and all else where users of their files may lie.
func (p *pruning) open(ctx context.Context, roots []string) error {
	for _, set := range []struct {
		urls []string
		mode prune.Mode
	}{
		{roots, prune.Swept}, {p.roots.entropy, prune.ByHandle}, {p.roots.alsoRoots, prune.Untouched},
	} {
		for _, url := range set.urls {
			if err := p.openPlace(ctx, url, set.mode); err != nil {
				return err
			}
		}
	}
	for _, t := range p.trees {
		if err := p.checkClock(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// openPlace declares a place. One that is not there stops everything: where a disk is not
// mounted, all that its checkpoints use looks unused.
func (p *pruning) openPlace(ctx context.Context, url string, mode prune.Mode) error {
	url, err := p.resolve(url)
	if err != nil {
		return err
	}
	store, err := layout.OpenTree(ctx, p.env.OpenStore, url)
	if isNoTree(err) {
		p.vanished(url)
		return nil
	}
	if err != nil {
		return err
	}
	if err := p.declare(prune.Place{URL: store.URL(), Mode: mode}); err != nil {
		store.Close()
		return err
	}
	p.add(store)
	return nil
}

func (p *pruning) vanished(url string) {
	p.stops = append(p.stops, prune.Stop{Guard: prune.GuardRoot, Message: url + ": no such directory: check the path, and whether it is mounted"})
}

// declare keeps a place, once. What is both to be pruned and not to be touched is a
// mistake of the user's.
func (p *pruning) declare(place prune.Place) error {
	for _, old := range p.places {
		if old.URL != place.URL {
			continue
		}
		if old.Mode != place.Mode {
			return usagef("name it once", "%s: to be pruned, and also named by --also-root or --entropy-prefix", place.URL)
		}
		return nil
	}
	p.places = append(p.places, place)
	return nil
}

// add adds a tree, unless it lies within another one. Those that lie within it go.
func (p *pruning) add(store layout.Store) {
	for _, old := range p.trees {
		if _, within := layout.Below(old.URL(), store.URL()); within {
			store.Close()
			return
		}
	}
	p.trees = slices.DeleteFunc(p.trees, func(old layout.Store) bool {
		_, around := layout.Below(store.URL(), old.URL())
		if around {
			p.env.Log.Debug("a tree within another one is part of it", "tree", old.URL(), "of", store.URL())
			old.Close()
		}
		return around
	})
	p.trees = append(p.trees, store)
}

// checkClock compares the clocks: by this one's, files of the store have their age.
func (p *pruning) checkClock(ctx context.Context, store layout.Store) error {
	theirs, err := store.Now(ctx)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	if off := p.env.Now().Sub(theirs).Round(time.Second); off.Abs() > p.safety.ClockSkew {
		p.stops = append(p.stops, prune.Stop{Guard: prune.GuardClock, Message: fmt.Sprintf(
			"%s: this machine's clock is %s off the storage's, so that no age can be believed: set it", store.URL(), off)})
	}
	return nil
}

// read asks the witnesses, lists all trees, then reads all _metadata, and asks again.
func (p *pruning) read(ctx context.Context) error {
	var err error
	if p.known, err = p.witnesses.world(ctx); err != nil {
		return err
	}
	p.now = p.env.Now()
	trees, err := p.list(ctx)
	if err != nil {
		return err
	}
	opts := layout.GraphOptions{
		Assess: layout.AssessOptions{Now: p.now, Grace: max(p.safety.MinAge, time.Nanosecond)}, // 0 would stand for the default
		Maps:   p.roots.maps, Aliases: p.aliases,
		Open:  p.env.OpenStore,
		Prove: true,
		Observe: func(*layout.Tree, *layout.Snapshot) func(*layout.Reference) {
			return p.names.Observe
		},
	}
	if len(trees) == 0 {
		p.graph, err = layout.NewGraph(ctx, nil, opts)
	} else {
		p.graph, err = newGraph(ctx, p.env, trees, opts)
	}
	if err != nil {
		return err
	}
	p.checkFilled()
	p.shareIDs()
	if err := p.witnesses.ask(ctx, p.known); err != nil {
		return err
	}
	p.notes = slices.Concat(p.notes, p.contradicted(p.known), p.weak())
	return nil
}

// list lists all trees.
func (p *pruning) list(ctx context.Context) ([]*layout.Tree, error) {
	var trees []*layout.Tree
	for i, store := range p.trees {
		if err := p.withInventory(ctx, i); err != nil {
			return nil, err
		}
		tree, err := listTree(ctx, p.env, p.trees[i])
		if isNoTree(err) {
			p.vanished(store.URL())
			continue
		}
		if err != nil {
			return nil, err
		}
		trees = append(trees, tree)
	}
	return trees, nil
}

// withInventory takes the data files of a tree from the inventory of its bucket, if one
// was named.
func (p *pruning) withInventory(ctx context.Context, i int) error {
	for _, url := range p.roots.inventories {
		store, of, err := inventory.Open(ctx, p.env.OpenStore, url, p.trees[i])
		if errors.Is(err, inventory.ErrOtherTree) && len(p.trees) > 1 {
			p.env.Log.Debug("an inventory does not serve a tree", "inventory", url, "tree", p.trees[i].URL(), "reason", err)
			continue
		}
		if err != nil {
			return err
		}
		p.notes = append(p.notes, fmt.Sprintf("%s: data files are those of the inventory of %s", store.URL(), of.UTC().Format(time.RFC3339)))
		p.trees[i] = store
		return nil
	}
	if len(p.roots.inventories) > 0 {
		p.notes = append(p.notes, p.trees[i].URL()+": no inventory is of it, so it was listed")
	}
	return nil
}

// input are the facts for the plan.
func (p *pruning) input(policy prune.Policy) prune.Input {
	world := *p.known
	world.Stops = slices.Concat(p.stops, world.Stops)
	return prune.Input{
		Now: p.now, Graph: p.graph, Places: p.places, OtherRoots: len(p.roots.alsoRoots) > 0 || p.roots.noOtherRoots,
		Outside: &p.names, World: world, Policy: policy, Safety: p.safety,
	}
}

// remarks are what the storage tells of freeing space.
func (p *pruning) remarks(ctx context.Context) error {
	for _, t := range p.trees {
		if !p.touches(t.URL()) {
			continue
		}
		r, err := t.Remarks(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			p.env.Log.Debug("the storage does not say whether it keeps old versions", "tree", t.URL(), "reason", err)
			continue
		}
		if r.Versioned {
			p.notes = append(p.notes, t.URL()+": the bucket keeps old versions, so that deleting frees nothing until a lifecycle rule expires them")
		}
		if n := len(r.Uploads); n > 0 {
			oldest := slices.MinFunc(r.Uploads, func(a, b layout.Upload) int { return a.Started.Compare(b.Started) })
			p.notes = append(p.notes, fmt.Sprintf("%s: %s never completed, the oldest of %s: no listing counts their bytes, and a lifecycle rule (AbortIncompleteMultipartUpload) frees them",
				t.URL(), plural(n, "multipart upload"), oldest.Started.UTC().Format(time.DateOnly)))
		}
	}
	return nil
}

// touches tells whether anything may be deleted in the tree at root.
func (p *pruning) touches(root string) bool {
	return slices.ContainsFunc(p.places, func(place prune.Place) bool {
		_, within := layout.Below(root, place.URL)
		return within && place.Mode != prune.Untouched
	})
}

// firstRoot is the first of those that are to be pruned, "" where all are gone.
func (p *pruning) firstRoot() string {
	for _, place := range p.places {
		if place.Mode == prune.Swept {
			return place.URL
		}
	}
	return ""
}

// absoluteURL is a URL that means the same from any directory.
func absoluteURL(url string) (string, error) {
	if place := layout.ParsePlace(url); place.Scheme == "" && url != "" {
		return filepath.Abs(place.Path)
	}
	return url, nil
}
