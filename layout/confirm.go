package layout

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"

	"golang.org/x/sync/errgroup"
)

const (
	// confirmers is how many questions are under way at a time.
	confirmers = 16
	// fewMissing is up to how many files of a directory are asked for one by one without
	// a new listing, and manyMissing up to how many are asked for if that does not show
	// them: two listings that agree on so many are believed.
	fewMissing, manyMissing = 64, 1000
)

// confirm looks once more at what the listing showed to be missing or of another size.
// A checkpoint that is completed while the tree is listed names files that come after
// it in the listing, or were still being written; links are followed only now. What has
// been deleted meanwhile is no damage. Its only error is that of ctx.
func (b *builder) confirm(ctx context.Context, nodes []Node) error {
	byDir := map[string][]*Broken{}
	for i := range nodes {
		for j := range nodes[i].Broken {
			f := &nodes[i].Broken[j]
			if f.Fault != FaultDoubt && f.Fault != FaultPath && b.within(f.Found.URL) != nil {
				dir, _, _ := splitLast(f.Found.URL)
				byDir[dir] = append(byDir[dir], f)
			}
		}
	}
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(confirmers)
	for dir, faults := range byDir {
		group.Go(func() error {
			b.confirmIn(within, dir, faults)
			return within.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i := range nodes {
		n := &nodes[i]
		n.keepConfirmed()
		n.Broken = slices.Clip(slices.DeleteFunc(n.Broken, func(f Broken) bool { return f.Fault == NoFault }))
		if len(n.Broken) > 0 {
			n.judge(ctx)
		}
	}
	return ctx.Err()
}

// confirmIn looks at files of one directory.
func (b *builder) confirmIn(ctx context.Context, url string, faults []*Broken) {
	tree := b.within(url)
	dir, _ := Below(tree.Root, url)
	asked := map[string]Found{}
	for _, f := range faults {
		asked[path.Base(f.Found.URL)] = Found{}
	}
	var listed map[string]Object
	if len(asked) > fewMissing {
		listed, _ = children(ctx, tree.Store, dir, func(name string) bool { _, ok := asked[name]; return ok })
	}
	believe := !b.opts.Prove && listed != nil && absent(asked, listed) > manyMissing
	var open []string
	for name := range asked {
		if o, ok := listed[name]; ok && o.Type == TypeFile {
			asked[name] = Found{Seen: Present, Size: o.Size}
		} else if believe && !ok {
			asked[name] = Found{Seen: Absent}
		} else {
			open = append(open, name)
		}
	}
	for name, found := range lookAll(ctx, tree.Store, dir, open) {
		asked[name] = found
	}
	for _, f := range faults {
		found := asked[path.Base(f.Found.URL)]
		f.Found.Seen, f.Found.Size, f.Found.Err = found.Seen, found.Size, found.Err
		f.Fault = f.need.judge(f.Found)
	}
}

// keepConfirmed keeps what the second look has shown, for those who read the _metadata
// once more.
func (n *Node) keepConfirmed() {
	for i := range n.Broken {
		if n.confirmed == nil {
			n.confirmed = map[string]Found{}
		}
		n.confirmed[n.Broken[i].Found.URL] = n.Broken[i].Found
	}
}

// absent counts the names that a listing does not show.
func absent(names map[string]Found, listed map[string]Object) int {
	n := 0
	for name := range names {
		if _, ok := listed[name]; !ok {
			n++
		}
	}
	return n
}

// lookAll asks for files of one directory.
func lookAll(ctx context.Context, store Store, dir string, names []string) map[string]Found {
	found := make([]Found, len(names))
	var group errgroup.Group
	group.SetLimit(confirmers)
	for i, name := range names {
		group.Go(func() error {
			found[i] = look(ctx, store, path.Join(dir, name))
			return nil
		})
	}
	_ = group.Wait() // look keeps its errors
	byName := make(map[string]Found, len(names))
	for i, name := range names {
		byName[name] = found[i]
	}
	return byName
}

// look asks for one file.
func look(ctx context.Context, store Store, key string) Found {
	o, err := store.Stat(ctx, key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Found{Seen: Absent}
	case err != nil:
		return Found{Seen: Unclear, Err: &LookupError{URL: Join(store.URL(), key), Err: err}}
	case o.Type == TypeDir:
		return Found{Seen: Absent}
	}
	return Found{Seen: Present, Size: o.Size}
}

// judge tells the state of a complete snapshot with broken references.
func (n *Node) judge(ctx context.Context) {
	if n.State != Complete {
		return
	}
	if _, err := n.Tree.Store.Stat(ctx, n.Metadata.Key); errors.Is(err, fs.ErrNotExist) {
		*n = Node{Entry: n.Entry, Tree: n.Tree, finder: n.finder}
		n.State, n.Reason, n.Summary = Incomplete, "it was deleted while its files were looked up", nil
		return
	}
	f := Facts{HasMetadata: true}
	counted := map[string]bool{}
	for i := range n.Broken {
		b := &n.Broken[i]
		if counted[b.Found.URL] {
			continue
		}
		counted[b.Found.URL] = true
		switch b.Fault {
		case FaultAbsent, FaultPath:
			f.Missing++
		case FaultSize, FaultShort:
			f.Resized++
		case FaultDoubt:
			n.Err = b.Found.Err
		}
	}
	odd := n.Reason
	if n.State, n.Reason = Judge(f); n.State == Complete {
		n.Reason = odd
		if n.Err != nil {
			n.State, n.Reason = Unreadable, "could not check its files: "+cause(n.Err)
		}
	}
}
