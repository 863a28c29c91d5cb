package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/prune"
)

// adoptClaimed reads the snapshots that somebody holds and that lie in no root: they may
// use files here. One that is proved to be gone uses none. Where that cannot be told,
// nothing may go.
func (p *pruning) adoptClaimed(ctx context.Context) error {
	known := prune.NewSnapshots(p.graph)
	asked := map[string]bool{}
	for _, c := range p.known.Claims {
		url := layout.Canonical(c.URL)
		if !c.Snapshot || asked[url] || known.At(url) {
			continue
		}
		asked[url] = true
		switch found, err := p.adopt(ctx, url); {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			p.unreadable(url, c.By, err)
		case found, p.inTrees(url), known.Moved(url): // in a tree, Flink has deleted it since
		case c.Own && c.HasJob && p.known.Jobs[c.Job].Life == prune.Live && layout.ParsePlace(url).Scheme == "":
			p.unreadable(url, c.By, errors.New("there is no such directory on this machine"))
		default:
			p.notes = append(p.notes, fmt.Sprintf("%s is not there any more: %s", url, c.By))
		}
	}
	return nil
}

// adopt reads one of them, and tells whether it is there at all.
func (p *pruning) adopt(ctx context.Context, url string) (found bool, err error) {
	t, err := layout.Find(ctx, p.env.OpenStore, url, layout.FindOptions{})
	if err != nil {
		return false, p.unlessAbsent(ctx, url, err)
	}
	p.lent = append(p.lent, t.Store)
	if err := p.graph.Adopt(ctx, t); err != nil {
		if _, now := t.Store.Stat(ctx, t.Metadata); isMissing(now) { // deleted on the way
			err = nil
		}
		return false, err
	}
	adopted := &p.graph.Adopted[len(p.graph.Adopted)-1]
	for i := range adopted.Broken {
		// What lies elsewhere need not be there. Here, any of several may be meant.
		var several *layout.AmbiguousError
		if errors.As(adopted.Broken[i].Found.Err, &several) {
			return false, several
		}
	}
	return true, nil
}

// unlessAbsent is nil where err is that there is no checkpoint, and never was one whole.
func (p *pruning) unlessAbsent(ctx context.Context, url string, err error) error {
	var none *layout.NotCheckpointError
	switch {
	case isNoTree(err), isMissing(err):
		return nil
	case !errors.As(err, &none):
		return err
	}
	store, failed := p.env.OpenStore(ctx, url)
	if failed != nil {
		return err
	}
	defer store.Close()
	if _, failed := store.Stat(ctx, layout.MetadataName); isMissing(failed) {
		return nil
	}
	return err
}

// unreadable stops everything because of a snapshot that somebody holds.
func (p *pruning) unreadable(url, by string, err error) {
	p.stops = append(p.stops, prune.Stop{Guard: prune.GuardReference, Message: fmt.Sprintf(
		"%s: %s, and which files here it uses is not known, since it cannot be read: %v: give ckpt the rights to read it, or say by --map OLD=NEW where it is now", url, by, err)})
}

// inTrees tells whether url lies in any tree that was listed.
func (p *pruning) inTrees(url string) bool {
	return slices.ContainsFunc(p.graph.Trees, func(t *layout.Tree) bool {
		_, within := layout.Below(t.Root, url)
		return within
	})
}
