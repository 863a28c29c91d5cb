package relocate

import (
	"context"
	"fmt"

	"github.com/ckpt-tool/ckpt/layout"
	"github.com/ckpt-tool/ckpt/layout/verify"
	"github.com/ckpt-tool/ckpt/metadata"
)

// Verify reads the copy as anybody would who restores it: all its references must lead to
// files in it that are there and of their sizes.
func (p *Plan) Verify(ctx context.Context, store layout.Store, opts Options) error {
	target := &layout.Target{Store: store, Dir: p.Dir, Metadata: p.MetadataKey()}
	node, err := layout.Follow(ctx, target, layout.GraphOptions{
		Assess: layout.AssessOptions{Now: opts.Now()}, Maps: p.maps(), Open: opts.Open,
	})
	if err != nil {
		return err
	}
	results, err := verify.Nodes(ctx, []layout.Node{*node}, verify.Options{Level: verify.Files, LogLength: opts.LogLength, Open: opts.Open})
	if err != nil {
		return err
	}
	for i := range results {
		if err := fault(&results[i]); err != nil {
			return fmt.Errorf("the copy is not whole: %w", err)
		}
	}
	return p.within(ctx, node)
}

// maps reads paths as Flink has them where Flink calls the destination otherwise.
func (p *Plan) maps() []layout.Mapping {
	if root := layout.Canonical(p.Root); root != p.Destination {
		return []layout.Mapping{{Old: root, New: p.Destination}}
	}
	return nil
}

// within looks where every reference leads.
func (p *Plan) within(ctx context.Context, node *layout.Node) error {
	c, err := metadata.Decode(p.Metadata)
	if err != nil {
		return err
	}
	var out error
	err = node.Trace(ctx, c, func(r *layout.Reference) {
		url := node.FileURL(r.Found)
		if _, ok := layout.Below(p.Destination, url); !ok && out == nil {
			out = fmt.Errorf("the copy is not whole: it uses %s, which lies outside of it", url)
		}
	})
	if err == nil {
		err = out
	}
	return err
}
