package prune

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/ckpt-tool/ckpt/layout"
)

// mostPasses is how often all _metadata are looked at until a pass finds nothing new.
const mostPasses = 10

// requests is how many questions are asked at a time.
const requests = 16

// refresh looks at all _metadata once more, those of trees in which nothing goes as well:
// they may use files here. It does so unless the last look is young enough. Its error is
// a *StoppedError or that of ctx.
func (r *run) refresh(ctx context.Context) error {
	began := r.e.Now()
	if !r.refreshed.IsZero() && began.Sub(r.refreshed) < r.safety.RefreshAfter {
		return nil
	}
	for range mostPasses {
		found := 0
		for _, t := range r.plan.Graph.Trees {
			n, err := r.refreshTree(ctx, t)
			if err != nil {
				return err
			}
			found += n
		}
		if found == 0 {
			r.refreshed = began
			return nil
		}
	}
	return &StoppedError{Guard: GuardMetadata, Message: "checkpoints complete faster than they can be read",
		Hint: "run it again when there is less going on, or limit it to a smaller root"}
}

// refreshTree looks at one tree, and takes in what is new. It tells how much that was.
func (r *run) refreshTree(ctx context.Context, t *layout.Tree) (int, error) {
	found, err := r.unseen(ctx, t)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	snapshots := make([]layout.Snapshot, len(found))
	for i, o := range found {
		snapshots[i] = snapshotAt(t, o)
	}
	nodes, err := r.plan.Graph.Read(ctx, t, snapshots)
	if err != nil {
		return 0, err
	}
	for i := range nodes {
		if err := r.admit(&nodes[i]); err != nil {
			return 0, err
		}
	}
	return len(nodes), nil
}

// snapshotAt is the snapshot of which the file is the _metadata.
func snapshotAt(t *layout.Tree, meta layout.Object) layout.Snapshot {
	dir := above(meta.Key)
	s := layout.Snapshot{Dir: dir, Name: layout.Object{Key: dir}.Name(), Metadata: &meta, Files: 1, Bytes: meta.Size, Newest: meta.Modified}
	if dir == "" {
		s.Name = layout.Object{Key: layout.ParsePlace(t.Root).Path}.Name()
	}
	s.Number, s.Numbered = layout.ParseCheckpointDir(s.Name)
	s.Job, s.HasJob = layout.JobOf(layout.Join(t.Root, meta.Key))
	return s
}

// admit takes in a snapshot that is new, or whose _metadata is another than it was. What
// cannot be read stops all, unless it is merely gone again.
func (r *run) admit(n *layout.Node) error {
	at := layout.Join(n.Tree.Root, n.MetadataKey())
	key := nodeKey{n.Tree, n.Dir}
	if !n.Followed() {
		if errors.Is(n.Err, fs.ErrNotExist) {
			r.seen[key] = nil
			return nil
		}
		return &StoppedError{Guard: GuardMetadata, Path: at, Message: "it is new, and what it uses is not known: " + n.Reason, Err: n.Err}
	}
	if why := doubtful(n); why != "" {
		return &StoppedError{Guard: GuardReference, Path: at, Message: why, Hint: "name the root where they lie by --also-root URL, or say by --map OLD=NEW where they are now"}
	}
	r.ledger.add(n)
	if i, ok := r.planned[key]; ok {
		r.dropped[i] = "its _metadata is another than it was"
	}
	r.enliven(n)
	return nil
}

// doubtful tells why it is not known which files here a new snapshot uses. That some are
// missing is no doubt: they are younger than the listing.
func doubtful(n *layout.Node) string {
	if n.Outside.Refs > 0 {
		return "it is new, and names files that lie in no root"
	}
	for i := range n.Broken {
		if b := &n.Broken[i]; b.Fault == layout.FaultDoubt || b.Fault == layout.FaultPath {
			return "it is new, and what it means by " + b.Path + " is not known"
		}
	}
	return ""
}

// above is the key of the directory in which something lies.
func above(key string) string {
	return key[:max(0, strings.LastIndexByte(key, '/'))]
}

// unseen are the _metadata of a tree that were not there when it was last looked at, or
// have changed since.
func (r *run) unseen(ctx context.Context, t *layout.Tree) ([]layout.Object, error) {
	walked, err := r.walk(ctx, t)
	if err != nil {
		return nil, err
	}
	now, err := r.known(ctx, t)
	if err != nil {
		return nil, err
	}
	var found []layout.Object
	for _, o := range walked {
		if _, ok := r.seen[nodeKey{t, above(o.Key)}]; !ok {
			found = append(found, o)
		}
	}
	for _, o := range now {
		if !sameObject(r.seen[nodeKey{t, above(o.Key)}], &o) {
			found = append(found, o)
		}
	}
	for i := range found {
		r.seen[nodeKey{t, above(found[i].Key)}] = &found[i]
	}
	return found, nil
}

// known asks for the _metadata of each directory in which there was, or could have been
// one.
func (r *run) known(ctx context.Context, t *layout.Tree) ([]layout.Object, error) {
	var mu sync.Mutex
	var found []layout.Object
	var gone []nodeKey
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(requests)
	for key := range r.seen {
		if key.tree != t {
			continue
		}
		group.Go(func() error {
			o, err := t.Store.Stat(within, path.Join(key.dir, layout.MetadataName))
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				found = append(found, o)
			case errors.Is(err, fs.ErrNotExist):
				gone = append(gone, key)
			default:
				return unlisted(ctx, layout.Join(t.Root, key.dir), err)
			}
			return nil
		})
	}
	err := group.Wait()
	for _, key := range gone {
		r.seen[key] = nil
	}
	return found, err
}

// unlisted is the error for a directory of which it is not known what lies in it.
func unlisted(ctx context.Context, url string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &StoppedError{Guard: GuardListing, Path: url, Message: "it could not be looked at once more", Err: err}
}
