package layout

import (
	"context"
	"slices"

	"github.com/ckpt-tool/ckpt/metadata"
)

// builder reads snapshots into nodes.
type builder struct {
	*finder
	opts GraphOptions
}

// read gives a node for each snapshot. Its only error is that of ctx.
func (b *builder) read(ctx context.Context, tree *Tree, snapshots []Snapshot, progress func(done int)) ([]Node, error) {
	nodes := make([]Node, len(snapshots))
	assess := b.opts.Assess
	assess.visit = func(i int) (metadata.Visitor, func()) {
		t := &tracer{finder: b.finder, ctx: ctx, dir: Join(tree.Root, snapshots[i].Dir), places: map[placeKey]*place{}}
		if b.opts.Observe != nil {
			t.observe = b.opts.Observe(tree, &snapshots[i])
		}
		return t.visitor(), func() { nodes[i].take(b.trees, tree, &snapshots[i], &t.trace) }
	}
	i := 0
	for e, err := range Assess(ctx, tree.Store, snapshots, assess) {
		if err != nil {
			return nil, err
		}
		nodes[i].Entry, nodes[i].Tree = e, tree
		if i++; i%16 == 0 {
			progress(i)
		}
	}
	return nodes, nil
}

// take keeps what was found on the way through a whole _metadata.
func (n *Node) take(trees []*Tree, tree *Tree, s *Snapshot, t *trace) {
	n.followed = true
	n.Inline, n.Outside, n.ByTail, n.Managed = t.inline, t.outside, t.byTail, t.managed
	n.Segments, n.Broken = slices.Clip(t.segments), t.broken
	if tree.Inventory == nil {
		return
	}
	if own := tree.Files.Find(s.Metadata.Key); own != NoFile {
		t.uses = append(t.uses, newUse(tree.base+ObjectID(own), false))
	}
	slices.Sort(t.uses)
	n.Objects = make([]ObjectID, 0, distinct(t.uses))
	for i, u := range t.uses {
		if i+1 < len(t.uses) && t.uses[i+1].object() == u.object() {
			continue // the last one is shared if any is
		}
		n.Objects = append(n.Objects, u.object())
		in, file := objectIn(trees, u.object())
		if u.shared() {
			n.Shared += in.Files.Size(file)
		} else {
			n.Exclusive += in.Files.Size(file)
		}
	}
}

func distinct(uses []use) int {
	n := 0
	for i, u := range uses {
		if i == 0 || uses[i-1].object() != u.object() {
			n++
		}
	}
	return n
}

// objectIn tells which file of which tree an object is.
func objectIn(trees []*Tree, id ObjectID) (*Tree, FileID) {
	i := len(trees) - 1
	for trees[i].base > id {
		i--
	}
	return trees[i], FileID(id - trees[i].base)
}
