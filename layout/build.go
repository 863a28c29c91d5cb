package layout

import (
	"context"
	"maps"
	"slices"

	"github.com/ckpt-tool/ckpt/metadata"
)

// builder reads snapshots into nodes.
type builder struct {
	*finder
	opts     GraphOptions
	adopting bool // the snapshots lie in no tree
}

// read gives a node for each snapshot. Its only error is that of ctx.
func (b *builder) read(ctx context.Context, tree *Tree, snapshots []Snapshot, progress func(done int)) ([]Node, error) {
	nodes := make([]Node, len(snapshots))
	assess := b.opts.Assess
	assess.visit = func(i int) (metadata.Visitor, func()) {
		var observe func(*Reference)
		if b.opts.Observe != nil {
			observe = b.opts.Observe(tree, &snapshots[i])
		}
		t := b.tracer(ctx, Join(tree.Root, snapshots[i].Dir), observe)
		return t.visitor(), func() { nodes[i].take(b.trees, tree, &snapshots[i], &t.trace, b.adopting) }
	}
	i := 0
	for e, err := range Assess(ctx, tree.Store, snapshots, assess) {
		if err != nil {
			return nil, err
		}
		nodes[i].Entry, nodes[i].Tree, nodes[i].finder = e, tree, b.finder
		if i++; i%16 == 0 {
			progress(i)
		}
	}
	return nodes, nil
}

// take keeps what was found on the way through a whole _metadata.
func (n *Node) take(trees []*Tree, tree *Tree, s *Snapshot, t *trace, adopting bool) {
	n.followed = true
	n.Inline, n.Outside, n.ByTail, n.Managed = t.inline, t.outside, t.byTail, slices.Sorted(maps.Keys(t.managed))
	n.Strays, n.Operators = t.strays, t.set
	n.Segments, n.Broken = slices.Clip(t.segments), t.broken
	switch {
	case tree.Inventory != nil:
		if own := tree.Files.Find(s.Metadata.Key); own != NoFile {
			t.uses = append(t.uses, newUse(tree.base+ObjectID(own), false))
		}
	case !adopting:
		return
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

// Trace looks the references of c up once more, which is the decoded _metadata of n.
// Its error is that of ctx.
func (n *Node) Trace(ctx context.Context, c *metadata.Checkpoint, observe func(*Reference)) error {
	t := n.finder.tracer(ctx, n.URL(), observe)
	t.confirmed = n.confirmed
	for i := range c.Operators {
		o := &c.Operators[i]
		if err := t.enter(o); err != nil {
			return err
		}
		for j := range o.Subtasks {
			if err := t.subtask(o, &o.Subtasks[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

// FileURL is where a file that Trace found lies.
func (n *Node) FileURL(f Found) string { return n.finder.url(f) }

// OtherJobs are the jobs, other than the snapshot's, in whose directories files lie that
// it uses: it was restored from one of theirs (CLAIM, LEGACY).
func (n *Node) OtherJobs() []JobID {
	var found []JobID
	var last *node
	for _, id := range n.Objects {
		t, f := objectIn(n.finder.trees, id)
		if t.Files.node(f) == last {
			continue
		}
		last = t.Files.node(f)
		if job, ok := t.Files.Job(f); ok && (!n.HasJob || job != n.Job) && !slices.Contains(found, job) {
			found = append(found, job)
		}
	}
	return found
}

// TreeOf is the tree of the graph that url lies in, nil where it lies elsewhere.
func (n *Node) TreeOf(url string) *Tree { return n.finder.within(url) }

// Lookup tells whether a file is there, from the listing of its tree or directory.
func (n *Node) Lookup(ctx context.Context, url string) Found {
	dir, name, ok := splitLast(url)
	if !ok {
		return Found{URL: url, Object: NoObject, Seen: Absent}
	}
	p := &place{how: Exact, url: dir}
	n.finder.look(ctx, p)
	found := p.find(name)
	found.URL = url
	if t := n.finder.within(url); t != nil && found.Seen == Absent {
		key, _ := Below(t.Root, url)
		again := look(ctx, t.Store, key)
		found.Seen, found.Size, found.Err = again.Seen, again.Size, again.Err
	}
	return found
}
