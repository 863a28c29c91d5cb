package prune

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/ckpt-tool/ckpt/layout"
)

// look lists the directories of a batch once more. What is gone is done, what is not what
// the plan was made from stays, and where snapshots are to go, those of the job that stay
// must still have all their files: a listing that lied, or somebody else who deletes, must
// not cost the last good one.
func (b *batch) look(ctx context.Context) error {
	l := &look{batch: b, dirs: map[dirKey]layout.FileID{}, wanted: map[dirKey]int{}, found: make([]bool, len(b.entries)), links: map[*layout.Tree]map[string]bool{}}
	for i := range b.entries {
		l.want(b.entries[i].object)
	}
	if len(b.Snapshots) > 0 {
		l.kept = map[layout.ObjectID]bool{}
		for _, n := range b.staying() {
			for _, id := range n.Objects {
				l.kept[id] = true
			}
		}
		for id := range l.kept {
			l.want(id)
		}
	}
	if err := l.list(ctx); err != nil {
		return err
	}
	b.all = cmp.Or(b.all, l.suspicion())
	if err := l.missing(ctx); err != nil {
		return err
	}
	return b.unfinished(ctx)
}

// staying are the whole snapshots beside those of the batch that are not to go.
func (b *batch) staying() []*layout.Node {
	var nodes []*layout.Node
	homes := map[nodeKey]bool{}
	for _, s := range b.Snapshots {
		n := &b.plan.Graph.Nodes[s.Node]
		homes[nodeKey{n.Tree, homeOf(n)}] = true
	}
	for i := range b.plan.Graph.Nodes {
		n := &b.plan.Graph.Nodes[i]
		beside := homes[nodeKey{n.Tree, homeOf(n)}] || b.HasJob && n.HasJob && n.Job == b.Job
		if !b.goes[i] && beside && n.State == layout.Complete && n.Followed() {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// dirKey names a directory of a listing.
type dirKey struct {
	tree *layout.Tree
	dir  layout.DirID
}

// look is a second listing of some directories.
type look struct {
	*batch
	dirs   map[dirKey]layout.FileID // and a file in each
	wanted map[dirKey]int           // how many are looked for in each
	kept   map[layout.ObjectID]bool // objects of snapshots that stay, until they are found

	mu    sync.Mutex
	found []bool // entries that are there, as they were or not
	news  string // a file that has come since
	links map[*layout.Tree]map[string]bool
}

func (l *look) want(id layout.ObjectID) {
	t, f := l.plan.Graph.Object(id)
	key := dirKey{t, t.Files.Dir(f)}
	l.dirs[key] = f
	l.wanted[key]++
}

// many is from how many files on a directory is listed as a tree, which stores can do
// with several requests at a time.
const many = 2000

func (l *look) list(ctx context.Context) error {
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(requests)
	for key, file := range l.dirs {
		group.Go(func() error {
			dir := above(key.tree.Files.Key(file))
			list := key.tree.Store.Children
			if l.wanted[key] > many && dir != "" {
				list = key.tree.Store.List
			}
			for o, err := range list(within, dir) {
				if errors.Is(err, fs.ErrNotExist) {
					continue
				}
				if err != nil {
					return unlisted(ctx, layout.Join(key.tree.Root, dir), err)
				}
				if above(o.Key) == dir && o.Type != layout.TypeDir {
					l.see(key.tree, o)
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// see compares a file with what the plan was made from.
func (l *look) see(t *layout.Tree, o layout.Object) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id, known := l.ledger.object(t, o.Key)
	if !known {
		_, pending := layout.ParsePendingMetadata(o.Name())
		if (pending || o.Name() == layout.MetadataName || layout.IsDataFile(o.Name())) && !l.skipped(t, o) {
			l.news = layout.Join(t.Root, o.Key)
		}
		return
	}
	_, f := l.plan.Graph.Object(id)
	listed := layout.Object{Size: t.Files.Size(f), Modified: t.Files.Modified(f)}
	same := sameObject(&listed, &layout.Object{Type: o.Type, Size: o.Size, Modified: o.Modified})
	if same || o.Type == layout.TypeFile && o.Size == listed.Size {
		delete(l.kept, id)
	}
	i, ok := l.index[id]
	if !ok {
		return
	}
	l.found[i] = true
	if !same {
		l.leaveErr(i, layout.ErrChanged)
	} else if o.Tag != "" {
		l.tags[i] = o.Tag
	}
}

// skipped tells whether something is a link, or no file, that the listing has met and left
// out: it is not new.
func (l *look) skipped(t *layout.Tree, o layout.Object) bool {
	if o.Type == layout.TypeFile {
		return false
	}
	if l.links[t] == nil {
		l.links[t] = map[string]bool{}
		for _, s := range t.Skipped {
			l.links[t][s.Key] = true
		}
	}
	return l.links[t][o.Key]
}

// suspicion tells why nothing must go of the job, "" where nothing speaks against it.
func (l *look) suspicion() string {
	if len(l.Snapshots) == 0 {
		return ""
	}
	for id := range l.kept {
		return fmt.Sprintf("%s is gone, which a checkpoint needs that is to stay", l.plan.Graph.URL(id))
	}
	if l.news != "" {
		return l.news + " has come since: its job may live"
	}
	return ""
}

// missing is for entries that were not listed any more: they are done. Of a _metadata
// that is proved first, since it decides about others.
func (l *look) missing(ctx context.Context) error {
	for i := range l.entries {
		e := &l.entries[i]
		if l.found[i] || e.told || l.all != "" {
			continue
		}
		if !e.meta {
			l.done(ctx, int32(i), errGone)
			continue
		}
		t, f := l.plan.Graph.Object(e.object)
		o, err := t.Store.Stat(ctx, t.Files.Key(f))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			l.done(ctx, int32(i), errGone)
		case err != nil:
			return unlisted(ctx, l.url(int32(i)), err)
		case !sameObject(&layout.Object{Size: t.Files.Size(f), Modified: t.Files.Modified(f)}, &layout.Object{Type: o.Type, Size: o.Size, Modified: o.Modified}):
			l.leaveErr(int32(i), layout.ErrChanged)
		default:
			l.tags[int32(i)] = o.Tag
		}
	}
	return nil
}

// unfinished leaves files that are still being written.
func (b *batch) unfinished(ctx context.Context) error {
	open := make([]error, len(b.entries))
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(requests)
	for i := range b.entries {
		if b.entries[i].told {
			continue
		}
		t, f := b.plan.Graph.Object(b.entries[i].object)
		group.Go(func() error {
			writing, err := t.Store.Unfinished(within, t.Files.Key(f))
			if err == nil && writing {
				err = errOpen
			}
			if !errors.Is(err, fs.ErrNotExist) {
				open[i] = err
			}
			return within.Err()
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for i, err := range open {
		if err != nil {
			b.leaveErr(int32(i), err)
		}
	}
	return nil
}

// trashKey is where an entry goes in the trash.
func (b *batch) trashKey(i int32) string {
	return path.Join(b.e.Trash.Dir, b.out.Run, fmt.Sprint(b.first+int(i)))
}

// errOpen is for a file that its writer has not closed yet. It is no failure.
var errOpen = errors.New("it is still being written")
